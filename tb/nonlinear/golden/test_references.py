"""Against implementations that are not ours: ONNX's reference evaluator and SciPy, in float64."""

from fractions import Fraction

import numpy as np
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
from scipy import special

from gemmule.gen.catalog import find
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format
from gemmule.golden.nonlinear.layernorm import NormFormats, layernorm
from gemmule.golden.nonlinear.slope import exact_line, fit_slope
from gemmule.golden.nonlinear.softmax import softmax
from gemmule.golden.nonlinear.units import every
from gemmule.hw.nonlinear.params import PARAMS
from gemmule.tb.nonlinear.stimuli import hard_rows

SQ7_9, UQ1_15 = Format.parse("sq7.9"), Format.parse("uq1.15")
NORM = NormFormats(*map(Format.parse, ("sq8.8", "sq4.12", "sq4.12", "sq6.10")))
LENGTHS = (*range(1, 40), *range(40, 512, 37), 511, 512)
LINES = [
    ("0.2", "0.5"),
    ("0.25", "0.5"),
    ("1/3", "0.25"),
    ("0.01", "0"),
    ("3.7", "-1.5"),
    ("64", "64"),
]


def onnx(op: str, *arrays: np.ndarray, **attributes) -> np.ndarray:
    """Run one node of ONNX in float64."""
    names = [f"x{n}" for n in range(len(arrays))]
    node = helper.make_node(op, names, ["y"], **attributes)
    inputs = [helper.make_tensor_value_info(n, TensorProto.DOUBLE, None) for n in names]
    outputs = [helper.make_tensor_value_info("y", TensorProto.DOUBLE, None)]
    graph = helper.make_graph([node], op, inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
    values = dict(zip(names, arrays, strict=True))
    return ReferenceEvaluator(model).run(None, values)[0]


@pytest.mark.parametrize("length", LENGTHS)
def test_softmax(length):
    """Within 2**-10, rows of every kind, masked as ONNX models mask: by minus infinity."""
    rng = np.random.default_rng(length)
    x = np.concatenate([hard_rows(SQ7_9, length, rng), rng.integers(-2000, 2000, (4, length))])
    mask = rng.random(x.shape) < 0.7
    mask[:, rng.integers(length)] = True
    y = UQ1_15.real(softmax(x, SQ7_9, UQ1_15))
    assert np.abs(y - onnx("Softmax", SQ7_9.real(x), axis=1)).max() <= 2.0**-10
    y = UQ1_15.real(softmax(x, SQ7_9, UQ1_15, mask=mask))
    kept = np.where(mask, SQ7_9.real(x), -np.inf)
    assert np.abs(y - special.softmax(kept, axis=1)).max() <= 2.0**-10


@pytest.mark.parametrize("length", LENGTHS)
def test_layernorm(length):
    """Within 2**-9 of the greatest gamma, or of 1; results beyond the format saturate."""
    rng = np.random.default_rng(length)
    x = np.concatenate([hard_rows(NORM.x, length, rng), rng.integers(-900, 900, (4, length))])
    gamma, beta = rng.integers(-(1 << 15), 1 << 15, (2, length))
    real = NORM.x.real(x), NORM.gamma.real(gamma), NORM.beta.real(beta)
    for epsilon in (1e-5, 0.1):
        y = NORM.y.real(layernorm(x, gamma, beta, NORM, epsilon=epsilon))
        true = onnx("LayerNormalization", *real, axis=1, epsilon=epsilon)
        true = np.clip(true, *NORM.y.real([NORM.y.low, NORM.y.high]))
        assert np.abs(y - true).max() <= 2.0**-9 * max(1, np.abs(real[1]).max())


@pytest.mark.parametrize(("alpha", "beta"), LINES)
def test_hardsigmoid_of_any_line(alpha, beta):
    """H: half a step from ONNX's at every input, and the exact fraction rounded once."""
    for x_format, y_format in (("sq4.12", "uq1.15"), ("sq4.4", "sq4.4"), ("s16", "uq0.16")):
        params = PARAMS["hardsigmoid"](
            alpha=alpha, beta=beta, in_format=x_format, out_format=y_format, lanes=1
        )
        x, out = every(params.in_format), params.out_format
        y = params.unit(x)
        slope, middle = (float(Fraction(each)) for each in (alpha, beta))
        true = onnx("HardSigmoid", params.in_format.real(x), alpha=slope, beta=middle)
        true = np.minimum(true, out.real(out.high))
        # The attributes are float32.
        assert np.abs(out.real(y) - true).max() <= 2.0**-out.frac * 0.5 + 2.0**-22
        exact = exact_line(*params.line, params.in_format, out, x)
        assert np.array_equal(y, exact.clip(max=out.high))
        assert np.array_equal(fit_slope(*params.line, params.in_format, out)(x), y)


def test_hardsigmoid_takes_numbers_and_refuses_what_does_not_fit():
    """H."""
    assert PARAMS["hardsigmoid"](alpha=0.2).line == (Fraction(1, 5), Fraction(1, 2))
    assert PARAMS["hardsigmoid"](alpha="0.2", beta=1).as_dict()["beta"] == "1"
    plain = PARAMS["hardsigmoid"](alpha="0.5", beta="1/2", in_format="sq4.4", out_format="sq4.4")
    assert plain.unit(np.array([-16, 0, 16])).tolist() == [0, 8, 16]
    assert find("hardsigmoid").params().unit.symmetry == "complement"
    for options, text in (
        ({"alpha": "0"}, "--alpha must be in 1/1024..64, not 0"),
        ({"alpha": "64.1"}, "--alpha must be in 1/1024..64, not 64.1"),
        ({"alpha": "1/0"}, "--alpha must be a decimal number of at most 9 places or a fraction"),
        ({"alpha": "nan"}, "--alpha must be a decimal number"),
        ({"alpha": float("inf")}, "--alpha must be a decimal number"),
        ({"alpha": True}, "--alpha must be"),
        ({"beta": "-65"}, "--beta must be in -64..64, not -65"),
    ):
        with pytest.raises(UsageError, match=text):
            PARAMS["hardsigmoid"](**options)
