"""Convolutions by the driver on the golden machine: results, order, errors, memory."""

import numpy as np
import pytest

from gemmule.gen.driver.accelerator import Accelerator
from gemmule.gen.driver.buses.golden import GoldenBus
from gemmule.gen.driver.errors import CommandError
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.requantize import Requantization
from gemmule.golden.conv.convolution import forward
from gemmule.golden.conv.geometry import Geometry
from gemmule.golden.conv.operation import Operation
from gemmule.golden.conv.refusal import Refusal
from gemmule.golden.soc.commands import COMMAND, Cause, Opcode
from gemmule.golden.soc.hardware import Hardware
from gemmule.golden.systolic.gemm import gemm
from gemmule.hw.conv.params import ConvParams, LayerParams
from gemmule.tb.conv.cases import runs
from gemmule.tb.conv.stimuli import stimulus
from gemmule.tb.conv.test_convolution import SMALL, VOLUME, VOLUMES

from .test_vector import CachedBus


def hardware_of(params: LayerParams) -> Hardware:
    """Return an accelerator with the array of a convolution's parameters."""
    return Hardware(
        a_format=params.x_format,
        b_format=params.w_format,
        acc_width=params.acc_width,
        convolution=params.golden,
    )


def opened(params: LayerParams = SMALL, bus: GoldenBus | None = None, **options) -> Accelerator:
    """Return a driver of an accelerator that convolves."""
    return Accelerator(bus or GoldenBus(hardware_of(params)), **options)


def asked(run) -> dict:
    """Return the options of a run as a user gives them."""
    return {name: value for name, value in vars(run).items() if value is not None}


def free(acc: Accelerator) -> int:
    """Count the bytes of shared memory that nobody has."""
    return sum(room for _, room in acc.pool._free)


def test_a_covering_set_of_layers_and_runs():
    """One accelerator computes them all; all memory is given back, whatever there was before."""
    with opened() as acc:
        room = free(acc)
        acc.bus.memory[:] = np.random.default_rng(1).integers(0, 256, acc.bus.memory.size)
        acc.reset()
        for seed, (geometry, run) in enumerate(runs()):
            op, method = run.pop("job")
            run.pop("stall")
            options, arrays = stimulus(SMALL, geometry, op=op, method=method, seed=seed, **run)
            got = acc.conv2d(**arrays, **asked(options))
            want = golden(options, geometry, arrays)
            np.testing.assert_array_equal(got, want)
            assert got.dtype == (np.int8 if "multiplier" in arrays else np.int32)
            assert free(acc) == room


def golden(run, geometry: Geometry, arrays: dict) -> np.ndarray:
    """Return the formula's result of a stimulus."""
    operation = Operation(run.op)
    first, second = operation.arrays
    zeros = [arrays.get(f"{name}_zero_point", np.zeros(1, int)) for name in (first, second)]
    b_zero = zeros[1][0] if zeros[1].size == 1 else zeros[1]
    sums = operation.sums(geometry, arrays[first], arrays[second], int(zeros[0][0]), b_zero)
    scale = Requantization.check(
        operation.channels(geometry),
        rounding=run.rounding,
        c_format=run.c_format,
        clamp=run.clamp,
        **{name: arrays.get(name) for name in ("bias", "multiplier", "shift", "zero_point")},
        out_width=SMALL.out_width,
        multiplier_width=SMALL.multiplier_width,
        max_shift=SMALL.max_shift,
    )
    axis = operation.channel_axis
    return np.moveaxis(scale(np.moveaxis(sums, axis, -1)), -1, axis)
