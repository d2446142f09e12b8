"""The nested counter against Python's own loops."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemmule.hw.common.nested import NestedCounter
from gemmule.tb.common.amaranth_streams import simulate

WIDTH = 10
WALKS = st.lists(
    st.tuples(
        st.integers(0, 2**WIDTH - 1),
        st.lists(
            st.tuples(st.integers(1, 4), st.integers(-(2**9), 2**9 - 1)), min_size=3, max_size=3
        ),
    ),
    min_size=1,
    max_size=4,
)


def expected(base, loops):
    """Return ``(address, left, ends, final)`` of each step."""
    counts = [count for count, _ in loops]
    for outer_first in product(*(range(count) for count in reversed(counts))):
        index = outer_first[::-1]
        address = base + sum(i * stride for i, (_, stride) in zip(index, loops, strict=True))
        left = [count - i for i, count in zip(index, counts, strict=True)]
        ends = sum(all(x == 1 for x in left[: n + 1]) << n for n in range(len(loops)))
        yield address % 2**WIDTH, left, ends, ends >> len(loops) - 1


def run(walks, stall, seed):
    """Walk one after the other, the next loaded with the last one's final step."""
    dut = NestedCounter(levels=3, count_width=3, address_width=WIDTH)
    rng = np.random.default_rng(seed)

    def load(ctx, base, loops):
        ctx.set(dut.load, 1)
        ctx.set(dut.base, base)
        for n, (count, stride) in enumerate(loops):
            ctx.set(dut.counts[n], count)
            ctx.set(dut.strides[n], stride)

    async def bench(ctx):
        load(ctx, *walks[0])
        await ctx.tick()
        for n, walk in enumerate(walks):
            ctx.set(dut.load, 0)
            for step in expected(*walk):
                while rng.random() < stall:
                    await ctx.tick()
                left = [ctx.get(each) for each in dut.left]
                assert ctx.get(dut.active)
                assert (ctx.get(dut.address), left, ctx.get(dut.ends), ctx.get(dut.final)) == step
                ctx.set(dut.step, 1)
                if step[-1] and n + 1 < len(walks):
                    load(ctx, *walks[n + 1])
                await ctx.tick()
                ctx.set(dut.step, 0)
        assert not ctx.get(dut.active)

    simulate(dut, bench)


@settings(max_examples=25, deadline=None)
@given(walks=WALKS, stall=st.sampled_from([0.0, 0.5]), seed=st.integers(0, 2**32 - 1))
def test_equals_loops(walks, stall, seed):
    run(walks, stall, seed)


@pytest.mark.parametrize("counts", [(1, 1, 1), (7, 1, 1), (1, 7, 2), (2, 1, 7)])
def test_extreme_counts(counts):
    run([(5, [(count, 3) for count in counts])] * 3, 0, 0)
