"""Pooling's golden model against direct loops in fractions, and against ONNX's evaluator."""

from fractions import Fraction
from itertools import product

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.requantize import ROUNDINGS
from gemmule.golden.pool.pooling import average_pool, max_pool, window_scale
from gemmule.golden.pool.window import sides_of
from gemmule.tb.soc.test_machine import rounded

from .windows import CASES, random_window


def windows_of(x, kernel, stride=(1,), padding=(0,), dilation=(1,), ceil_mode=False):
    """Yield the place of each result, its real elements, and its cells within the padding."""
    space = x.shape[2:]
    axes = len(space)
    kernel, stride, dilation = (
        tuple(each) * (axes if len(each) == 1 else 1) for each in (kernel, stride, dilation)
    )
    pads = tuple(padding) * (2 * axes if len(padding) == 1 else 2 if len(padding) == axes else 1)
    outs = []
    for n in range(axes):
        steps = Fraction(
            space[n] + pads[n] + pads[axes + n] - dilation[n] * (kernel[n] - 1) - 1, stride[n]
        )
        out = int(-(-steps // 1) if ceil_mode else steps // 1) + 1
        if ceil_mode and (out - 1) * stride[n] >= space[n] + pads[n]:
            out -= 1
        outs.append(out)
    for batch, channel in product(*map(range, x.shape[:2])):
        for place in product(*map(range, outs)):
            found, inside = [], 0
            for tap in product(*map(range, kernel)):
                cell = [
                    i * s + t * d - p
                    for i, s, t, d, p in zip(place, stride, tap, dilation, pads, strict=False)
                ]
                if all(0 <= c < size for c, size in zip(cell, space, strict=True)):
                    found.append(int(x[(batch, channel, *cell)]))
                ends = pads[axes:]
                inside += all(c < s + e for c, s, e in zip(cell, space, ends, strict=True))
            yield (batch, channel, *place), found, inside


@pytest.mark.parametrize("turn", range(40))
def test_pooling_against_loops_in_fractions(turn):
    rng = np.random.default_rng(turn)
    cases = list(CASES.values())
    space, window = cases[turn] if turn < len(cases) else random_window(rng)
    x = rng.integers(-128, 128, (2, 2, *space))
    zero, multiplier, shift = int(rng.integers(-128, 128)), int(rng.integers(1, 999)), 8
    rounding, end = ROUNDINGS[turn % 3], int(rng.integers(-9, 9))
    options = {"zero_point": end, "rounding": rounding, "c_format": "s10"}
    scale = {"multiplier": multiplier, "shift": shift, "x_zero_point": zero}

    def scaled(value: int, multiplier: int, shift: int) -> int:
        quotient = rounded(Fraction(value * multiplier, 1 << shift), turn % 3)
        return min(max(quotient + end, -512), 511)

    most = max_pool(x, **window, **scale, **options)
    for place, found, _inside in windows_of(x, **window):
        assert most[place] == scaled(max(found) - zero, multiplier, shift)
    for padding in (False, True):
        mean = average_pool(x, **window, count_padding=padding, **scale, **options)
        for place, found, inside in windows_of(x, **window):
            count = inside if padding else len(found)
            total = sum(found) - zero * len(found)
            factor = window_scale(multiplier, shift, count)
            assert mean[place] == scaled(total, *factor)
            true = Fraction(total * multiplier, count << shift) + end
            assert abs(mean[place] - min(max(true, -512), 511)) <= Fraction(1, 2) + Fraction(1, 64)


@pytest.mark.parametrize("turn", range(60))
def test_pooling_against_the_evaluator_of_onnx(turn):
    rng = np.random.default_rng(100 + turn)
    cases = list(CASES.values())
    space, window = cases[turn] if turn < len(cases) else ((1,), {})
    while len(space) == 1 and turn >= len(cases):  # the evaluator errs on padded lines,
        space, window = random_window(rng)
        window["ceil_mode"] = False  # and on averages of windows beyond the padding
    x = rng.integers(-128, 128, (2, 2, *space))
    sides = sides_of(space, **window)
    attributes = {
        "kernel_shape": [side.kernel for side in sides],
        "strides": [side.stride for side in sides],
        "dilations": [side.dilation for side in sides],
        "pads": [side.begin for side in sides] + [side.end for side in sides],
        "ceil_mode": int(window.get("ceil_mode", False)),
    }

    def evaluated(kind: str, **more) -> np.ndarray:
        node = onnx.helper.make_node(kind, ["x"], ["y"], **attributes, **more)
        kinds = [
            onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in "xy"
        ]
        graph = onnx.helper.make_graph([node], "pool", kinds[:1], kinds[1:])
        opset = [onnx.helper.make_opsetid("", 19)]
        model = onnx.helper.make_model(graph, opset_imports=opset)
        return ReferenceEvaluator(model).run(None, {"x": x.astype(np.float32)})[0]

    most = max_pool(x, **window)
    assert most.shape[2:] == tuple(side.out for side in sides)
    np.testing.assert_array_equal(most, evaluated("MaxPool"))
    for padding in (False, True):
        mean = average_pool(
            x, **window, count_padding=padding, multiplier=1 << 14, shift=0, c_format="s32"
        )
        true = evaluated("AveragePool", count_include_pad=int(padding)).astype(np.float64)
        assert np.abs(mean - true * 2**14).max() <= 0.5 + 128 * 2**14 * (2**-16 + 2**-22)


def test_factors_are_the_nearest():
    for multiplier, shift, count in product((1, 3, 40000, 65535), (0, 7, 47), (1, 3, 9, 49, 12544)):
        found, shifted = window_scale(multiplier, shift, count)
        true = Fraction(multiplier << shifted - shift, count)
        assert shift <= shifted <= 47
        assert abs(found - true) <= Fraction(1, 2)
        assert found >= 1 << 15 or shifted == 47
    assert window_scale(0, 5, 9)[0] == 0


REFUSED = {
    "floats": ({"x": np.ones((1, 1, 2, 2)), "kernel": (1,)}, "x must be integers of shape"),
    "axes": ({"x": [[1]], "kernel": (1,)}, "x must be integers of shape"),
    "kernel": ({"kernel": (3,)}, "--kernel 3 with --dilation 1 is larger than the padded height 2"),
    "zero": ({"kernel": (0,)}, "--kernel must be one or 2 numbers of at least 1, not 0,0"),
    "three": ({"kernel": (1, 1, 1)}, "--kernel must be one or 2 numbers of at least 1, not 1,1,1"),
    "padding": ({"kernel": (2,), "padding": (2,)}, "a window of the height without an element"),
    "negative": (
        {"kernel": (1,), "padding": (0, -1)},
        "--padding must be one, 2 or 4 numbers of at least 0, not 0,-1,0,-1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(case):
    arguments, sentence = REFUSED[case]
    for pool in (max_pool, average_pool):
        with pytest.raises(UsageError, match=sentence):
            pool(**{"x": np.zeros((1, 1, 2, 3), int)} | arguments)
    with pytest.raises(UsageError, match="multiplier must be below 65536"):
        average_pool(np.ones((1, 1, 2, 2), int), (1,), multiplier=65536)
