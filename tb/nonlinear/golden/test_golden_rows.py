"""Softmax and layer normalization against float64 and against exact fractions."""

from fractions import Fraction
from math import isqrt

import numpy as np
import pytest

from gemmule.golden.common.formats import Format
from gemmule.golden.nonlinear.layernorm import (
    DEVIATION_FRAC,
    NormFormats,
    RootReciprocal,
    layernorm,
)
from gemmule.golden.nonlinear.softmax import Reciprocal, softmax
from gemmule.golden.nonlinear.softmax_error import error_bound, greatest_result
from gemmule.tb.nonlinear.stimuli import hard_rows

from .truth import true_layernorm, true_softmax

LENGTHS = (1, 2, 3, 15, 16, 17, 197, 512)
SQ7_9, UQ1_15 = Format.parse("sq7.9"), Format.parse("uq1.15")
NORM = NormFormats(*map(Format.parse, ("sq8.8", "sq4.12", "sq4.12", "sq6.10")))


def rows(fmt: Format, n: int) -> np.ndarray:
    rng = np.random.default_rng(n)
    normal = rng.normal(size=(40, n)) * 2.0 ** rng.uniform(0, fmt.width, (40, 1))
    more = np.clip(np.round(normal), fmt.low, fmt.high).astype(int)
    return np.concatenate([hard_rows(fmt, n, rng), more])


@pytest.mark.parametrize("n", LENGTHS)
def test_softmax_is_near_float64(n):
    x = rows(SQ7_9, n)
    mask = np.random.default_rng(n).random(x.shape) < 0.8
    for kept in (None, mask):
        for delta in (1.0, 0.5):
            y = softmax(x, SQ7_9, UQ1_15, mask=kept, delta=delta)
            error = UQ1_15.real(y) - true_softmax(SQ7_9.real(x), kept, delta)
            assert np.abs(error).max() <= 2.0**-10


FORMATS = [
    ("sq7.9", "uq1.15", "exact"),
    ("sq7.9", "uq0.16", "exact"),
    ("sq5.3", "uq0.8", "exact"),
    ("sq8.8", "sq1.15", "exact"),
    ("sq7.9", "uq1.15", "heatvit"),
    ("s8", "u4", "exact"),
]


@pytest.mark.parametrize("formats", FORMATS, ids="-".join)
@pytest.mark.parametrize("n", [1, 3, 64, 512])
def test_softmax_is_within_its_bound(n, formats):
    """The bound is that of the data sheets, and no more than 40 times what is met here."""
    fmt, out = map(Format.parse, formats[:2])
    bound = error_bound(fmt, out, n, formats[2])
    x = rows(fmt, n)
    deep = np.full((40, n), fmt.low)
    deep[:, 0] = fmt.low + np.linspace(0, min(16 << fmt.frac, fmt.high - fmt.low), 40, dtype=int)
    worst = {}
    for delta in (1.0, 0.5, 0.3):
        for given in (x, deep):
            y = softmax(given, fmt, out, delta=delta, coefficients=formats[2])
            true = true_softmax(fmt.real(given), None, round(delta * 4096) / 4096)
            error = float(np.abs(y - true * 2.0**out.frac).max())
            worst[delta] = max(worst.get(delta, 0), error)
    assert max(worst.values()) <= bound
    assert n == 1 or bound <= 40 * max(worst.values())
    if formats == FORMATS[0] and n <= 64:
        assert worst[1.0] <= 1.25


@pytest.mark.parametrize("formats", FORMATS, ids="-".join)
def test_the_greatest_result_is_that_of_a_row_of_one(formats):
    fmt, out = map(Format.parse, formats[:2])
    top = greatest_result(fmt, out, formats[2])
    wide = Format(signed=False, width=out.width + 8, frac=out.frac)
    for n in (1, 2, 5):
        x = rows(fmt, n)
        assert softmax(x, fmt, wide, coefficients=formats[2]).max() <= top
    assert softmax(np.array([[3]]), fmt, wide, coefficients=formats[2]).max() == top


