"""The golden requantization against exact fractions and against apytypes."""

from dataclasses import replace
from fractions import Fraction
from itertools import product
from math import floor

import numpy as np
import pytest
from apytypes import OverflowMode, QuantizationMode, fx
from hypothesis import given
from hypothesis import strategies as st

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format
from gemmule.golden.common.requantize import (
    MAX_SHIFT,
    ROUNDINGS,
    STEP,
    Requantization,
    normalize_scale,
)

ACCUMULATORS = st.integers(-(2**50), 2**50 - 1) | st.sampled_from([-(2**50), -1, 0, 1, 2**50 - 1])
BIASES = st.integers(-(2**31), 2**31 - 1)


def exact(acc, scale, column, row=None):
    """Compute the same equation in rational numbers, one element at a time."""
    value = Fraction((acc + int(scale.bias[column])) * int(scale.multiplier[column]))
    value /= 1 << int(scale.shift[column])
    if row is not None:
        value = value * int(scale.row_multiplier[row]) / (1 << int(scale.row_shift[row]))
    rounded = {
        # Python rounds fractions half to even.
        "half_even": round(value),
        "half_up": floor(value + Fraction(1, 2)),
        "half_away": floor(abs(value) + Fraction(1, 2)) * (1 if value > 0 else -1),
    }[scale.rounding]
    return min(max(rounded + scale.zero_point, scale.low), scale.high)


def ends(low, high):
    """List both ends, both ends but one, and what is smallest."""
    return [x for x in sorted({low, low + 1, -1, 0, 1, high - 1, high}) if low <= x <= high]


@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_corners_of_every_option(rounding):
    """F1: whatever the widths and shifts are, the bits are those of Python's integers."""
    for width, max_shift, acc_width, out_width in product(
        (1, 2, 30, 31), (0, 1, 62, 63), (4, 5, 47, 48), (2, 3, 47, 48)
    ):
        most = (1 << width) - 1
        columns = list(product(ends(0, most), ends(0, max_shift), (-(2**31), 0, 2**31 - 1)))
        multiplier, shift, bias = (np.array(each) for each in zip(*columns, strict=True))
        for fmt in (Format(True, out_width), Format(False, out_width)):
            for zero_point in (fmt.low, 0, fmt.high):
                scale = Requantization.check(
                    len(columns),
                    bias=bias,
                    multiplier=multiplier,
                    shift=shift,
                    zero_point=[zero_point],
                    rounding=rounding,
                    c_format=fmt,
                    clamp=(fmt.low + 1, fmt.high - 1) if zero_point else None,
                    out_width=out_width,
                    multiplier_width=width,
                    max_shift=max_shift,
                )
                acc = np.array(ends(-(1 << acc_width - 1), (1 << acc_width - 1) - 1))
                got = scale(np.repeat(acc[:, None], len(columns), axis=1))
                wanted = [
                    [exact(int(a), scale, n) for n in range(0, len(columns), 5)] for a in acc[::2]
                ]
                assert got[::2, ::5].tolist() == wanted


@given(
    acc=ACCUMULATORS,
    data=st.data(),
    rounding=st.sampled_from(ROUNDINGS),
    width=st.integers(1, 31),
    max_shift=st.integers(0, MAX_SHIFT),
)
def test_a_multiplier_by_row_beside_the_columns(acc, data, rounding, width, max_shift):
    """F: one rounding of a product of both multipliers."""
    factors = st.integers(0, (1 << width) - 1) | st.just((1 << width) - 1)
    shift = data.draw(st.integers(0, max_shift))
    row_shift = data.draw(st.lists(st.integers(0, max_shift - shift), min_size=2, max_size=2))
    scale = Requantization.check(
        1,
        bias=[data.draw(BIASES)],
        multiplier=[data.draw(factors)],
        shift=[shift],
        row_multiplier=[data.draw(factors), data.draw(factors)],
        row_shift=row_shift,
        rows=(3, 2),
        rounding=rounding,
        c_format="s40",
        out_width=40,
        multiplier_width=width,
        max_shift=max_shift,
    )
    near = data.draw(st.integers(-9, 9))
    got = scale([[[acc], [near]]] * 3)
    scale = replace(scale, row_multiplier=scale.row_multiplier[0], row_shift=scale.row_shift[0])
    assert got.tolist() == [[[exact(acc, scale, 0, 0)], [exact(near, scale, 0, 1)]]] * 3


@given(
    acc=ACCUMULATORS,
    bias=BIASES,
    multiplier=st.integers(0, 2**24 - 1),
    shift=st.integers(0, 47),
    rounding=st.sampled_from(ROUNDINGS),
    c_format=st.sampled_from(["s8", "u8", "s2", "s32", "u32"]),
    data=st.data(),
)
def test_equals_exact_fractions(acc, bias, multiplier, shift, rounding, c_format, data):
    scale = Requantization.check(
        1,
        bias=[bias],
        multiplier=[multiplier],
        shift=[shift],
        rounding=rounding,
        c_format=c_format,
        multiplier_width=24,
    )
    numbers = st.integers(scale.format.low, scale.format.high)
    zero_point, low, high = data.draw(numbers), *sorted([data.draw(numbers), data.draw(numbers)])
    scale = Requantization.check(
        1,
        bias=[bias],
        multiplier=[multiplier],
        shift=[shift],
        rounding=rounding,
        c_format=c_format,
        multiplier_width=24,
        zero_point=[zero_point],
        clamp=(low, high),
    )
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
    [
        ("half_even", QuantizationMode.RND_CONV),
        ("half_up", QuantizationMode.RND),
        ("half_away", QuantizationMode.RND_INF),
    ],
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
    scaled, drop = normalize_scale(multiplier, shift)
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
        ({"rounding": "up"}, "--rounding must be one of half_even, half_up, half_away, not 'up'"),
        ({"row_shift": [1]}, "row_shift was given without row_multiplier"),
        ({"row_multiplier": [1], "row_shift": [1], "rows": (2,)}, r"row_multiplier must have"),
        ({"row_multiplier": [1], "row_shift": [48], "rows": (1,)}, "row_shift must be in 0..47"),
        (
            {
                "multiplier": [1],
                "shift": [9],
                "row_multiplier": [1],
                "row_shift": [39],
                "rows": (1,),
            },
            "shift and row_shift must add up to at most 47, not 48",
        ),
        ({"c_format": "s33"}, "--c-format s33 is 33 bits wide, but the hardware's --out-width"),
        ({"c_format": "u8", "clamp": (-1, 5)}, "--clamp must be LOW,HIGH with 0 <= LOW"),
        ({"clamp": (5, 4)}, "--clamp must be LOW,HIGH"),
        ({"clamp": (5,)}, "not 5"),
    ],
)
def test_refuses(given, message):
    with pytest.raises(UsageError, match=message):
        Requantization.check(3, **given)
