"""The host's program: on any hardware, each result is made once, and is the golden one."""

import numpy as np
import pytest

from gemmule.gen.compile.convolution.lower.lowering import lowered
from gemmule.gen.compile.convolution.lower.operands import Operands
from gemmule.gen.compile.convolution.lower.target import Hardware, Target, Zeros
from gemmule.gen.compile.convolution.lower.tiling import tiles
from gemmule.golden.conv.convolution import forward, input_grad, weight_grad
from gemmule.golden.conv.geometry import Geometry
from gemmule.golden.conv.operation import Method, Operation
from gemmule.tb.conv.benchmark_folding import SMALL, measure
from gemmule.tb.conv.cases import layers, operands

from .machine import execute

HARDWARE = {
    "ample": Hardware(4, 4, 1 << 20, 1 << 20, 512),
    "small-banks": Hardware(4, 4, 400, 64, 16),
    "unequal": Hardware(4, 3, 512, 40, 32),
    "sixteen": Hardware(16, 16, 4096, 4096, 512),
    "unfolded": Hardware(8, 4, 512, 512, 64, folds=False),
}


@pytest.mark.parametrize("name", HARDWARE)
def test_every_operation_by_every_method(name):
    for geometry in list(layers())[::6]:
        x, w, dy = operands(geometry)

        def check(operation, method, a, b, a_zero, b_zero, golden, geometry=geometry):
            target = Target(geometry, operation, method, HARDWARE[name], Zeros(a_zero, b_zero))
            assert (execute(target, a, b) == golden).all(), (geometry, operation, method)

        each, one = np.arange(geometry.filters) % 5, np.full(geometry.filters, 3)
        wanted = forward(geometry, x, w, x_zero=-2, w_zero=each)
        check(Operation.FORWARD, Method.ZERO_FREE, x, w, -2, each, wanted)
        columns = np.arange(geometry.channels) % 7
        for method in Method:
            wanted = weight_grad(geometry, x, dy, x_zero=-2, dy_zero=3)
            check(Operation.WEIGHT_GRAD, method, x, dy, -2, one, wanted)
            wanted = input_grad(geometry, dy, w, dy_zero=5, w_zero=columns)
            check(Operation.INPUT_GRAD, method, dy, w, 5, columns, wanted)


def test_what_folding_gains():
    """Of three columns by three channels, nine lanes of sixteen are in use in place of three."""
    for row in measure("small", SMALL):
        assert row["columns a vector"] == 3
        assert 2 < row["times"] <= 3


@pytest.mark.parametrize(("stride", "x_banks"), [(1, 10), (2, 18)])
def test_a_piece_of_pixels_stays_at_each_turn(stride, x_banks):
    """Two pieces, nine taps: after the first tap each loads one; of strided x each loads its own.

    A tap of a strided convolution meets few of the pixels, and a window of all taps has more.
    """
    side = 10 * stride
    geometry = Geometry(
        batch=1, channels=4, filters=4, size=(side, side), kernel=(3, 3), stride=stride, padding=1
    )
    hardware = Hardware(4, 4, 64, 64, 512)
    zeros = Zeros(-2, np.full(4, 3))
    target = Target(geometry, Operation.WEIGHT_GRAD, Method.ZERO_FREE, hardware, zeros)
    x, _, dy = operands(geometry)
    golden = weight_grad(geometry, x, dy, x_zero=-2, dy_zero=3)
    assert (execute(target, x, dy) == golden).all()
    steps = list(lowered(Operands(target, x, dy)))
    assert sum(len(step.b_loads) for step in steps) == 10
    assert sum(len(step.a_loads) for step in steps) == x_banks


@pytest.mark.parametrize("most", [1, 2, 7, 24, 100])
def test_tiles_cover_everything_once(most):
    shape = (2, 5, 3)
    count = np.zeros(shape, int)
    for box in tiles(shape, most):
        part = count[tuple(slice(*span) for span in box)]
        assert 0 < part.size <= most
        part += 1
    assert (count == 1).all()
