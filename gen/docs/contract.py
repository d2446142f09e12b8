"""What a block describes of itself in the form in which `interface.md` states it."""

from gemmule.gen.block import Block
from gemmule.gen.cli.info import describe

from .tables import markdown

__all__ = ["contract"]

WAYS = ("input", "output")


def contract(block: Block) -> str:
    """Return the options, arrays and streams of ``block``, without their explanations."""
    about = describe(block)
    options = [
        (f"`{each['option']}`", kind, _code(each["default"]), _code(each["allowed"]))
        for kind, key in (("hardware", "hardware_options"), ("run", "run_options"))
        for each in about[key]
    ]
    arrays = [
        (
            f"`{each['name']}`",
            way + (", optional" if each["optional"] else ""),
            _code(each["shape"]),
            _code(each["format"]),
        )
        for way, key in (("in", "inputs"), ("out", "outputs"))
        for each in about[key]
    ]
    parts = [markdown(["option", "kind", "default", "allowed"], options)]
    if arrays:
        parts.append(markdown(["array", "way", "shape", "format"], arrays))
    streams = {
        each["name"].removesuffix("__valid"): each["direction"]
        for each in about["ports"]
        if each["name"].endswith("__valid")
    }
    if streams:
        ways = {way: [f"`{name}`" for name, it in streams.items() if it == way] for way in WAYS}
        parts.append(f"Streams in: {', '.join(ways['input'])}. Out: {', '.join(ways['output'])}.\n")
    return "\n".join(parts)


def _code(value: object) -> str:
    return "-" if value in (None, "") else f"`{value}`"
