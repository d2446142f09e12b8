"""Whatever goes into a skid buffer or a queue comes out in order, at full speed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemmule.hw.common.stream.fifo import Fifo
from gemmule.hw.common.stream.skid import SkidBuffer
from gemmule.tb.common.amaranth_streams import receive, send, simulate

STALLS = st.sampled_from([0.0, 0.2, 0.5, 0.9])


def in_order(dut, items, stalls, seed):
    """Pass the items through; return how many cycles that took."""
    rngs = [np.random.default_rng([seed, n]) for n in range(2)]
    end = []

    async def source(ctx):
        await send(ctx, dut.i, items, rngs[0], stalls[0])

    async def sink(ctx):
        received, cycles = await receive(ctx, dut.o, len(items), rngs[1], stalls[1])
        assert received == items
        end.append(cycles)

    simulate(dut, source, sink)
    return end[0]


@settings(max_examples=25, deadline=None)
@given(
    items=st.lists(st.integers(0, 255), min_size=1, max_size=60),
    stalls=st.tuples(STALLS, STALLS),
    depth=st.integers(1, 9),
    seed=st.integers(0, 2**32 - 1),
)
def test_order(items, stalls, depth, seed):
    in_order(SkidBuffer(8) if depth == 1 else Fifo(8, depth), items, stalls, seed)


@pytest.mark.parametrize(
    ("dut", "latency"), [(SkidBuffer(8), 1), (Fifo(8, 3), 2), (Fifo(8, 16), 2)]
)
def test_full_speed(dut, latency):
    assert in_order(dut, list(range(100)), (0, 0), 0) == 100 + latency


@pytest.mark.parametrize("depth", [2, 3, 8])
def test_holds_depth_and_counts(depth):
    dut = Fifo(8, depth)

    async def bench(ctx):
        for n in range(depth):
            assert ctx.get(dut.level) == n
            assert ctx.get(dut.i.ready)
            ctx.set(dut.i.payload, n)
            ctx.set(dut.i.valid, 1)
            await ctx.tick()
        ctx.set(dut.i.valid, 0)
        await ctx.tick().repeat(3)
        assert not ctx.get(dut.i.ready)
        ctx.set(dut.o.ready, 1)
        for n in range(depth):
            assert (ctx.get(dut.level), ctx.get(dut.o.payload)) == (depth - n, n)
            await ctx.tick()
        assert not ctx.get(dut.o.valid)

    simulate(dut, bench)
