"""Benchmark `area`: what a multiply-accumulate costs, by cell, packing, dataflow and board.

Bare arrays of 256 MACs a cycle with skew, deskew and unpacking, counted by Yosys with
``synth_xilinx -flatten -noiopad``. The peers' figures were measured with the same Yosys 0.70 and
options on xcup and xc7, and are cited, not run again. On UltraScale+ Yosys leaves a generic cell's
accumulator outside the DSP block that Vivado would fold into it.
"""

import csv
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path
from typing import Any

from gemmule.gen.boards import load_board
from gemmule.gen.synthesis.synth import synthesize
from gemmule.hw.systolic.params import ArrayParams

__all__ = ["NAME", "SUMMARY", "cases", "peers", "run"]

NAME = "area"
SUMMARY = "LUT, FF and DSP of a bare array of 256 MACs a cycle, beside the peers'"

BOARDS = ("zcu102", "vc709")
SIGNS = (("s8", "s8"), ("u8", "s8"), ("s8", "u8"), ("u8", "u8"))

Row = dict[str, Any]


def run(out: Path, quick: bool) -> list[Row]:
    """Return a row a case, then the peers'; ``quick`` omits generic cells and most sign pairs."""
    found = [(board, params) for board in BOARDS for params in cases(board)]
    if quick:
        found = [(board, params) for board, params in found if _is_quick(params)]
    with ThreadPoolExecutor(2) as pool:
        rows = list(pool.map(lambda case: _row(*case), found))
    rows += peers()
    _plot(rows, out)
    return rows


def cases(board: str) -> Iterator[ArrayParams]:
    """Yield every cell and packing that ``board`` has, int8 then int4, of 256 MACs a cycle."""
    dsp = load_board(board).cell

    def case(**options: Any) -> ArrayParams:
        sides = {"a_format": "s8", "b_format": "s8", "dataflow": "ws"}
        return ArrayParams(rows=16, **sides | {"cols": 16} | options)

    for cell in (dsp, "generic"):
        yield case(cell=cell)
        for dataflow in ("os", "both"):
            for drain in ("cascade", "bubble_free"):
                yield case(cell=cell, dataflow=dataflow, drain=drain)
    for a_format, b_format in SIGNS:
        yield case(cell=dsp, pack="n", a_format=a_format, b_format=b_format)
    yield case(cell=dsp, pack="m", cols=8)
    for sides in ({"a_format": "s4", "b_format": "s4"}, {"a_format": "u4", "b_format": "s4"}):
        yield case(cell=dsp, **sides)
        yield case(cell=dsp, pack="n", **sides)
        yield case(cell=dsp, pack="quad", cols=8, **sides)


def peers() -> list[Row]:
    """Return the peers' figures, cited."""
    text = files("gemmule.tb.tech").joinpath("peers.csv").read_text()
    rows = []
    for each in csv.DictReader(text.splitlines()):
        numbers = {name: int(each[name]) for name in ("macs_per_cycle", "lut", "ff", "dsp")}
        rows.append({
            "board": each["board"],
            "cell": f"peer: {each['design']}",
            "pack": None,
            "dataflow": None,
            "drain": None,
            "a_format": each["a_format"],
            "b_format": each["b_format"],
            **numbers,
            "carry": None,
            **_per_mac(numbers),
        })
    return rows


def _is_quick(params: ArrayParams) -> bool:
    signed = params.a_format.signed and params.b_format.signed
    return params.cell != "generic" and params.dataflow == "ws" and signed


def _row(board: str, params: ArrayParams) -> Row:
    report = synthesize("array", params, board, parts=False)
    numbers = {
        "macs_per_cycle": params.rows * params.cols * params.m_lanes,
        "lut": report.lut,
        "ff": report.ff,
        "dsp": report.dsp,
        "carry": report.carry,
    }
    drain = params.drain if "os" in params.dataflows else None
    return {
        "board": board,
        "cell": params.cell,
        "pack": params.pack,
        "dataflow": params.dataflow,
        "drain": drain,
        "a_format": str(params.a_format),
        "b_format": str(params.b_format),
        **numbers,
        **_per_mac(numbers),
    }


def _per_mac(numbers: dict[str, int]) -> dict[str, float]:
    macs = numbers["macs_per_cycle"]
    return {f"{name}_per_mac": round(numbers[name] / macs, 2) for name in ("lut", "ff")}


def _plot(rows: list[Row], out: Path) -> None:
    """Plot LUT and FF of a MAC, a pair of bars a row, a panel a board."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 0.32 * len(rows) + 2), layout="constrained")
    panels = figure.subplots(len(BOARDS), 1)
    for panel, board in zip(panels, BOARDS, strict=True):
        shown = [row for row in rows if row["board"] == board]
        places = range(len(shown))
        panel.barh([y - 0.2 for y in places], [r["lut_per_mac"] for r in shown], 0.4, label="LUT")
        panel.barh([y + 0.2 for y in places], [r["ff_per_mac"] for r in shown], 0.4, label="FF")
        panel.set_yticks(list(places), [_label(row) for row in shown], fontsize=7)
        panel.invert_yaxis()
        panel.set_xscale("symlog", linthresh=1)
        panel.set_xlabel("per MAC and cycle")
        panel.set_title(board)
        panel.legend()
    figure.savefig(out / f"{NAME}.png", dpi=120)


def _label(row: Row) -> str:
    parts = (row["cell"], row["pack"], row["dataflow"], row["drain"])
    sides = f"{row['a_format']} x {row['b_format']}"
    return ", ".join([*(part for part in parts if part and part != "none"), sides])
