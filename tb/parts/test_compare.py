"""Comparisons with constants: every value of a width that needs several look-up tables."""

from amaranth import Module, Signal
from amaranth.sim import Simulator

from gemmule.hw.common.compare import below

WIDTH = 9
BOUNDS = [*range(-1, 20), 31, 32, 33, 63, 64, 65, 100, 127, 128, 129, 257, 300, 510, 511, 512, 513]


def test_below():
    value, found = Signal(WIDTH), Signal(len(BOUNDS))
    m = Module()
    for index, bound in enumerate(BOUNDS):
        m.d.comb += found[index].eq(below(value, bound))

    async def bench(ctx):
        for number in range(1 << WIDTH):
            ctx.set(value, number)
            await ctx.delay(1e-9)
            expected = sum((number < bound) << index for index, bound in enumerate(BOUNDS))
            assert ctx.get(found) == expected, number

    sim = Simulator(m)
    sim.add_testbench(bench)
    sim.run()
