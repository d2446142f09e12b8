"""What a block costs on a board, counted by Yosys."""

import json
import re
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gemmule.gen.block import Block
from gemmule.gen.boards import RESOURCES, Board, load_board
from gemmule.gen.catalog import find
from gemmule.gen.files import cache
from gemmule.gen.verilog import hierarchy, yosys
from gemmule.gen.verilog.emit import Emitted, emit
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.options import Options

from . import netlist, synth_yosys

__all__ = ["Report", "check_cell", "count", "synthesize"]

LUTS = {
    "RAM16X1D": 2,
    "RAM32X1S": 1,
    "RAM32X1D": 2,
    "RAM64X1S": 1,
    "RAM64X1D": 2,
    "RAM128X1S": 2,
    "RAM128X1D": 4,
    "RAM256X1S": 4,
    "RAM256X1D": 8,
    "RAM512X1S": 8,
    "RAM32M": 4,
    "RAM64M": 4,
    "RAM32M16": 8,
    "RAM64M8": 8,
    "RAM32X16DR8": 8,
    "RAM64X8SW": 8,
}
"""The LUTs that a distributed memory takes."""

KINDS = {
    "srl": r"SRL16E|SRLC16E|SRLC32E",
    "lut": r"LUT[1-6]|LUT6_2|INV",
    "ff": r"FD[RSCP]E(_1)?|LD[CP]E",
    "carry": r"CARRY4",
    "dsp": r"DSP48E[12]",
    "bram18": r"RAMB18E[12]|FIFO18E[12]",
    "bram36": r"RAMB36E[12]|FIFO36E[12]",
    "uram": r"URAM288(_BASE)?",
}