def test_softmax_keeps_the_weight_of_many_small_entries():
    """Put one entry at the top and 511 as far below as hurts the sum most."""
    for distance in range(0, 16 << SQ7_9.frac, 61):
        x = np.full((1, 512), -distance)
        x[0, 0] = 0
        y = softmax(x, SQ7_9, UQ1_15)
        assert np.abs(UQ1_15.real(y) - true_softmax(SQ7_9.real(x))).max() <= 2.0**-10


def test_heatvit_softmax_is_within_its_exponential():
    x = rows(SQ7_9, 197)
    y = softmax(x, SQ7_9, UQ1_15, coefficients="heatvit")
    assert np.abs(UQ1_15.real(y) - true_softmax(SQ7_9.real(x))).max() <= 2.1e-3


def test_a_row_of_which_all_is_masked_is_zero():
    x = hard_rows(SQ7_9, 17, np.random.default_rng(0))
    assert not softmax(x, SQ7_9, UQ1_15, mask=np.zeros(17, bool)).any()


def test_logarithms_are_the_nearest():
    x = rows(SQ7_9, 197)
    code = softmax(x, SQ7_9, UQ1_15, log2=True)
    true = -np.log2(np.maximum(true_softmax(SQ7_9.real(x)), 2.0**-30))
    distance = np.abs(np.clip(true, 0, 15) - code)
    assert distance.max() <= 0.5 + 1e-3
    masked = softmax(x, SQ7_9, UQ1_15, log2=True, mask=np.arange(197) != 5)
    assert (masked[:, 5] == 15).all()


def test_reciprocal_of_a_sum_is_near_the_fraction():
    totals = np.unique(np.geomspace(1 << 20, 512 << 20, 4000).astype(np.int64))
    got = Reciprocal()(totals, 1 << 12)
    for total, inverse in zip(totals[::37].tolist(), got[::37].tolist(), strict=True):
        assert abs(Fraction(inverse, 1 << 16) - Fraction(1 << 20, total)) <= Fraction(3, 1 << 17)
    assert Reciprocal()(np.array([0]), 1 << 12) == 0


@pytest.mark.parametrize("kind", ["layer", "rms"])
@pytest.mark.parametrize("n", LENGTHS)
def test_layernorm_is_near_float64(n, kind):
    x = rows(NORM.x, n)
    rng = np.random.default_rng(n)
    gamma, beta = rng.integers(-(1 << 15), 1 << 15, (2, n))
    for epsilon in (1e-12, 1e-5, 0.1):
        y = NORM.y.real(layernorm(x, gamma, beta, NORM, epsilon=epsilon, kind=kind))
        scale = NORM.gamma.real(gamma)
        true = true_layernorm(NORM.x.real(x), scale, NORM.beta.real(beta), epsilon, kind)
        true = np.clip(true, *NORM.y.real([NORM.y.low, NORM.y.high]))
        assert np.abs(y - true).max() <= 2.0**-9 * max(1, np.abs(scale).max())


def test_root_is_within_its_bound_everywhere():
    rng = np.random.default_rng(1)
    v = np.unique((2.0 ** rng.uniform(0, 61, 200_000)).astype(np.int64))
    mantissa, exponent = RootReciprocal()(v)
    error = mantissa * 2.0 ** (-16.0 - exponent) * np.sqrt(v) - 1
    assert np.abs(error).max() <= 2.0**-14
    assert RootReciprocal()(np.array([0]))[0] == 0


def test_deviation_is_exact_before_the_root():
    """Compute a row in fractions: only the mantissa and three roundings part us from the truth."""
    x = np.random.default_rng(2).integers(-3000, 3000, (1, 23))
    n = x.shape[1]
    one, zero = np.full(n, 1 << 12), np.zeros(n, np.int64)
    got = layernorm(x, one, zero, NORM, epsilon=0.0)[0].tolist()
    mean = Fraction(int(x.sum()), n)
    variance = sum((Fraction(int(v)) - mean) ** 2 for v in x[0]) / n
    root = Fraction(isqrt(int(variance * (1 << 80))), 1 << 40)
    for entry, y in zip(x[0].tolist(), got, strict=True):
        true = (Fraction(entry) - mean) / root
        assert abs(Fraction(y, 1 << 10) - true) <= Fraction(1, 1 << 11) + abs(true) / (
            1 << 14
        ) + Fraction(2, 1 << DEVIATION_FRAC)
