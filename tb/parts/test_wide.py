"""Sums of addresses in two halves, against Python's."""

import pytest

from gemmule.hw.common.wide import FewTimes
from gemmule.tb.common.amaranth_streams import simulate

WIDTH = 12


@pytest.mark.parametrize("most", [1, 2, 16])
def test_few_times_adds_and_says_when(most):
    dut = FewTimes(WIDTH, most)
    cases = [
        (base, step, count)
        for base in (0, 5, 0xFFF, 0x83F)
        for step in (0, 1, -1, 63, -64, 0x7FF, -0x800)
        for count in range(1, most + 1)
    ]

    async def bench(ctx):
        for base, step, count in cases:
            for port, value in ((dut.base, base), (dut.step, step), (dut.count, count)):
                ctx.set(port, value)
            ctx.set(dut.start, 1)
            cycles = 0
            while cycles == 0 or not ctx.get(dut.done):
                await ctx.tick()
                ctx.set(dut.start, 0)
                cycles += 1
            assert ctx.get(dut.total) == (base + step * count) % (1 << WIDTH), (base, step, count)
            assert cycles == 1 + 2 * count.bit_count(), count

    simulate(dut, bench)
