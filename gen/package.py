"""A folder that a stranger can take away: Verilog, AXI4-Stream top, FuseSoC core, constraints."""

import json
from collections.abc import Mapping
from dataclasses import fields
from importlib.resources import files
from pathlib import Path
from typing import Any

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.options import Options

from .axis import axis_streams
from .block import Block
from .boards import Board, load_board
from .catalog import find
from .docs import plain
from .earlier import digest, leftovers
from .emit import Emitted, emit
from .files import folder_at, write_folder
from .sheet.code import code_view, encoder_text
from .sheet.plain import sheet_of
from .sheet.view import sheet_view
from .synth import check_cell
from .tech.models import models

__all__ = ["generate"]

DEFAULT_MHZ = 200.0
SCRIPTS = {
    "build_ooc.tcl": "Vivado: builds out of context, reports use and timing",
    "build_project.tcl": "Vivado: makes a project",
}


def generate(
    block: str | Block,
    params: Options,
    out: Path | str,
    *,
    board: str | Path | Board | None = None,
    clock_mhz: float | None = None,
    force: bool = False,
) -> dict[str, str]:
    """Write ``block`` into the folder ``out``; return each file's name and what it is.

    The same parameters and versions give the same bytes. All files appear together or none does;
    those that an earlier run left there go. A file that is not as an earlier run left it is
    overwritten with ``force`` alone.
    """
    folder = folder_at("--out", out)
    block = find(block) if isinstance(block, str) else block
    target = load_board(board) if board is not None else None
    clock = clock_mhz if clock_mhz is not None else target.clock_mhz if target else DEFAULT_MHZ
    if not 1 <= clock <= 2000:
        raise UsageError(f"--clock-mhz must be in 1..2000, not {clock}")
    if target:
        check_cell(params, target)
    emitted = emit(block, params)
    texts, what = _texts(block, params, emitted, target, clock)
    manifest = emitted.manifest | {"files": {each: digest(texts[each]) for each in sorted(texts)}}
    texts[f"{emitted.top}.json"] = json.dumps(manifest, indent=2) + "\n"
    write_folder(folder, texts, remove=leftovers(folder, emitted.top, texts, force=force))
    return what


def _texts(
    block: Block, params: Options, emitted: Emitted, board: Board | None, clock_mhz: float
) -> tuple[dict[str, str], dict[str, str]]:
    name = emitted.top
    what = {
        f"{name}.v": "the block",
        f"{name}_axis.v": "the block between AXI4-Streams",
        f"{name}.json": "parameters, ports, streams, latency, versions",
        f"{name}.xdc": "clock and margins of the ports, out of context",
        f"{name}.core": "FuseSoC core, with a lint target",
        "fusesoc.conf": "makes this folder a FuseSoC library",
        f"{name}.vlt": "Verilator: what lint need not say, and why",
        f"{name}.md": "data sheet",
        f"{name}.h": "C: offsets, widths, codes, functions that fill words and read them",
        f"{name}.py": "Python, standard library alone: the same, and how arrays become words",
        **SCRIPTS,
    }
    if board and board.ours:
        what[f"{board.name}.xdc"] = f"clock and reset pins of the {board.title}"
    primitives = {f"sim/{file}": text for file, text in models(emitted.verilog).items()}
    what |= dict.fromkeys(primitives, "behavior of a device primitive, for simulation alone")
    view = _view(block, params, emitted, board, clock_mhz)
    view |= {"files": what, "models": sorted(primitives)}
    constraints = files("gemmule.constraints")
    texts = {
        f"{name}.v": emitted.verilog,
        f"{name}_axis.v": _render("axis.v", view),
        f"{name}.xdc": _render("ooc.xdc", view),
        f"{name}.core": _render("ip.core", view),
        "fusesoc.conf": _render("fusesoc.conf", view),
        f"{name}.vlt": _render("waivers.vlt", view),
        f"{name}.md": _render("datasheet.md", view),
        f"{name}.h": _render("header.h", code_view(name, view["sheet"], view["streams"])),
        f"{name}.py": encoder_text(name, view["sheet"], view["streams"]),
        **primitives,
    }
    copied = {each for each in what if each not in texts} - {f"{name}.json"}
    return texts | {each: constraints.joinpath(each).read_text() for each in copied}, what


def _view(
    block: Block, params: Options, emitted: Emitted, board: Board | None, clock_mhz: float
) -> dict[str, Any]:
    """What the templates may speak of."""
    manifest, adapter = emitted.manifest, block.adapter
    values = params.as_dict()
    streams = axis_streams(manifest)
    return {
        **sheet_view(block, params, sheet_of(block, params, manifest), manifest, streams),
        "name": emitted.top,
        "block": block.name,
        "resources": [],
        "summary": plain(manifest["summary"]),
        "notes": manifest.get("notes"),
        "versions": manifest["versions"],
        "vlnv": f"gemmule::{emitted.top}:{manifest['versions']['gemmule']}",
        "parameters": [
            {"name": each.name, "value": values[each.name], "help": each.metadata.get("help", "")}
            for each in fields(params)
        ],
        "ports": {port["name"] for port in manifest["ports"]},
        "streams": streams,
        "arrays": [
            (way, array)
            for way, arrays in (
                [("in", adapter.inputs), ("out", adapter.outputs)] if adapter else []
            )
            for array in arrays
        ],
        "board": board,
        "part": board.part if board else None,
        "clock_mhz": clock_mhz,
    }


def _render(name: str, view: Mapping[str, Any]) -> str:
    from jinja2 import Environment, FunctionLoader, StrictUndefined  # most commands need none

    templates = files("gemmule.gen.templates")
    environment = Environment(
        loader=FunctionLoader(lambda each: templates.joinpath(f"{each}.j2").read_text()),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=False,
        autoescape=False,
    )
    return environment.get_template(name).render(view)
