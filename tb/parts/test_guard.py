"""The packet guard against a loop over packets: right, short and long ones, at any stalls."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gemmule.hw.common.stream.guard import PacketGuard
from gemmule.tb.common.amaranth_streams import send, simulate

LENGTHS = st.integers(1, 5)


def run(packets, stalls, seed):
    """Send packets of the lengths ``sent`` where ``wanted`` are counted; return the cycles."""
    dut = PacketGuard(8)
    rngs = [np.random.default_rng([seed, n]) for n in range(2)]
    beats = [
        {"data": 16 * n + beat + 1, "last": beat == sent - 1}
        for n, (sent, _wanted) in enumerate(packets)
        for beat in range(sent)
    ]
    cycles = 0

    async def source(ctx):
        await send(ctx, dut.i, beats, rngs[0], stalls[0])

    async def consumer(ctx):
        nonlocal cycles
        for n, (sent, wanted) in enumerate(packets):
            got, early, late = [], 0, 0
            while len(got) < wanted:
                final = len(got) == wanted - 1
                take = ctx.get(dut.valid) and rngs[1].random() >= stalls[1]
                ctx.set(dut.take, take)
                ctx.set(dut.final, final)
                if take:
                    got.append(ctx.get(dut.data))
                early += ctx.get(dut.early)
                late += ctx.get(dut.late)
                await ctx.tick()
                cycles += 1
                # The source sets what it offers next after this bench has woken.
                ctx.set(dut.take, 0)
                await ctx.delay(1e-7)
            assert got == [16 * n + beat + 1 if beat < sent else 0 for beat in range(wanted)]
            assert (early, late) == (sent < wanted, sent > wanted)

    simulate(dut, source, consumer)
    return cycles


@settings(max_examples=40, deadline=None)
@given(
    packets=st.lists(st.tuples(LENGTHS, LENGTHS), min_size=1, max_size=12),
    stalls=st.tuples(st.sampled_from([0.0, 0.5]), st.sampled_from([0.0, 0.5])),
    seed=st.integers(0, 2**32 - 1),
)
@example(packets=[(1, 5), (5, 1), (1, 1), (2, 1), (1, 2), (3, 3)], stalls=(0.0, 0.0), seed=0)
def test_packets_stay_apart(packets, stalls, seed):
    run(packets, stalls, seed)


@pytest.mark.parametrize("length", [1, 2, 7])
def test_good_packets_follow_without_a_bubble(length):
    assert run([(length, length)] * 10, (0, 0), 0) <= 10 * length + 1
