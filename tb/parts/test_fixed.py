"""Fixed-point expressions against exact fractions, and the fold against its golden model."""

from fractions import Fraction
from math import floor

import pytest
from amaranth import Module, Signal, signed

from gemmule.golden.common.requantize import fold as golden_fold
from gemmule.hw.common.fixed import add_carry, clamp, fold, round_shift_right
from gemmule.hw.common.pipeline import delay, register
from gemmule.tb.common.streaming import simulate


def check(inputs, outputs, cases):
    """Set ``inputs`` to each case, and compare ``outputs`` (expressions) with what it maps to."""
    m = Module()
    results = [Signal(value.shape(), name=f"result_{n}") for n, value in enumerate(outputs)]
    m.d.comb += [result.eq(value) for result, value in zip(results, outputs, strict=True)]

    async def bench(ctx):
        for values, expected in cases.items():
            for signal, value in zip(inputs, values, strict=True):
                ctx.set(signal, value)
            assert [ctx.get(result) for result in results] == list(expected), values

    simulate(m, bench)


def rounded(value, shift, half_up):
    exact = Fraction(value, 1 << shift)
    return floor(exact + Fraction(1, 2)) if half_up else round(exact)


@pytest.mark.parametrize("half_up", [0, 1])
def test_rounding_by_a_variable_and_by_a_constant(half_up):
    value, shift, up = Signal(signed(7)), Signal(3), Signal()
    cases = {(x, s, half_up): (rounded(x, s, half_up),) for x in range(-64, 64) for s in range(8)}
    check([value, shift, up], [round_shift_right(value, shift, up)], cases)
    outputs = [round_shift_right(value, s, up) for s in range(8)]
    cases = {
        (x, half_up): [rounded(x, s, half_up) for s in range(8)] for x in range(-64, 64)
    }  # fmt: skip
    check([value, up], outputs, cases)


def test_clamp_and_carry():
    value, low, high = Signal(signed(4)), Signal(signed(3)), Signal(signed(4))
    cases = {
        (x, a, b): (min(max(x, a), b), a + b + 1)
        for x in range(-8, 8) for a in range(-4, 4) for b in range(a, 8)
    }  # fmt: skip
    check([value, low, high], [clamp(value, low, high), add_carry(low, high, 1)], cases)


def test_fold():
    multiplier, shift = Signal(4), Signal(range(48))
    cases = {
        (x, s): [int(each) for each in golden_fold(x, s)] for x in (0, 1, 15) for s in range(48)
    }
    check([multiplier, shift], fold(multiplier, shift), cases)


def test_register_and_delay():
    m, value, enable = Module(), Signal(8), Signal()
    held, late = register(m, "held", value, enable), delay(m, "late", value, 3)

    async def bench(ctx):
        for n in range(1, 20):
            ctx.set(value, n)
            ctx.set(enable, n % 3 == 0)
            await ctx.tick()
            assert ctx.get(held) == n - n % 3
            assert ctx.get(late) == max(n - 2, 0)

    simulate(m, bench)
