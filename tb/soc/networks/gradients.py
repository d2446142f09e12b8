"""Benchmark `gradients`: strided layers backward through AXI, by three methods."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gemmule.gen.blocks.soc.run import AcceleratorRun
from gemmule.gen.simulation.simulate import Simulation, simulate
from gemmule.golden.conv.geometry import Geometry
from gemmule.golden.conv.operation import Method, Operation
from gemmule.hw.soc.params import AcceleratorParams

from .benchmark import BOARDS, SIZE, hardware
from .layers import RESNET50, label, strided

__all__ = ["SUMMARY", "run"]

SUMMARY = "strided layers of ResNet-50 backward through AXI: zero-free, BP-im2col, stored zeros"

METHODS = (Method.ZERO_FREE, Method.BP_IM2COL, Method.EXPLICIT)

Row = dict[str, Any]


def run(out: Path, quick: bool) -> list[Row]:
    """Return a row a strided layer of ResNet-50 and gradient."""
    return list(_rows(quick))


def _rows(quick: bool) -> Iterator[Row]:
    """Yield a row a strided layer of ResNet-50 and gradient: cycles and bytes of each method."""
    params = replace(hardware(4 if quick else SIZE, BOARDS["zcu102"][0]), dataflow="both")
    small = Geometry(
        batch=1, channels=8, filters=8, size=(9, 9), kernel=(3, 3), stride=2, padding=1
    )
    for layer in [small] if quick else strided(RESNET50):
        for operation in (Operation.INPUT_GRAD, Operation.WEIGHT_GRAD):
            found = {each: _gradient(params, layer, operation, each) for each in METHODS}
            row: Row = {"board": "zcu102", "network": "small" if quick else "ResNet-50"}
            row |= {"layer": label(layer)}
            row |= {"times": RESNET50[layer], "pass": operation.value, "macs": layer.macs}
            for name in ("cycles", "bytes_read", "bytes_written"):
                for method, each in found.items():
                    row[f"{method.value} {name}"] = (each.counters | {"cycles": each.cycles})[name]
            best = found[Method.ZERO_FREE].cycles
            row["utilization"] = round(layer.macs / best / params.rows / params.cols, 4)
            for method in METHODS[1:]:
                row[f"{method.value} / zero_free"] = round(found[method].cycles / best, 3)
            yield row


def _gradient(
    params: AcceleratorParams, layer: Geometry, operation: Operation, method: Method
) -> Simulation:
    rng = np.random.default_rng(1)
    shapes = {
        "x": (layer.batch, layer.channels, *layer.size),
        "w": (layer.filters, layer.group_channels, *layer.kernel),
        "dy": (layer.batch, layer.filters, *layer.out),
    }
    arrays = {name: rng.integers(-128, 128, shapes[name]) for name in operation.arrays}
    options: Row = {"op": operation.value, "method": method.value}
    options |= {name: getattr(layer, name) for name in ("stride", "padding")}
    if operation is Operation.WEIGHT_GRAD:
        options["kernel"] = layer.kernel
    else:
        options |= dict(zip(("input_height", "input_width"), layer.size, strict=True))
    scale = {"multiplier": np.array([3]), "shift": np.array([18])}
    return simulate(
        "accelerator",
        params,
        arrays | scale,
        run=AcceleratorRun(as_="conv2d", **options),
        memory_latency=BOARDS["zcu102"][1],
    )
