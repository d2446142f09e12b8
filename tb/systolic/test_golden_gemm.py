"""The golden matrix multiplication against direct sums and against ONNX's reference."""

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx.reference import ReferenceEvaluator

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format, accumulator_width
from gemmule.golden.common.requantize import offset_width
from gemmule.golden.systolic.gemm import corrections, gemm, largest_k, row_sum_width
from gemmule.tb.common.sampling import values

FORMATS = ["s8", "u8", "s4", "u4", "s16", "u16", "s2", "u3"]
SIZES = st.integers(1, 6)


def onnx_node(kind, inputs, output_type):
    """Run one node in ONNX's reference."""
    types = {name: onnx.helper.np_dtype_to_tensor_dtype(x.dtype) for name, x in inputs.items()}
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node(kind, list(inputs), ["y"])],
        "one",
        [onnx.helper.make_tensor_value_info(n, t, inputs[n].shape) for n, t in types.items()],
        [onnx.helper.make_tensor_value_info("y", output_type, None)],
    )
    opsets = [onnx.helper.make_opsetid("", 21)]
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=10)
    return ReferenceEvaluator(model).run(None, inputs)[0]


@settings(max_examples=60)
@given(
    m=SIZES,
    n=SIZES,
    k=SIZES,
    a_format=st.sampled_from(FORMATS),
    b_format=st.sampled_from(FORMATS),
    seed=st.integers(0, 2**32 - 1),
)
def test_zero_points_as_sums_and_as_corrections(m, n, k, a_format, b_format, seed):
    rng = np.random.default_rng(seed)
    a, b = values(rng, a_format, (m, k)), values(rng, b_format, (k, n))
    a_zero, b_zero = values(rng, a_format, 1), values(rng, b_format, n)
    bias = rng.integers(-(2**31), 2**31, n)
    direct = [
        [
            sum(int(a[i, x] - a_zero[0]) * int(b[x, j] - b_zero[j]) for x in range(k))
            + int(bias[j])
            for j in range(n)
        ]
        for i in range(m)
    ]
    offset, zeros = corrections(b, bias=bias, a_zero_point=a_zero, b_zero_point=b_zero)
    assert (a @ b + offset - zeros * a.sum(1, keepdims=True)).tolist() == direct
    got = gemm(
        a,
        b,
        a_format=a_format,
        b_format=b_format,
        a_zero_point=a_zero,
        b_zero_point=b_zero,
        bias=bias,
        c_format="s48",
        acc_width=40,
        out_width=48,
    )
    assert got.tolist() == direct


@pytest.mark.parametrize("a_format", FORMATS)
@pytest.mark.parametrize("b_format", FORMATS)
def test_widths_hold_the_worst_case(a_format, b_format):
    a_fmt, b_fmt = Format.parse(a_format), Format.parse(b_format)
    for acc_width in (max(a_fmt.width + b_fmt.width, 8), 32, 48):
        k = largest_k(a_format, b_format, acc_width)
        assert accumulator_width(a_format, b_format, k) <= acc_width
        assert accumulator_width(a_format, b_format, k + 1) > acc_width
        rows = Format(True, row_sum_width(a_format, b_format, acc_width))
        assert rows.low <= k * a_fmt.low
        assert k * a_fmt.high <= rows.high
        wide = Format(True, offset_width(acc_width))
        corners = [
            bias - a_zero * (k * b - k * b_zero)
            for bias in (-(2**31), 2**31 - 1)
            for a_zero in (a_fmt.low, a_fmt.high)
            for b in (b_fmt.low, b_fmt.high)
            for b_zero in (b_fmt.low, b_fmt.high)
        ]
        assert wide.low <= min(corners)
        assert max(corners) <= wide.high


@pytest.mark.parametrize("a_type", [np.int8, np.uint8])
@pytest.mark.parametrize("b_type", [np.int8, np.uint8])
def test_onnx_matmul_integer(a_type, b_type):
    rng = np.random.default_rng(3)
    formats = {np.int8: "s8", np.uint8: "u8"}
    a_format, b_format = formats[a_type], formats[b_type]
    a, b = values(rng, a_format, (2, 5, 9)), values(rng, b_format, (2, 9, 4))
    a_zero, b_zero = values(rng, a_format, 1), values(rng, b_format, 1)
    inputs = {"a": a.astype(a_type), "b": b.astype(b_type)}
    inputs |= {"za": a_zero.astype(a_type)[0], "zb": b_zero.astype(b_type)[0]}
    expected = onnx_node("MatMulInteger", inputs, onnx.TensorProto.INT32)
    got = gemm(a, b, a_format=a_format, b_format=b_format, a_zero_point=a_zero, b_zero_point=b_zero)
    assert (got == expected).all()


def test_onnx_qlinear_matmul():
    rng = np.random.default_rng(4)
    # ONNX's scale a*b/y is 2**-9 * 3 exactly: multiplier 3, shift 9; it rounds ties to even.
    a, b = values(rng, "u8", (100, 16)), values(rng, "s8", (16, 80))
    inputs = {
        "a": a.astype(np.uint8),
        "sa": np.float32(3 / 64),
        "za": np.uint8(100),
        "b": b.astype(np.int8),
        "sb": np.float32(1 / 4),
        "zb": np.int8(-7),
        "sy": np.float32(2),
        "zy": np.int8(11),
    }
    expected = onnx_node("QLinearMatMul", inputs, onnx.TensorProto.INT8).astype(np.int64)
    got = gemm(
        a,
        b,
        a_format="u8",
        a_zero_point=[100],
        b_zero_point=[-7],
        multiplier=[3],
        shift=[9],
        zero_point=[11],
    )
    tie = (a - 100) @ (b + 7) * 3 % 512 == 256
    assert tie.any()
    assert (np.abs(got) < 127).any()
    assert (got == expected)[~tie].all()
    assert (np.abs(got - expected) <= 1).all()


def test_longest_sums_saturate():
    a, b = np.full((1, 131071), -128), np.full((131071, 1), -128)
    assert gemm(a, b).tolist() == [[131071 << 14]]
    assert gemm(a, b, bias=[2**31 - 1]).tolist() == [[2**31 - 1]]
    assert gemm(a, b, b_zero_point=[127], c_format="s40", out_width=40).tolist() == [
        [131071 * 128 * 255]
    ]


@pytest.mark.parametrize(
    ("a", "b", "given", "message"),
    [
        ([[200]], [[1]], {}, r"a\[0, 0\] is 200, but s8 holds -128..127"),
        ([[1.0]], [[1]], {}, "a must hold integers, not float64"),
        ([1], [[1]], {}, r"a must have shape \[M, K\] or \[batch, M, K\]"),
        ([[1]], np.zeros((1, 0), int), {}, r"b must have shape \[K, N\].*not \[1, 0\]"),
        ([[1, 2]], [[1]], {}, "a has K = 2 columns, so b must have 2 rows, not 1"),
        (np.ones((2, 1, 1), int), np.ones((3, 1, 1), int), {}, "a has a batch of 2"),
        (np.ones((1, 8), int), np.ones((8, 1), int), {"acc_width": 17}, "it takes --acc-width 19"),
        ([[1]], [[1]], {"a_zero_point": [128]}, r"a_zero_point\[0\] is 128"),
        ([[1]], [[1]], {"b_zero_point": [1, 2]}, r"b_zero_point must have shape \[1\], not \[2\]"),
    ],
)
def test_refuses(a, b, given, message):
    with pytest.raises(UsageError, match=message):
        gemm(a, b, **given)
