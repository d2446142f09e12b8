"""Groups side by side: how many, that nothing overflows, and that results are the golden ones."""

from dataclasses import replace

import numpy as np
import pytest

from gemmule.gen.compile.convolution.compiled import Compiled, compiled
from gemmule.golden.common.formats import accumulator_width
from gemmule.golden.conv.geometry import Geometry
from gemmule.golden.conv.hardware import ConvolutionHardware
from gemmule.tb.conv.carried_out import carried_out
from gemmule.tb.conv.stimuli import stimulus
from gemmule.tb.conv.test_convolution import SMALL

SIXTEEN = ConvolutionHardware()
OPERATIONS = ("forward", "input_grad", "weight_grad", "transposed")


def layer(groups: int, channels: int = 1, filters: int = 1, **shape) -> Geometry:
    """Return a 3x3 layer of so many groups of these channels and filters."""
    return Geometry(
        batch=2,
        channels=groups * channels,
        filters=groups * filters,
        groups=groups,
        **{"size": (5, 6), "kernel": (3, 3), "padding": 1} | shape,
    )


def made(hardware: ConvolutionHardware, geometry: Geometry, **options) -> Compiled:
    """Compile one operation of a layer; all values of ``x`` are as large as can be."""
    run, arrays = stimulus(SMALL, geometry, **options)
    if "x" in arrays:
        arrays["x"][...] = -128
    return compiled(hardware, run, arrays, whole=True)


def check(layer: Compiled) -> None:
    """Carry a program out: the result is golden's, and so is all that is said to be written."""
    after = carried_out(layer.hardware, layer.commands, layer.settings, layer.image.bytes)
    np.testing.assert_array_equal(layer.result(after), layer.layer.golden)
    written = layer.after != layer.image.bytes
    np.testing.assert_array_equal(after[written], layer.after[written])


@pytest.mark.parametrize(
    ("groups", "channels", "filters", "count", "groups_left"),
    [
        pytest.param(96, 1, 1, 16, 6, id="depthwise"),
        pytest.param(32, 1, 1, 16, 2, id="two dense groups"),
        pytest.param(17, 1, 1, 5, 4, id="kernel columns share lanes, and three groups fill up"),
        pytest.param(2, 1, 1, 2, 1, id="as many as there are"),
        pytest.param(31, 4, 4, 4, 8, id="a group fills up"),
        pytest.param(9, 1, 24, 3, 3, id="columns that tiles leave idle"),
        pytest.param(4, 24, 24, 1, 4, id="larger than the array"),
        pytest.param(1, 3, 8, 1, 1, id="no groups"),
    ],
)
def test_how_many(groups, channels, filters, count, groups_left):
    found = made(SIXTEEN, layer(groups, channels, filters))
    assert (found.merge.count, found.merge.target.geometry.groups) == (count, groups_left)
    check(found)


@pytest.mark.parametrize("op", OPERATIONS)
@pytest.mark.parametrize("groups", [4, 7])
def test_results_with_all_that_columns_have(op, groups):
    """Zero points, biases and scales by column, also where a group fills up."""
    for hardware in (SIXTEEN, replace(SIXTEEN, rows=6, cols=5)):
        counts = []
        for channels, filters, stride in ((1, 1, 1), (1, 2, 2), (2, 1, 1)):
            each = layer(groups, channels, filters, stride=stride)
            found = made(hardware, each, op=op, scaling="column", zeros=True)
            counts.append(found.merge.count)
            check(found)
        assert max(counts) > 1


@pytest.mark.parametrize("op", ["forward", "input_grad"])
def test_fewer_where_an_accumulator_would_overflow(op):
    """Weights with a zero point hold it off the diagonal, and a sum is longer by that."""
    geometry = layer(16, size=(9, 9))
    one = accumulator_width(*[SIXTEEN.a_format] * 2, 9)
    for zeros in (False, True):
        counts = []
        for width in range(one, one + 5):
            found = made(replace(SIXTEEN, acc_width=width), geometry, op=op, zeros=zeros)
            counts.append(found.merge.count)
            check(found)
        # Of 16, 32, ... products, 9 a group; where kernel columns share lanes in pairs, 12.
        some = [1, 3, 4, 8, 16] if op == "forward" else [1, 3, 6, 8, 16]
        assert counts == (some if zeros else [16] * 5)


def test_fewer_where_the_sum_of_a_row_would_overflow():
    """Columns of the kernel that share lanes make rows of fewer steps."""
    folded = 3 * SIXTEEN.rows
    width = (folded * 128).bit_length() + 1
    narrow = replace(SIXTEEN, row_sum_width=width)
    assert made(narrow, layer(16)).merge.count == 16
    found = made(narrow, layer(16), zeros=True)
    assert found.merge.count == 4
    check(found)


def test_fewer_where_a_window_would_not_fit_its_bank():
    """Nine columns that share lanes are one vector of a window, side by side they are nine."""
    wide = layer(16, size=(9, 12), kernel=(3, 9), padding=4)
    assert made(SIXTEEN, wide).merge.count == 16
    found = made(replace(SIXTEEN, x_depth=16), wide)
    assert 1 <= found.merge.count < 16
    check(found)


def test_weights_take_no_more_bytes():
    """A vector is of one filter or of many: those of a depthwise layer were padded before."""
    found = made(SIXTEEN, layer(32))
    assert len(found.image.filled["w"]) == 32 * 9 * SIXTEEN.cols


def test_another_streamed_operand():
    for op in OPERATIONS:
        found = made(SMALL.golden, layer(7), op=op, zeros=True)
        again = found.refilled(~found.layer.a)
        check(again)
        assert (again.layer.golden != found.layer.golden).any()


def test_results_that_widen_do_not_wait():
    """Of few steps no more rows are made than may wait for memory; of many, and of bytes, more."""
    hardware = replace(SIXTEEN, c_depth=64)
    small, large = layer(4, 4, 4, size=(20, 20)), layer(1, 16, 16, size=(20, 20))
    for geometry, scaling, fits in (
        (small, "none", False),
        (small, "tensor", False),
        (replace(small, kernel=(1, 1), padding=0), "none", True),
        (replace(small, kernel=(1, 1), padding=0), "tensor", False),
        (large, "none", False),
    ):
        found = made(hardware, geometry, scaling=scaling)
        assert (max(product.m for product in found.products) <= 64) == fits
        check(found)
