"""A folder that a stranger can take away: Verilog, AXI4-Stream top, FuseSoC core, constraints."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from gemmule.gen.block import Block
from gemmule.gen.boards import Board, load_board
from gemmule.gen.catalog import find
from gemmule.gen.files.atomic import folder_at, write_folder
from gemmule.gen.synthesis.synth import check_cell, synthesize
from gemmule.gen.verilog.axis import AxisForm
from gemmule.gen.verilog.emit import emit
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.options import Options

from .axi.files import axi_package
from .axi.ports import axi_ports
from .common import Rows, Texts, Wanted
from .earlier import digest, leftovers
from .streams import stream_package

__all__ = ["generate"]

DEFAULT_MHZ = 200.0


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
    wanted = Wanted(block, params, emitted, form or AxisForm(), target, clock, taken)
    if ports := axi_ports(emitted.manifest):
        if wanted.form != AxisForm():
            raise UsageError(
                "--streams, --tdata-width and --fifo-depth are for blocks with streams, which"
                f" {block.name} lacks"
            )
        axis = None
        texts, what = axi_package(wanted, ports)
    else:
        texts, what, axis = stream_package(wanted)
    texts |= _manifest(wanted, texts, axis)
    write_folder(folder, texts, remove=leftovers(folder, emitted.top, texts, force=force))
    return what


def _resources(block: Block, params: Options, board: Board) -> Rows:
    """Return what the block takes on the board, as rows of the data sheet; each unit has one."""
    units = block.bus_adapter is not None
    report = synthesize(block, params, board, parts=units, flatten=False if units else None)
    counts = (
        f"{_counted(vars(report))}, as Yosys maps the block; {report.logic_levels} logic levels on"
        f" the longest way from register to register; constraints ask for {board.clock_mhz:g} MHz"
    )
    parts = report.parts.items() if units else ()
    return [
        (f"on {board.title}, {board.part}", counts),
        *((f"{name} there, mapped apart", _counted(each)) for name, each in parts),
    ]


def _counted(counts: Mapping[str, Any]) -> str:
    """Say how many cells of each kind there are."""
    brams = counts["bram36"] + counts["bram18"] / 2
    return f"{counts['lut']} LUT, {counts['ff']} FF, {counts['dsp']} DSP, {brams:g} BRAM36"


def _unknown(block: Block, board: Board | None) -> Rows:
    """Say which command counts what was not counted, as a row of the data sheet."""
    name = board.name if board else "BOARD"
    how = (
        f"not counted: `gemmule synth {block.name} --board {name}` with these parameters tells, and"
        f" `gemmule generate {block.name} --board {name} --resources` puts it here"
    )
    return [("resources, logic levels", how)]


def _manifest(wanted: Wanted, texts: Texts, axis: dict[str, Any] | None) -> Texts:
    """Return the manifest of a package, with the digests of all its other files."""
    manifest = wanted.emitted.manifest
    whole = replace(
        manifest,
        vlnv=f"gemmule::{wanted.name}:{manifest.versions['gemmule']}",
        axis=axis,
        files={each: digest(texts[each]) for each in sorted(texts)},
    )
    return {f"{wanted.name}.json": json.dumps(whole.to_json(), indent=2) + "\n"}
