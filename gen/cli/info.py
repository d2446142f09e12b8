"""The commands that only tell: list, show, doctor."""

import shlex
from dataclasses import MISSING, fields
from typing import Any, get_type_hints

import typer
from amaranth.lib.wiring import Component

from gemmule.gen.block import Array, Block
from gemmule.gen.catalog import catalog, find
from gemmule.gen.synthesis.choose import AUTO, automatic
from gemmule.gen.verilog.docstrings import FACTS, facts
from gemmule.golden.common.options import Options, flag
from gemmule.hw.common.unused import looked_at

from .options import BLOCK, allowed
from .printing import JSON, pairs, print_json, table

__all__ = ["describe", "doctor", "env", "latency", "list_blocks", "show"]


def list_blocks(as_json: JSON = False) -> int:
    """List the blocks, each with its family and what it does."""
    rows = [(block.name, block.family, block.summary) for block in catalog().values()]
    if as_json:
        names = ("name", "family", "summary")
        print_json([dict(zip(names, row, strict=True)) for row in rows])
    else:
        table(["block", "family", "what it does"], rows)
    return 0


def show(block: BLOCK, as_json: JSON = False) -> int:
    """Show a block's options, arrays, ports, latency and sources."""
    about = describe(find(block))
    if as_json:
        print_json(about)
        return 0
    typer.echo(f"{about['name']} ({about['family']}): {about['summary']}\n")
    pairs({name: about[name] for name in (*map(str.lower, FACTS), "cycles") if about[name]})
    for title in ("hardware_options", "run_options"):
        rows = [list(each.values()) for each in about[title]]
        if rows:
            table(["option", "default", "allowed", "meaning"], rows, title.replace("_", " "))
    arrays = [
        (way, array["name"], array["shape"], array["format"], array["optional"], array["text"])
        for way in ("inputs", "outputs")
        for array in about[way]
    ]
    if arrays:
        table(["way", "array", "shape", "format", "optional", "meaning"], arrays, "data")
    table(
        ["port", "direction", "width"],
        [list(port.values()) for port in about["ports"]],
        "ports, with the default options",
    )
    for name, values in about["presets"].items():
        typer.echo(f"preset {name}: {values}")
    return 0


def doctor(as_json: JSON = False) -> int:
    """Report which tools are found, in which version, and how to get those that are missing."""
    from gemmule.gen.tools import survey

    found = survey()
    if as_json:
        print_json([vars(tool) for tool in found])
    else:
        rows = [
            (
                tool.name,
                *((tool.version, tool.path) if tool.path else ("missing", tool.remedy)),
                tool.purpose,
                "needed" if tool.needed else "optional",
            )
            for tool in found
        ]
        table(["tool", "version", "where, or how to get it", "purpose", "kind"], rows)
    return 0 if all(tool.path or not tool.needed for tool in found) else 1


def env() -> int:
    """Print the shell variables that the tools need: `eval "$(gemmule env)"`."""
    from gemmule.gen.tools import shell_variables

    for name, value in shell_variables().items():
        typer.echo(f"export {name}={shlex.quote(value)}")
    return 0


def latency(component: Component) -> int | None:
    """Return the cycles from a beat that is taken to what comes of it."""
    return getattr(component, "latency", getattr(component, "LATENCY", None))


def describe(block: Block) -> dict[str, Any]:
    """Return all that `show` says of ``block``, as plain data."""
    from gemmule.gen.verilog.ports import ports

    adapter = block.runs
    component = looked_at(block.component(block.params()))
    return {
        "name": block.name,
        "family": block.family,
        "summary": block.summary,
        **facts(block.component.__doc__ or ""),
        "cycles": latency(component),
        "hardware_options": _options(block.params),
        "run_options": _options(adapter.Run) if adapter else [],
        "inputs": [_array(each) for each in adapter.inputs] if adapter else [],
        "outputs": [_array(each) for each in adapter.outputs] if adapter else [],
        "ports": [each.to_json() for each in ports(component)],
        "presets": {name: dict(values) for name, values in block.presets.items()},
    }


def _options(kind: type[Options]) -> list[dict[str, Any]]:
    hints = get_type_hints(kind)
    return [
        {
            "option": flag(each.name),
            "default": "required"
            if each.default is MISSING
            else AUTO
            if each.name in automatic(kind)
            else _plain(each.default),
            "allowed": allowed(each, hints[each.name], auto=each.name in automatic(kind)),
            "help": each.metadata.get("help"),
        }
        for each in fields(kind)
    ]


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _array(array: Array) -> dict[str, Any]:
    return {name: getattr(array, name) for name in ("name", "shape", "format", "text", "optional")}
