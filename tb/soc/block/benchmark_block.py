"""Benchmark `transformer`: a block of DeiT-S as one list of commands, over both units."""

from pathlib import Path
from typing import Any

from gemmule.gen.simulation.axi import AxiMemory, SimulatedBus, build_axi
from gemmule.gen.simulation.engine import emitted_once
from gemmule.gen.simulation.simulate import compare
from gemmule.hw.soc.params import AcceleratorParams

from .program import Program, Run
from .transformer import DEIT_S, Shape, build

__all__ = ["BASE", "SUMMARY", "large", "measure", "run", "small"]

SUMMARY = "a block of DeiT-S over product and vector unit: cycles, how busy the product is"

BASE = 0x1000_0000

FUNCTIONS = "gelu,softmax,layernorm,transpose"

SMALL = Shape(tokens=19, width=24, heads=3, hidden=40)

Row = dict[str, Any]


def small() -> AcceleratorParams:
    """Return an accelerator with both units for a quick look."""
    return AcceleratorParams(
        rows=4, cols=4, bank_bytes=4096, vector_lanes=4, functions=FUNCTIONS, max_length=64
    )


def large() -> AcceleratorParams:
    """Return an accelerator with both units at 128 bits."""
    return AcceleratorParams(rows=16, cols=16, vector_lanes=16, functions=FUNCTIONS)


def run(out: Path, quick: bool) -> list[Row]:
    """Return a row a block: the RTL's result equals golden's, byte by byte.

    The memory answers after 30 cycles, at the width of the bus; weights are random.
    """
    name, params, shape = ("small", small(), SMALL) if quick else ("DeiT-S", large(), DEIT_S)
    program, _result = build(shape, BASE)
    built = build_axi(emitted_once("accelerator", params))
    return [_row(name, params, shape, measure(program, params, built))]


def measure(program: Program, params: AcceleratorParams, built: Path) -> Run:
    """Carry a program out on the RTL, and compare all memory with the golden machine's."""
    golden, used = program.golden(params.hardware), len(program.octets)
    with SimulatedBus(built, program.size, AxiMemory(base=BASE, latency=30)) as bus:
        found = program.run(bus)
        compare("memory", bus.memory[:used].copy(), golden[:used])
    return found


def _row(name: str, params: AcceleratorParams, shape: Shape, found: Run) -> Row:
    counters, cycles = found.counters, found.cycles
    return {
        "block": name,
        "array": f"{params.rows}x{params.cols}",
        "lanes": params.vector_lanes,
        "tokens": shape.tokens,
        "width": shape.width,
        "heads": shape.heads,
        "commands": counters["commands"],
        "cycles": cycles,
        "product busy": round(counters["product_busy"] / cycles, 4),
        "vector busy": round(counters["vector_busy"] / cycles, 4),
        "utilization": round(shape.macs / (cycles * params.peak_macs_per_cycle), 4),
        "bytes_read": counters["bytes_read"],
        "bytes_written": counters["bytes_written"],
    }
