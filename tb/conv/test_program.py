"""The host's program: on any hardware, each result is made once, and is the golden one."""

import numpy as np
import pytest

from gemmule.golden.conv.convolution import forward, input_grad, weight_grad
from gemmule.golden.conv.layout import Zeros
from gemmule.golden.conv.operation import Method, Operation
from gemmule.golden.conv.program import Hardware
from gemmule.golden.conv.window import stretches

from .benchmark_folding import SMALL, measure
from .cases import layers, operands
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
    hardware = HARDWARE[name]
    for geometry in list(layers())[::6]:
        x, w, dy = operands(geometry)
        each, one = np.arange(geometry.filters) % 5, np.full(geometry.filters, 3)
        wanted = forward(geometry, x, w, x_zero=-2, w_zero=each)
        got = execute(
            Operation.FORWARD, Method.ZERO_FREE, geometry, x, w, Zeros(-2, each), hardware
        )
        assert (got == wanted).all(), geometry
        for method in Method:
            got = execute(Operation.WEIGHT_GRAD, method, geometry, x, dy, Zeros(-2, one), hardware)
            assert (got == weight_grad(geometry, x, dy, x_zero=-2, dy_zero=3)).all(), geometry
            each = np.arange(geometry.channels) % 7
            got = execute(Operation.INPUT_GRAD, method, geometry, dy, w, Zeros(5, each), hardware)
            assert (got == input_grad(geometry, dy, w, dy_zero=5, w_zero=each)).all(), geometry


def test_what_folding_gains():
    """Of three columns by three channels, nine lanes of sixteen are in use in place of three."""
    for row in measure("small", SMALL):
        assert row["columns a vector"] == 3
        assert 2 < row["times"] <= 3


@pytest.mark.parametrize("most", [1, 2, 7, 24, 100])
def test_stretches_cover_everything_once(most):
    shape = (2, 5, 3)
    count = np.zeros(shape, int)
    for box in stretches(shape, most):
        part = count[tuple(slice(*span) for span in box)]
        assert 0 < part.size <= most
        part += 1
    assert (count == 1).all()
