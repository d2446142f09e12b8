"""Benchmark `folding`: a first layer's few channels, with kernel columns in the idle lanes."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gemmule.gen.blocks.conv.convolution import timing_of
from gemmule.gen.blocks.conv.timing.bus import Bus
from gemmule.gen.blocks.conv.timing.estimate import estimate_cycles
from gemmule.gen.compile.convolution.lower.target import Target, Zeros
from gemmule.golden.conv.geometry import Geometry
from gemmule.golden.conv.operation import Method, Operation

from .benchmark_bp_im2col import PARAMS, RESULT, program
from .networks import layer

__all__ = ["SMALL", "SUMMARY", "measure", "run"]

SUMMARY = "first layers, kernel columns in the lanes that their channels leave idle, by the model"

LAYERS = ("five 224x224 3-64 k3", "resnet50 224x224 3-64 k7", "alexnet 224x224 3-64 k11")
SMALL = Geometry(batch=2, channels=3, filters=16, size=(32, 32), kernel=(3, 3), padding=1)
"""The first layer of a network for small images."""

NONE = Zeros(0, np.zeros(1, np.int64))


def run(out: Path, quick: bool) -> list[dict[str, Any]]:
    """Return a row a layer and operation that folds: forward and the weight gradient."""
    chosen = {"small 32x32 3-16 k3": SMALL}
    if not quick:
        chosen |= {name: layer(name, batch=1) for name in LAYERS}
    return [row for name, geometry in chosen.items() for row in measure(name, geometry)]


def measure(name: str, geometry: Geometry) -> Iterator[dict[str, Any]]:
    """Yield the cycles with folding and without, the memory at 16 bytes a cycle."""
    timing = timing_of(PARAMS, RESULT)
    for operation in (Operation.FORWARD, Operation.WEIGHT_GRAD):
        cycles = []
        fold = Target(geometry, operation, Method.ZERO_FREE, timing.hardware, NONE).fold
        for folds in (True, False):
            hardware = replace(timing.hardware, folds=folds)
            steps = program(operation, Method.ZERO_FREE, geometry, hardware)
            cycles.append(estimate_cycles(steps, replace(timing, hardware=hardware), Bus()))
        array = PARAMS.rows * PARAMS.cols
        yield {
            "layer": name,
            "pass": operation.value,
            "columns a vector": fold,
            "cycles": cycles[0],
            "unfolded": cycles[1],
            "times": round(cycles[1] / cycles[0], 2),
            "utilization": round(geometry.macs / cycles[0] / array, 3),
            "utilization unfolded": round(geometry.macs / cycles[1] / array, 3),
        }
