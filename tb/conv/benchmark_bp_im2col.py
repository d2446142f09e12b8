"""Benchmark `bp-im2col`: backward convolutions by three methods, at three external widths."""

import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from gemmule.gen.blocks.conv.convolution import CONVOLUTIONS, timing_of
from gemmule.gen.blocks.conv.timing.bus import Bus
from gemmule.gen.blocks.conv.timing.estimate import estimate_cycles
from gemmule.gen.compile.convolution.lower.lowering import lowered
from gemmule.gen.compile.convolution.lower.operands import Operands
from gemmule.gen.compile.convolution.lower.program import Copy, Product
from gemmule.gen.compile.convolution.lower.target import Hardware, Target, Zeros
from gemmule.gen.simulation.engine import build
from gemmule.gen.simulation.simulate import simulate
from gemmule.golden.common.formats import Format
from gemmule.golden.conv.geometry import Geometry
from gemmule.golden.conv.operation import Method, Operation
from gemmule.hw.conv.params import ConvParams

from .cases import runs
from .networks import LAYERS, layer
from .stimuli import stimulus

__all__ = ["SUMMARY", "means", "measure", "program", "run"]

SUMMARY = "backward convolution: explicit zeros, BP-im2col and zero-free, 16x16, RTL and model"

WIDTHS = (1, 4, 16)
"""Elements a cycle of the external memory, reads and writes together; 32 cycles of latency."""

OPERATIONS = {"loss": Operation.INPUT_GRAD, "gradient": Operation.WEIGHT_GRAD}

MEASURES = ("cycles", "words", "zero_reads", "storage")

PAPER = {"cycles": -34.9, "words": -22.7, "zero_reads": -70.6, "storage": -74.78}
"""Percent, from the abstract of arXiv 2209.09434: runtime, off-chip traffic, buffer reads, extra
storage (the last three: at least)."""

PARAMS = ConvParams(x_depth=32768, w_depth=16384, acc_depth=2048, c_depth=2048)
"""16x16, with buffers of 1.8 MB in all: a narrow memory then is asked for each map a few times."""

RESULT = Format.parse("s8")
"""Of every result, as of every operand: an element is a byte."""

SMALL = ConvParams(rows=4, cols=3, x_depth=1024, w_depth=256, acc_depth=32, acc_width=36)

LONGEST_RTL = 12_000_000
"""Cycles of a run that goes through the RTL, too: a minute or two."""


def run(out: Path, quick: bool) -> list[dict[str, Any]]:
    """Return rows of layers, the means by width beside the paper's, and the checks by RTL."""
    small = check_by_rtl(5 if quick else 24)
    names = list(LAYERS)[3:4] if quick else list(LAYERS)
    build(CONVOLUTIONS[0], PARAMS)  # once, and not by each process
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        results = list(pool.map(_of_layer, names))
    rows = [row for measured, _ in results for row in measured]
    summary = list(means(rows))
    _plot(rows, summary, out / "bp-im2col.png")
    checked = [line for _, lines in results for line in lines]
    return [*_long(rows), *_long_means(summary), *checked, small]


