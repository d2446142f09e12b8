"""The golden requantization against exact fractions and against apytypes."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from apytypes import OverflowMode, QuantizationMode, fx
from hypothesis import given
from hypothesis import strategies as st

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.requantize import ROUNDINGS, STEP, Requantization, fold

ACCUMULATORS = st.integers(-(2**50), 2**50 - 1) | st.sampled_from([-(2**50), -1, 0, 1, 2**50 - 1])
BIASES = st.integers(-(2**31), 2**31 - 1)


def exact(acc, scale, column):
    """The same equation in rational numbers, one element at a time."""
    value = Fraction((acc + int(scale.bias[column])) * int(scale.multiplier[column]))
    value /= 1 << int(scale.shift[column])
    # Python rounds fractions half to even.
    half_up = scale.rounding == "half_up"
    rounded = floor(value + Fraction(1, 2)) if half_up else round(value)
    return min(max(rounded + scale.zero_point, scale.low), scale.high)


@given(
    acc=ACCUMULATORS, bias=BIASES, multiplier=st.integers(0, 2**24 - 1), shift=st.integers(0, 47),
    rounding=st.sampled_from(ROUNDINGS), c_format=st.sampled_from(["s8", "u8", "s2", "s32", "u32"]),
    data=st.data(),
)  # fmt: skip
def test_equals_exact_fractions(acc, bias, multiplier, shift, rounding, c_format, data):
    scale = Requantization.check(
        1, bias=[bias], multiplier=[multiplier], shift=[shift], rounding=rounding,
        c_format=c_format, multiplier_width=24,
    )  # fmt: skip
    numbers = st.integers(scale.format.low, scale.format.high)
    zero_point, low, high = data.draw(numbers), *sorted([data.draw(numbers), data.draw(numbers)])
    scale = Requantization.check(
        1, bias=[bias], multiplier=[multiplier], shift=[shift], rounding=rounding,
        c_format=c_format, multiplier_width=24, zero_point=[zero_point], clamp=(low, high),
    )  # fmt: skip
    assert scale([acc]).tolist() == [exact(acc, scale, 0)]


@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_ties_in_columns_of_their_own(rounding):
    acc = np.arange(-40, 40).reshape(-1, 4)
    scale = Requantization.check(
        4, multiplier=[1, 3, 1, 5], shift=[0, 1, 2, 3], bias=[0, 1, 2, -3], rounding=rounding
    )
    expected = [[exact(int(row[n]), scale, n) for n in range(4)] for row in acc]
    assert scale(acc).tolist() == expected


@pytest.mark.parametrize(
    ("rounding", "mode"),
    [("half_even", QuantizationMode.RND_CONV), ("half_up", QuantizationMode.RND)],
)
def test_equals_apytypes(rounding, mode):
    rng = np.random.default_rng(5)
    # Few bits below the point make ties common.
    for acc in [-(2**40), 2**40 - 1, *map(int, rng.integers(-(2**12), 2**12, 200))]:
        multiplier, shift = int(rng.integers(1, 8)), int(rng.integers(0, 6))
        scale = Requantization.check(1, multiplier=[multiplier], shift=[shift], rounding=rounding)
        value = fx(acc, int_bits=48, frac_bits=0) * fx(multiplier, int_bits=8, frac_bits=0)
        value = (value.cast(60, 8) >> shift).cast(60, 8)
        oracle = value.cast(8, 0, mode, OverflowMode.SAT)
        assert scale([acc]).tolist() == [int(float(oracle))]


@given(multiplier=st.integers(0, 2**16 - 1), shift=st.integers(0, 47))
def test_fold_keeps_the_scale(multiplier, shift):
    scaled, drop = fold(multiplier, shift)
    assert Fraction(int(scaled), 2 ** (STEP * (int(drop) + 1))) == Fraction(multiplier, 2**shift)
    assert 0 <= scaled < 2 ** (16 + STEP)
    assert 0 <= drop <= 47 // STEP


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"multiplier": [1]}, "multiplier was given without shift"),
        ({"shift": [1]}, "shift was given without multiplier"),
        ({"multiplier": [1], "shift": [48]}, "shift must be in 0..47, not 48"),
        ({"multiplier": [1], "shift": [-1]}, "shift must be in 0..47, not -1"),
        ({"multiplier": [65536], "shift": [1]}, r"multiplier\[0\] is 65536, but u16 holds"),
        ({"multiplier": [1, 2], "shift": [1]}, r"multiplier must have shape \[1\] or \[3\]"),
        ({"multiplier": [1.0], "shift": [1]}, "multiplier must hold integers, not float64"),
        ({"multiplier": [1], "shift": [1.5]}, "shift must hold integers, not float64"),
        ({"bias": [1]}, r"bias must have shape \[3\], not \[1\]"),
        ({"bias": [2**31] * 3}, r"bias\[0\] is 2147483648, but s32 holds"),
        ({"zero_point": [128], "c_format": "s8"}, r"zero_point\[0\] is 128, but s8 holds"),
        ({"zero_point": [1, 2]}, r"zero_point must have shape \[1\], not \[2\]"),
        ({"rounding": "up"}, "--rounding must be one of half_even, half_up, not 'up'"),
        ({"c_format": "s33"}, "--c-format s33 is 33 bits wide, but the hardware's --out-width"),
        ({"c_format": "u8", "clamp": (-1, 5)}, "--clamp must be LOW,HIGH with 0 <= LOW"),
        ({"clamp": (5, 4)}, "--clamp must be LOW,HIGH"),
        ({"clamp": (5,)}, "not 5"),
    ],
)
def test_refuses(given, message):
    with pytest.raises(UsageError, match=message):
        Requantization.check(3, **given)
