"""The golden convolutions against direct loops, against ONNX, and against PyTorch where it is."""

from importlib.util import find_spec
from itertools import product

import numpy as np
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format, accumulator_width
from gemmule.golden.conv.convolution import forward, input_grad, transposed, weight_grad
from gemmule.golden.conv.geometry import Geometry
from gemmule.golden.conv.operation import Operation

from .cases import layers, operands

VOLUME = Geometry(
    batch=2,
    channels=4,
    filters=6,
    size=(4, 5, 3),
    kernel=(2, 3, 1),
    stride=(2, 1, 3),
    padding=(1, 0, 0, 0, 2, 1),
    dilation=(1, 2, 1),
    groups=2,
)
SMALL = [
    Geometry(
        batch=2,
        channels=2,
        filters=4,
        size=(5, 4),
        kernel=(3, 2),
        stride=(2, 3),
        padding=(2, 0, 1, 1),
        dilation=(1, 2),
        groups=2,
    ),
    Geometry(batch=1, channels=3, filters=2, size=(6, 6), kernel=(2, 2), stride=3, padding=1),
    Geometry(batch=1, channels=1, filters=1, size=(1, 1), kernel=(1, 1), stride=4),
    VOLUME,
]


def loops(geometry: Geometry, x: np.ndarray, w: np.ndarray, dy: np.ndarray) -> tuple:
    """Compute the three products one multiplication at a time, and the most terms of one sum."""
    y, dx, dw = (np.zeros(a.shape, object) for a in (dy, x, w))
    met = [np.zeros(a.shape, int) for a in (dy, x, w)]
    group = geometry.group_filters
    for index in product(*map(range, dy.shape)):
        for inner in product(*map(range, w.shape[1:])):
            pixel = tuple(
                p * s + k * d - b
                for p, s, k, d, b in zip(
                    index[2:],
                    geometry.stride,
                    inner[1:],
                    geometry.dilation,
                    geometry.begins,
                    strict=True,
                )
            )
            if all(0 <= p < n for p, n in zip(pixel, geometry.size, strict=True)):
                channel = index[1] // group * geometry.group_channels + inner[0]
                at_x, at_w = (index[0], channel, *pixel), (index[1], *inner)
                y[index] += int(x[at_x]) * int(w[at_w])
                dx[at_x] += int(dy[index]) * int(w[at_w])
                dw[at_w] += int(dy[index]) * int(x[at_x])
                for count, at in zip(met, (index, at_x, at_w), strict=True):
                    count[at] += 1
    return y, dx, dw, met


@pytest.mark.parametrize("geometry", SMALL, ids=["unequal", "stride-over-kernel", "one", "volume"])
def test_direct_loops(geometry):
    x, w, dy = operands(geometry)
    y, dx, dw, met = loops(geometry, x, w, dy)
    assert (forward(geometry, x, w) == y).all()
    assert (input_grad(geometry, dy, w) == dx).all()
    assert (weight_grad(geometry, x, dy) == dw).all()
    assert met[0].sum() == geometry.macs
    done = (Operation.FORWARD, Operation.INPUT_GRAD, Operation.WEIGHT_GRAD)
    for operation, counts in zip(done, met, strict=True):
        assert operation.products(geometry) == counts.max()


def test_sums_beyond_float64_stay_exact():
    layer = Geometry(batch=1, channels=2, filters=1, size=(1, 1), kernel=(1, 1))
    x, w = np.array([2**31 - 1, 2**30 + 1]), np.array([2**31 - 1, 2**29 + 3])
    wanted = sum(int(a) * int(b) for a, b in zip(x, w, strict=True))
    assert forward(layer, x.reshape(1, 2, 1, 1), w.reshape(1, 2, 1, 1)).item() == wanted


def onnx(operator: str, outputs: int, arrays: dict[str, np.ndarray], **attributes) -> np.ndarray:
    """Run one ONNX operator in ONNX's own reference."""
    node = helper.make_node(operator, list(arrays), ["y"], **attributes)
    inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
        for name, a in arrays.items()
    ]
    result = helper.make_tensor_value_info("y", outputs, None)
    graph = helper.make_graph([node], "one", inputs, [result])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    return ReferenceEvaluator(model).run(None, arrays)[0]


@pytest.mark.parametrize("geometry", [*list(layers())[::4], VOLUME], ids=str)
def test_conv_integer(geometry):
    x, w, _ = operands(geometry)
    zero = np.array(3, np.uint8)
    arrays = {"x": (x + 128).astype(np.uint8), "w": (w + 128).astype(np.uint8), "zero": zero}
    wanted = onnx(
        "ConvInteger",
        TensorProto.INT32,
        arrays,
        strides=geometry.stride,
        group=geometry.groups,
        pads=geometry.padding,
        dilations=geometry.dilation,
    )
    assert (forward(geometry, arrays["x"], arrays["w"], x_zero=3) == wanted).all()