def _of_layer(name: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Measure one layer by the cycle model and through the RTL; return the rows of each."""
    geometry = layer(name)
    return list(measure(name, geometry)), list(through_rtl(name, geometry))


def _long(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield a row a measure; what does not depend on the width comes once."""
    for row in rows:
        for measured in MEASURES if row["width"] == WIDTHS[0] else MEASURES[:1]:
            line = {
                "layer": row["layer"],
                "pass": row["direction"],
                "measure": measured,
                "width": row["width"] if measured == "cycles" else None,
            }
            line |= {each.value: row[f"{each.value}_{measured}"] for each in Method}
            if measured == "cycles":
                line |= {name: row[name] for name in ("bound", "forward_cycles", "utilization")}
            yield line


def _long_means(summary: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the change of both methods beside the explicit one, in percent, and the paper's."""
    for width in WIDTHS:
        both = {row["method"]: row for row in summary if row["width"] == width}
        for measured in MEASURES:
            line = {"layer": "mean change, percent", "measure": measured, "width": width}
            line |= {method: each[f"explicit_{measured}"] for method, each in both.items()}
            yield line | {"paper": PAPER[measured]}
        for method, each in both.items():
            yield {
                "layer": f"{method}: {each['most_backward_per_forward']}",
                "measure": "most backward per forward",
                "width": width,
            }


def measure(name: str, geometry: Geometry) -> Iterator[dict[str, Any]]:
    """Yield a row for each direction and width: all methods, and the cycles of the forward pass.

    ``bound``: the products on a full array, or the words of `zero_free` through the memory.
    """
    for width in WIDTHS:
        ahead, _ = _modeled(geometry, Operation.FORWARD, Method.ZERO_FREE, width)
        for direction, operation in OPERATIONS.items():
            row = {"layer": name, "direction": direction, "width": width, "forward_cycles": ahead}
            for method in Method:
                figures = (
                    *_modeled(geometry, operation, method, width),
                    _zero_reads(geometry, operation, method),
                    _storage(geometry, method),
                )
                row |= {
                    f"{method.value}_{measured}": value
                    for measured, value in zip(MEASURES, figures, strict=True)
                }
            array = PARAMS.rows * PARAMS.cols
            row["utilization"] = round(geometry.macs / row["zero_free_cycles"] / array, 3)
            row["bound"] = max(-(-geometry.macs // array), -(-row["zero_free_words"] // width))
            yield row


@cache
def _modeled(
    geometry: Geometry, operation: Operation, method: Method, width: int
) -> tuple[int, int]:
    """Return the cycles of one run by the model, and the words that it moves."""
    bus, timing = Bus(width), timing_of(PARAMS, RESULT)
    cycles = estimate_cycles(program(operation, method, geometry, timing.hardware), timing, bus)
    return cycles, bus.bytes_read + bus.bytes_written


@cache
def program(
    operation: Operation, method: Method, geometry: Geometry, hardware: Hardware
) -> list[Product | Copy]:
    """Return the commands; only the shapes of the operands matter."""
    return list(lowered(_operands(operation, method, geometry, hardware)))


def _operands(
    operation: Operation, method: Method, geometry: Geometry, hardware: Hardware
) -> Operands:
    shapes = {
        "x": (geometry.batch, geometry.channels, *geometry.size),
        "w": (geometry.filters, geometry.group_channels, *geometry.kernel),
        "dy": (geometry.batch, geometry.filters, *geometry.out),
    }
    zeros = Zeros(0, np.zeros(max(geometry.filters, geometry.channels), np.int64))
    target = Target(geometry, operation, method, hardware, zeros)
    return Operands(target, *(np.zeros(shapes[name], np.int8) for name in operation.maps))


def _storage(geometry: Geometry, method: Method) -> int:
    """Count the elements of memory beyond the operands and the result: the reorganized map."""
    hardware = timing_of(PARAMS, RESULT).hardware
    operands = _operands(Operation.INPUT_GRAD, method, geometry, hardware)
    return operands.reorganized_extent * operands.target.stores_zeros


def _zero_reads(geometry: Geometry, operation: Operation, method: Method) -> int:
    """Count the elements read from the buffer of ``dy``, which has, or had, the zeros."""
    side, lanes = ("a", PARAMS.rows) if operation is Operation.INPUT_GRAD else ("b", PARAMS.cols)
    steps = program(operation, method, geometry, timing_of(PARAMS, RESULT).hardware)
    made = (step for step in steps if isinstance(step, Product))
    passes = (each for product in made for each in getattr(product, f"{side}_passes"))
    return lanes * sum(each.walk.real for each in passes)


def _saved(row: dict[str, Any], method: str, measured: str) -> float:
    return 100 * (row[f"{method}_{measured}"] / row[f"explicit_{measured}"] - 1)


def means(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield by width what a method saves of the explicit one: percent, mean over the layers."""
    for width in WIDTHS:
        chosen = [row for row in rows if row["width"] == width]
        for method in ("zero_free", "bp_im2col"):
            mean = {"method": method, "width": width}
            for measured in MEASURES:
                saved = np.mean([_saved(row, method, measured) for row in chosen])
                mean[f"explicit_{measured}"] = round(float(saved), 2)
            passes: dict[str, list[int]] = {}
            for row in chosen:
                passes.setdefault(row["layer"], [row["forward_cycles"]]).append(
                    row[f"{method}_cycles"]
                )
            worst = max((sum(each[1:]) / each[0], name) for name, each in passes.items())
            mean["most_backward_per_forward"] = f"{worst[0]:.2f} ({worst[1]})"
            yield mean


def through_rtl(name: str, geometry: Geometry) -> Iterator[dict[str, Any]]:
    """Run forward and backward through the RTL, the memory as wide as `simulate`'s; yield cycles
    and what the cycle model says.
    """
    width = WIDTHS[-1]
    for operation in (Operation.FORWARD, *OPERATIONS.values()):
        for method in [Method.ZERO_FREE] if operation is Operation.FORWARD else Method:
            modeled, _ = _modeled(geometry, operation, method, width)
            if modeled > LONGEST_RTL:
                continue
            order, arrays = stimulus(
                PARAMS, geometry, op=operation.value, method=method.value, scaling="column"
            )
            begun = time.monotonic()
            done = simulate(CONVOLUTIONS[0], PARAMS, arrays, run=order, memory_width=width)
            yield {
                "layer": name,
                "pass": operation.value,
                "measure": f"cycles in RTL, {method.value}",
                "width": width,
                "cycles": done.cycles,
                "model": done.counters["modeled_cycles"],
                "utilization": round(done.utilization, 3),
                "seconds": round(time.monotonic() - begun, 1),
            }


def check_by_rtl(count: int) -> dict[str, Any]:
    """Run small layers in Verilator, and count those that take exactly the cycles of the model."""
    exact, worst, total = 0, 0.0, 0
    for seed, (geometry, options) in enumerate(runs(7)):
        operation, method = options["job"]
        order, arrays = stimulus(SMALL, geometry, seed=seed, op=operation, method=method)
        done = simulate(CONVOLUTIONS[0], SMALL, arrays, run=order)
        off = abs(done.counters["modeled_cycles"] - done.cycles)
        exact, total = exact + (off == 0), total + 1
        worst = max(worst, off / done.cycles)
        if total == count:
            break
    return {
        "layer": f"model against RTL: {exact} of {total} small layers exact, "
        f"worst {100 * worst:.2f} percent"
    }


def _plot(rows: list[dict[str, Any]], summary: list[dict[str, Any]], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(14, 5), width_ratios=(2, 1))
    chosen = [row for row in rows if row["width"] == WIDTHS[-1]]
    places = np.arange(len(chosen))
    for number, method in enumerate(each.value for each in Method):
        heights = [row[f"{method}_cycles"] / row["explicit_cycles"] for row in chosen]
        left.bar(places + 0.27 * (number - 1), heights, 0.27, label=method)
    names = [f"{row['layer']} {row['direction']}" for row in chosen]
    left.set_xticks(places, names, rotation=60, ha="right", fontsize=6)
    left.set_ylabel(f"cycles, explicit = 1, {WIDTHS[-1]} elements a cycle")
    left.legend()
    ours = [row for row in summary if row["method"] == "bp_im2col"]
    for number, row in enumerate(ours):
        heights = [row[f"explicit_{name}"] for name in MEASURES]
        right.bar(
            np.arange(4) + 0.2 * (number - 1.5), heights, 0.2, label=f"{row['width']} a cycle"
        )
    right.bar(np.arange(4) + 0.3, [PAPER[name] for name in MEASURES], 0.2, label="paper")
    right.set_xticks(np.arange(4), MEASURES)
    right.set_ylabel("BP-im2col against explicit, percent")
    right.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)