@dataclass(frozen=True, kw_only=True)
class Report:
    """The resources that a block takes on a board.

    ``lut`` holds shift registers and distributed memories, which ``srl`` and ``lutram`` count
    apart. ``parts`` are the sub-blocks and the ``glue`` between them, which includes the first and
    the last of a row of equal ones: they differ from the others. The sum of the parts is a little
    more than the whole, from which what nothing uses was removed across their borders.
    ``logic_delay_ns`` is the longest path without its routing, in 7-series figures of Yosys: a
    bound that compares two designs, never a clock; None where Yosys knows no delays.
    ``logic_levels`` counts the cells of ``longest_path``, the longest way between two registers: a
    look-up table, a multiplexer or four bits of a carry chain (CARRY4) are a level each, whatever
    is inside a DSP block none. ``fanouts`` are the nets with the most sinks but for clocks. On
    UltraScale+ Yosys leaves accumulators outside the DSP block that Vivado would fold into it.
    """

    block: str
    board: str
    part: str
    lut: int
    ff: int
    carry: int
    dsp: int
    bram18: int
    bram36: int
    uram: int
    srl: int
    lutram: int
    percent: Mapping[str, float | None]
    fits: bool
    logic_delay_ns: float | None
    logic_levels: int
    longest_path: list[str]
    fanouts: Mapping[str, int]
    parts: Mapping[str, Mapping[str, int]]
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain data."""
        return asdict(self)


def synthesize(
    block: str | Block,
    params: Options,
    board: str | Path | Board,
    *,
    parts: bool = True,
    flatten: bool | None = None,
) -> Report:
    """Map ``block`` to the device of ``board`` and count what it takes.

    With ``flatten`` the design is flattened before it is mapped (`synth_xilinx -flatten`), as for a
    bare array by default. Otherwise borders of sub-blocks and of what is repeated are kept until
    all is mapped, and go then: several times faster, and a few percent above.
    """
    started = time.perf_counter()
    block = find(block) if isinstance(block, str) else block
    target = load_board(board)
    check_cell(params, target)
    emitted = emit(block, params)
    flat = block.adapter is None if flatten is None else flatten
    ways = [not flat, True] if parts and flat else [not flat]
    with ThreadPoolExecutor() as pool:
        found, *others = pool.map(lambda way: _cached(emitted, target.family, way), ways)
    apart = (*others, found)[0]["parts"] if parts else {}
    counts = count(found["cells"])
    use = {name: counts[name] for name in RESOURCES}
    return Report(
        block=block.name,
        board=target.name,
        part=target.part,
        **counts,
        percent={name: _percent(use[name], target.resources[name]) for name in RESOURCES},
        fits=_fits(use, target.resources),
        logic_delay_ns=found["logic_delay_ns"],
        logic_levels=found["logic_levels"],
        longest_path=found["longest_path"],
        fanouts=found["fanouts"],
        parts={
            name: {"instances": part["instances"], **count(part["cells"])}
            for name, part in apart.items()
        },
        seconds=round(time.perf_counter() - started, 3),
    )


def count(cells: Mapping[str, int]) -> dict[str, int]:
    """Count the resources of a netlist from how many cells of each type it has.

    Examples
    --------
    >>> counts = count({"LUT3": 5, "SRL16E": 2, "RAM32M": 1, "FDRE": 7, "BUFG": 1})
    >>> {name: number for name, number in counts.items() if number}
    {'lut': 11, 'ff': 7, 'srl': 2, 'lutram': 4}
    """
    found = dict.fromkeys((*RESOURCES, "srl", "lutram"), 0)
    for cell, number in cells.items():
        found["lutram"] += LUTS.get(cell, 0) * number
        for kind, pattern in KINDS.items():
            if re.fullmatch(pattern, cell):
                found[kind] += number
    found["lut"] += found["srl"] + found["lutram"]
    return found


def check_cell(params: Options, board: Board) -> None:
    """Raise :class:`UsageError` for a cell the device lacks, or columns beyond its cascades."""
    cell = getattr(params, "cell", "generic")
    if cell == "generic":
        return
    if cell != board.cell:
        raise UsageError(f"--cell must be {board.cell} or generic on {board.name}, not {cell}")
    rows = params.as_dict()["rows"]
    if rows > board.cascade:
        raise UsageError(
            f"--rows must be at most {board.cascade} with --cell {cell} on {board.name}, as long as"
            f" a column of DSP blocks is, not {rows}"
        )


def _cached(emitted: Emitted, family: str, borders: bool) -> dict[str, Any]:
    """Return what Yosys finds, kept under a key of all that it depends on."""
    ours = (synth_yosys, hierarchy, netlist, yosys)
    files = (__file__, *(str(each.__file__) for each in ours))
    recipe = b"".join(Path(each).read_bytes() for each in files)

    def build(folder: Path) -> None:
        (folder / "netlist.json").write_text(json.dumps(_run(emitted, family, borders)))

    key = cache.key(emitted.verilog, family, str(borders), yosys.VERSION, recipe)
    folder = cache.kept(f"synth-{key}", build)
    return json.loads((folder / "netlist.json").read_text())


def _run(emitted: Emitted, family: str, borders: bool) -> dict[str, Any]:
    modules = hierarchy.modules(emitted.verilog)
    instances = modules[emitted.top] if borders else {}
    kept = hierarchy.borders(modules, emitted.top) if borders else set()
    edges = hierarchy.edges(modules, kept)
    found = synth_yosys.run(emitted.verilog, emitted.top, family, kept, edges)
    top = found.parts[emitted.top]
    parts = {
        name: {
            "instances": (number := top[module]),
            "cells": {kind: number * each for kind, each in _cells(found.parts, module).items()},
        }
        for name, module in _grouped(emitted.top, instances).items()
    }
    glue = {kind: number for kind, number in top.items() if kind not in found.parts}
    return {
        "cells": found.whole[emitted.top],
        "parts": parts | {"glue": {"instances": 1, "cells": glue}} if parts else {},
        "logic_delay_ns": found.delay_ns,
        "logic_levels": found.levels,
        "longest_path": found.path,
        "fanouts": found.fanouts,
    }


def _grouped(top: str, instances: Mapping[str, str]) -> dict[str, str]:
    """Return modules by their instance's name where it is the only one, else by their role."""
    modules = list(instances.values())
    return {
        # Amaranth calls a sub-module `a$213` where a port is called `a`.
        instance.partition("$")[0]
        if modules.count(module) == 1
        else module.removeprefix(f"{top}_"): module
        for instance, module in instances.items()
    }


def _cells(stat: Mapping[str, Mapping[str, int]], module: str) -> dict[str, int]:
    """Count the cells of ``module`` with those of the modules inside it."""
    total: dict[str, int] = {}
    for cell, number in stat[module].items():
        inner = _cells(stat, cell) if cell in stat else {cell: 1}
        for leaf, each in inner.items():
            total[leaf] = total.get(leaf, 0) + number * each
    return total


def _percent(used: int, there: int) -> float | None:
    """Return the percent of the device, None where it has none of what is used."""
    return round(100 * used / there, 3) if there else None if used else 0.0


def _fits(use: Mapping[str, int], there: Mapping[str, int]) -> bool:
    memory = use["bram36"] + -(-use["bram18"] // 2)
    return memory <= there["bram36"] and all(use[name] <= there[name] for name in RESOURCES)