@pytest.mark.parametrize("stride", [(1, 1), (2, 3)])
@pytest.mark.parametrize("kernel", [(3, 2), (1, 4)])
@pytest.mark.parametrize("extra", [0, 1])
def test_conv_transpose(stride, kernel, extra):
    extra = tuple(min(extra, s - 1) for s in stride)
    up = Geometry.transposed(
        batch=2,
        channels=4,
        filters=6,
        size=(3, 4),
        kernel=kernel,
        stride=stride,
        padding=(0, 1, 0, 1),
        output_padding=extra,
    )
    _, w, x = operands(up)
    wanted = onnx(
        "ConvTranspose",
        TensorProto.DOUBLE,
        {"x": x.astype(float), "w": w.astype(float)},
        strides=stride,
        pads=up.padding,
        output_padding=extra,
    )
    assert (transposed(up, x, w) == wanted).all()


def test_zero_points_are_those_of_the_difference():
    x, w, dy = operands(SMALL[0])
    each = np.arange(4)
    minus = w - each.reshape(4, 1, 1, 1)
    got = forward(SMALL[0], x, w, x_zero=-7, w_zero=each)
    assert (got == forward(SMALL[0], x + 7, minus)).all()
    assert (
        weight_grad(SMALL[0], x, dy, x_zero=2, dy_zero=-3) == weight_grad(SMALL[0], x - 2, dy + 3)
    ).all()
    up = Geometry.transposed(batch=1, channels=4, filters=6, size=(2, 2), kernel=2, groups=2)
    _, w, x = operands(up)
    each = np.arange(6)
    minus = w - np.stack([each[:3]] * 2 + [each[3:]] * 2)[:, :, None, None]
    assert (transposed(up, x, w, w_zero=each) == transposed(up, x, minus)).all()


def test_torch_agrees_where_it_is_installed():
    """The loops above are the oracle everywhere; PyTorch is a second one where a user has it."""
    assert [len(operands(geometry)) for geometry in SMALL] == [3] * 4
    if find_spec("torch"):
        check_torch()


def check_torch() -> None:
    """Compare forward and both gradients with autograd's in float64, exact below 2**53."""
    import torch

    for geometry in (g for g in [*layers(), VOLUME]):
        if geometry.padding[: geometry.axes] != geometry.padding[geometry.axes :]:
            continue
        x, w, dy = (torch.tensor(a, dtype=torch.float64) for a in operands(geometry))
        x.requires_grad_()
        w.requires_grad_()
        conv = torch.nn.functional.conv2d if geometry.axes == 2 else torch.nn.functional.conv3d
        y = conv(
            x,
            w,
            stride=geometry.stride,
            padding=geometry.begins,
            dilation=geometry.dilation,
            groups=geometry.groups,
        )
        y.backward(dy)
        x_, w_, dy_ = operands(geometry)
        assert (forward(geometry, x_, w_) == y.detach().numpy()).all()
        assert (input_grad(geometry, dy_, w_) == x.grad.numpy()).all()
        assert (weight_grad(geometry, x_, dy_) == w.grad.numpy()).all()


BASE = {"batch": 1, "channels": 4, "filters": 4, "size": (5, 5), "kernel": (3, 3)}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"stride": 0}, ("--stride", "0", "at least 1")),
        ({"stride": (1, 2, 3)}, ("--stride", "1,2,3", "one or 2")),
        ({"padding": (1, 2, 3)}, ("--padding", "1,2,3", "one, 2 or 4")),
        ({"padding": -1}, ("--padding", "-1")),
        ({"groups": 3}, ("--groups 3", "channels 4")),
        ({"dilation": 3}, ("--kernel 3", "--dilation 3", "height 5")),
        ({"size": (5,), "kernel": (3,)}, ("2 or 3 axes", "1")),
        ({"batch": 0}, ("batch", "0")),
    ],
)
def test_refusals_name_the_option(change, words):
    with pytest.raises(UsageError) as refusal:
        Geometry(**BASE | change)
    assert all(word in str(refusal.value) for word in words)


def test_output_padding_is_refused_at_the_stride():
    with pytest.raises(UsageError, match="--output-padding 2 must be below"):
        Geometry.transposed(
            batch=1, channels=1, filters=1, size=(2, 2), kernel=3, stride=2, output_padding=2
        )


def test_width_holds_the_worst_sum_and_no_less():
    for a, b, products in product(["s8", "u8", "s16"], ["s8", "u4"], [1, 9, 1000]):
        a_fmt, b_fmt = Format.parse(a), Format.parse(b)
        worst = [products * x * y for x in (a_fmt.low, a_fmt.high) for y in (b_fmt.low, b_fmt.high)]
        width = accumulator_width(a_fmt, b_fmt, products)
        held = [Format(True, width), Format(True, width - 1)]
        assert all(held[0].low <= v <= held[0].high for v in worst)
        assert not all(held[1].low <= v <= held[1].high for v in worst)
