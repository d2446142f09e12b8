"""A folder that a stranger can take away: Verilog, AXI4-Stream top, FuseSoC core, constraints."""

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from gemmule.gen.block import Block
from gemmule.gen.boards import Board, load_board
from gemmule.gen.catalog import find
from gemmule.gen.files.atomic import folder_at, write_folder
from gemmule.gen.synthesis.synth import check_cell, synthesize
from gemmule.gen.verilog.axis import AxisForm
from gemmule.gen.verilog.border import Border, emit_border
from gemmule.gen.verilog.emit import Emitted, emit
from gemmule.gen.verilog.primitives import primitives_in
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.options import Options

from .earlier import digest, leftovers
from .selftest import selftest_view
from .sheet.code import code_view, encoder_text
from .sheet.plain import sheet_of
from .sheet.view import sheet_view

__all__ = ["generate"]

DEFAULT_MHZ = 200.0
Rows = list[tuple[str, str]]
CONSTRAINTS, TEMPLATES = "gemmule.constraints", "gemmule.gen.package.templates"


def generate(
    block: str | Block,
    params: Options,
    out: Path | str,
    *,
    name: str | None = None,
    board: str | Path | Board | None = None,
    clock_mhz: float | None = None,
    form: AxisForm | None = None,
    force: bool = False,
    resources: bool = False,
) -> dict[str, str]:
    """Write ``block`` into the folder ``out``; return each file's name and what it is.

    Modules, files and the FuseSoC core are called ``name`` or ``name_...``, by default after the
    block. ``form`` says what the AXI4-Streams are like. The same parameters and versions give the
    same bytes. All files appear together or none does; those that an earlier run left there go. A
    file that is not as an earlier run left it is overwritten with ``force`` alone. With
    ``resources`` the data sheet says what Yosys maps the block to on ``board``.
    """
    folder = folder_at("--out", out)
    block = find(block) if isinstance(block, str) else block
    target = load_board(board) if board is not None else None
    clock = clock_mhz if clock_mhz is not None else target.clock_mhz if target else DEFAULT_MHZ
    if not 1 <= clock <= 2000:
        raise UsageError(f"--clock-mhz must be in 1..2000, not {clock}")
    if target:
        check_cell(params, target)
    if resources and not target:
        raise UsageError("--resources needs --board")
    counted = target if resources else None
    taken = _resources(block, params, counted) if counted else _unknown(block, target)
    emitted = emit(block, params, name=name)
    border = emit_border(emitted, form or AxisForm())
    texts, what = _texts(block, params, emitted, border, target, clock, taken)
    write_folder(folder, texts, remove=leftovers(folder, emitted.top, texts, force=force))
    return what


def _resources(block: Block, params: Options, board: Board) -> Rows:
    """Return what the block takes on the board, as rows of the data sheet."""
    report = synthesize(block, params, board, parts=False)
    brams = report.bram36 + report.bram18 / 2
    counts = (
        f"{report.lut} LUT, {report.ff} FF, {report.dsp} DSP, {brams:g} BRAM36, as Yosys maps the"
        f" block; {report.logic_levels} logic levels on the longest way from register to register;"
        f" constraints ask for {board.clock_mhz:g} MHz"
    )
    return [(f"on {board.title}, {board.part}", counts)]


def _unknown(block: Block, board: Board | None) -> Rows:
    """Say which command counts what was not counted, as a row of the data sheet."""
    name = board.name if board else "BOARD"
    how = (
        f"not counted: `gemmule synth {block.name} --board {name}` with these parameters tells, and"
        f" `gemmule generate {block.name} --board {name} --resources` puts it here"
    )
    return [("resources, logic levels", how)]


