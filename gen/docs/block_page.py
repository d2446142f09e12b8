"""A page about one block, made of what it says of itself: options, arrays, ports, its sheet."""

from collections.abc import Iterator, Mapping
from typing import Any

from gemmule.gen.block import Block
from gemmule.gen.cli.info import describe
from gemmule.gen.package.sheet.form import Field, Sheet
from gemmule.gen.verilog.docstrings import FACTS

from .tables import markdown

__all__ = ["block_page", "index_page"]

OPTION = ("option", "default", "allowed", "meaning")


def block_page(block: Block) -> str:
    """Return the page of ``block`` in Markdown, with its default options."""
    about = describe(block)
    sheet = block.sheet(block.params()) if block.sheet else None
    parts = [f"# {about['name']}", about["summary"], _facts(about, sheet), *_options(about)]
    parts += _arrays(about)
    if sheet:
        parts += _sheet(sheet, about)
    parts += ["## Ports of the Verilog", _ports(about)]
    how = (
        f"`gemmule generate {block.name} --out DIR` writes it with a data sheet that has every bit"
    )
    parts += ["## Files", f"{how}, and worked examples where the block takes arrays."]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def index_page(pages: Mapping[str, Mapping[str, str]]) -> str:
    """Return the page that lists all blocks, ``pages`` by family: name -> summary."""
    parts = ["# Blocks", "With their default options. Made from what the blocks say of themselves."]
    for family, blocks in pages.items():
        rows = [(f"[{name}]({name}.md)", text) for name, text in blocks.items()]
        parts += [f"## {family}", markdown(["block", "what it does"], rows)]
    names = "\n".join(name for blocks in pages.values() for name in blocks)
    parts.append(f"```{{toctree}}\n:hidden:\n\n{names}\n```")
    return "\n\n".join(parts) + "\n"


def _facts(about: Mapping[str, Any], sheet: Sheet | None) -> str:
    told = {name.lower(): about[name.lower()] for name in FACTS}
    if sheet:
        texts = {
            "latency": sheet.latency,
            "throughput": sheet.throughput,
            "back-pressure": sheet.back_pressure,
            "source": sheet.source,
        }
        told |= {name: _filled(text, about) for name, text in texts.items() if text}
    rows = [("family", about["family"])]
    rows += [(name, " ".join(text.split())) for name, text in told.items() if text]
    return markdown(["", ""], rows)


def _options(about: Mapping[str, Any]) -> Iterator[str]:
    for title, key in (("Hardware options", "hardware_options"), ("Run options", "run_options")):
        if about[key]:
            yield f"## {title}"
            yield markdown(
                OPTION,
                [
                    (
                        f"`{each['option']}`",
                        _default(each["default"]),
                        _code(each["allowed"]),
                        each["help"],
                    )
                    for each in about[key]
                ],
            )
    if about["presets"]:
        yield "## Presets"
        yield markdown(["preset", "options"], about["presets"].items())


def _arrays(about: Mapping[str, Any]) -> Iterator[str]:
    rows = [
        (
            f"`{each['name']}`",
            way[:-1] + (", optional" if each["optional"] else ""),
            each["shape"],
            each["format"],
            each["text"],
        )
        for way in ("inputs", "outputs")
        for each in about[way]
    ]
    if rows:
        yield "## Arrays"
        yield markdown(
            ["array", "way", "shape", "format", "meaning"],
            [(name, way, _code(shape), _code(form), text) for name, way, shape, form, text in rows],
        )


def _sheet(sheet: Sheet, about: Mapping[str, Any]) -> Iterator[str]:
    yield "## What it computes"
    yield _filled(sheet.equation, about)
    if sheet.streams:
        yield "## Streams"
    for name, stream in sheet.streams.items():
        yield f"### {name}"
        if stream.meaning:
            yield _filled(stream.meaning, about)
        if stream.fields:
            rows = [(f"`{field}`", *_field(it)) for field, it in stream.fields.items()]
            yield _filled(markdown(["field", "unit", "legal", "meaning"], rows), about)
    for title, text in (
        ("Order of beats", sheet.order),
        ("Refused commands and wrong packets", sheet.faults),
    ):
        if text:
            yield f"## {title}"
            yield _filled(text, about)
    if sheet.limits:
        yield "## Limits"
        yield _filled(markdown(["limit", ""], sheet.limits), about)


def _ports(about: Mapping[str, Any]) -> str:
    rows = [(f"`{each['name']}`", *list(each.values())[1:]) for each in about["ports"]]
    return markdown(["port", "direction", "width"], rows)


def _field(it: Field) -> tuple[str, str, str]:
    return it.unit or "-", it.legal, " ".join(it.meaning.split())


def _filled(text: str, about: Mapping[str, Any]) -> str:
    return text.replace("{latency}", str(about["cycles"])).replace("{name}", about["name"])


def _default(value: object) -> str:
    return "-" if value is None else _code(value)


def _code(value: object) -> str:
    return f"`{value}`" if str(value) else "-"
