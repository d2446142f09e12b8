"""F1: the golden rows at the corners of their formats, against Python's integers, bit for bit."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest

from gemmule.golden.common.formats import Format
from gemmule.golden.nonlinear.layernorm import NormFormats, RootReciprocal, epsilon_code, layernorm
from gemmule.golden.nonlinear.piecewise import Piecewise
from gemmule.golden.nonlinear.softmax import Reciprocal, exp_unit, softmax
from gemmule.hw.nonlinear.layernorm_params import LayernormParams

F = Format.parse
LENGTHS = (1, 2, 4096)


def half_up(value: Fraction) -> int:
    return floor(value + Fraction(1, 2))


def horner(pieces: Piecewise, position: int) -> int:
    segment, offset = divmod(position, 1 << pieces.offset_bits)
    u = Fraction(offset - (1 << pieces.offset_bits >> 1), 1 << pieces.offset_bits)
    value = 0
    for coefficient in reversed(pieces.coefficients[segment].tolist()):
        value = coefficient + floor(value * u)
    return value


def clamp(value: int, fmt: Format) -> int:
    return min(max(value, fmt.low), fmt.high)


def normalized(x: list[int], gamma: int, beta: int, formats: NormFormats, code: int, kind: str):
    """Normalize a row, all of it with one gamma and beta."""
    n = len(x)
    total = sum(x) if kind == "layer" else 0
    value = (n * sum(v * v for v in x) - total * total) * 256 + code
    mantissa = exponent = 0
    if value:
        k = value.bit_length() - 1
        mantissa = horner(RootReciprocal().pieces, (value << 16 >> k) - 65536 + (k % 2 << 16))
        exponent = k // 2
    results = {}
    for v in set(x):
        near = floor(Fraction((n * v - total) << 19, 1 << exponent)) + 1 >> 1
        deviation = half_up(Fraction(near * mantissa, 1 << 16))
        exact = Fraction(deviation * gamma, 1 << 14 + formats.gamma.frac)
        exact += Fraction(beta, 1 << formats.beta.frac)
        results[v] = clamp(half_up(exact * (1 << formats.y.frac)), formats.y)
    return [results[v] for v in x]


@pytest.mark.parametrize("kind", ["layer", "rms"])
@pytest.mark.parametrize(
    "names",
    [
        ("s16", "s16", "s16", "s16"),
        ("s16", "u16", "uq0.16", "sq0.16"),
        ("sq0.16", "sq0.16", "s16", "s2"),
        ("s15", "uq0.16", "sq0.15", "uq0.16"),
        ("s2", "u16", "u16", "s16"),
        ("sq0.2", "uq0.2", "sq1.1", "uq0.3"),
    ],
)
def test_layernorm(names, kind):
    formats = NormFormats(*map(F, names))
    low, high = formats.x.low, formats.x.high
    for n in LENGTHS:
        ramp = [low + (high - low) * i // n for i in range(n)]
        widest = LayernormParams(in_format=names[0], max_length=n).epsilon_width
        top = Fraction((1 << widest) - 1, n * n * 256 << 2 * formats.x.frac)
        for row in ([low] * n, [low, *[high] * (n - 1)], ramp):
            for gamma, beta in (
                (formats.gamma.low, formats.beta.high),
                (formats.gamma.high, formats.beta.low),
            ):
                for epsilon in (0.0, 1e-5, float(top * Fraction(9, 10))):
                    code = epsilon_code(epsilon, n, formats.x)
                    assert code >> widest == 0
                    wanted = normalized(row, gamma, beta, formats, code, kind)
                    weights = np.full(n, gamma), np.full(n, beta)
                    x = np.array([row])
                    got = layernorm(x, *weights, formats, epsilon=epsilon, kind=kind)
                    assert got[0].tolist() == wanted, (n, row[:3], gamma, beta, epsilon)


@pytest.mark.parametrize("coefficients", ["exact", "heatvit"])
@pytest.mark.parametrize(
    ("x_format", "y_format"),
    [
        ("s16", "uq0.16"),
        ("sq0.16", "sq0.16"),
        ("uq0.16", "sq3.1"),
        ("u2", "uq4.12"),
        ("u16", "uq0.4"),
    ],
)
def test_softmax(x_format, y_format, coefficients):
    fmt, out = F(x_format), F(y_format)
    unit = exp_unit(fmt, coefficients)
    for n in LENGTHS:
        for row in (
            [fmt.low] * n,
            [fmt.high] * n,
            [fmt.high, *[fmt.low] * (n - 1)],
            [max(fmt.high - i // 3, fmt.low) for i in range(n)],
        ):
            powers = {v: int(unit(np.array([v - max(row)]))[0]) for v in set(row)}
            total = sum(powers[v] for v in row)
            k = total.bit_length() - 1
            line = horner(Reciprocal().pieces, (total << 16 >> k) - 65536)
            for code, delta in ((4096, 1.0), (1, 2.0**-12)):
                inverse = half_up(Fraction(line * code, 1 << k - 8))
                wanted = {
                    v: clamp(half_up(Fraction(each * inverse * (1 << out.frac), 1 << 36)), out)
                    for v, each in powers.items()
                }
                got = softmax(np.array([row]), fmt, out, delta=delta, coefficients=coefficients)
                assert got[0].tolist() == [wanted[v] for v in row], (n, row[:3], delta)
