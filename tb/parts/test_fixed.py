"""A sum with a carry against integers, and registers against the cycles that they hold."""

from amaranth import Module, Signal, signed

from gemmule.hw.common.fixed import add_carry
from gemmule.hw.common.pipeline import delay, register
from gemmule.tb.common.amaranth_streams import simulate


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


def test_carry():
    a, b, carry = Signal(signed(3)), Signal(signed(4)), Signal()
    cases = {(x, y, c): (x + y + c,) for x in range(-4, 4) for y in range(-8, 8) for c in range(2)}
    check([a, b, carry], [add_carry(a, b, carry)], cases)


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