def _texts(
    block: Block,
    params: Options,
    emitted: Emitted,
    border: Border | None,
    board: Board | None,
    clock_mhz: float,
    resources: Rows,
) -> tuple[dict[str, str], dict[str, str]]:
    name = emitted.top
    axis = {f"{name}_axis.v": "the block between AXI4-Streams"} if border else {}
    what = {
        f"{name}.v": "the block",
        **axis,
        f"{name}.json": "parameters, ports, streams, latency, versions",
        f"{name}.xdc": "clock and margins of the ports, out of context",
        f"{name}_ooc.tcl": "Vivado: builds out of context, reports use and timing",
        f"{name}_project.tcl": "Vivado: makes a project",
        f"{name}.core": "FuseSoC core, with targets lint and, where there is a testbench, sim",
        "fusesoc.conf": "makes this folder a FuseSoC library",
        f"{name}.vlt": "Verilator: what lint need not say, and why",
        f"{name}.md": "data sheet",
        f"{name}.h": "C: offsets, widths, codes, functions that fill words and read them",
        f"{name}.py": "Python, standard library alone: the same, and how arrays become words",
    }
    primitives = {f"sim/{file}": text for file, text in primitives_in(emitted.verilog).items()}
    what |= dict.fromkeys(primitives, "behavior of a device primitive, for simulation alone")
    view = _view(block, params, emitted, border, board, clock_mhz) | {"resources": resources}
    selftest = selftest_view(block, params, view["streams"], view["sheet"].examples)
    benches = {f"sim/{name}_tb.sv": "replays the data sheet's first example"} if selftest else {}
    what |= benches
    view |= {"files": what, "models": sorted(primitives), "rtl": [f"{name}.v", *axis]}
    view |= {"selftest": selftest, "benches": list(benches)}
    texts = {
        f"{name}.v": emitted.verilog,
        **(dict.fromkeys(axis, border.verilog) if border else {}),
        f"{name}.xdc": _render(CONSTRAINTS, "ooc.xdc", view),
        f"{name}_ooc.tcl": _render(CONSTRAINTS, "build_ooc.tcl", view),
        f"{name}_project.tcl": _render(CONSTRAINTS, "build_project.tcl", view),
        f"{name}.core": _render(TEMPLATES, "ip.core", view),
        "fusesoc.conf": _render(TEMPLATES, "fusesoc.conf", view),
        f"{name}.vlt": _render(TEMPLATES, "waivers.vlt", view),
        f"{name}.md": _render(TEMPLATES, "datasheet.md", view),
        f"{name}.h": _render(
            TEMPLATES, "header.h", code_view(name, view["sheet"], view["streams"])
        ),
        f"{name}.py": encoder_text(name, view["sheet"], view["streams"]),
        **{each: _render(TEMPLATES, "selftest.sv", view) for each in benches},
        **primitives,
    }
    manifest = replace(
        emitted.manifest,
        vlnv=view["vlnv"],
        axis=border.manifest if border else None,
        files={each: digest(texts[each]) for each in sorted(texts)},
    )
    return texts | {f"{name}.json": json.dumps(manifest.to_json(), indent=2) + "\n"}, what


def _view(
    block: Block,
    params: Options,
    emitted: Emitted,
    border: Border | None,
    board: Board | None,
    clock_mhz: float,
) -> dict[str, Any]:
    """Return what the templates may speak of."""
    manifest, adapter = emitted.manifest, block.adapter
    values = params.as_dict()
    streams = border.streams if border else []
    return {
        **sheet_view(block, params, sheet_of(block, params, manifest), manifest, streams),
        "name": emitted.top,
        "block": block.name,
        "summary": manifest.summary,
        "notes": manifest.notes,
        "versions": manifest.versions,
        "vlnv": f"gemmule::{emitted.top}:{manifest.versions['gemmule']}",
        "parameters": [
            {
                "name": each.name,
                "value": "not given" if values[each.name] is None else values[each.name],
                "help": each.metadata.get("help", ""),
            }
            for each in fields(params)
        ],
        "streams": streams,
        "top": border.top if border else emitted.top,
        "clock": "aclk" if border else "clk",
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


def _render(folder: str, name: str, view: Mapping[str, Any]) -> str:
    from jinja2 import Environment, FunctionLoader, StrictUndefined  # most commands need none

    templates = files(folder)
    environment = Environment(
        loader=FunctionLoader(lambda each: templates.joinpath(f"{each}.j2").read_text()),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=False,
        autoescape=False,
    )
    return environment.get_template(name).render(view)
