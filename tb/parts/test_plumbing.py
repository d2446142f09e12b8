"""Fork and width conversion: no transfer lost, doubled or out of order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemmule.hw.common.stream.fork import Fork
from gemmule.hw.common.stream.width import Narrow, Widen
from gemmule.tb.common.amaranth_streams import receive, send, simulate

STALLS = st.tuples(*[st.sampled_from([0.0, 0.5, 0.9])] * 3)
SEEDS = st.integers(0, 2**32 - 1)
ITEMS = st.lists(st.integers(0, 255), min_size=1, max_size=30)
PACKETS = st.lists(st.lists(st.integers(0, 255), min_size=1, max_size=7), min_size=1, max_size=6)


def source(stream, items, stall, seed):
    """Make a bench that sends."""

    async def bench(ctx):
        await send(ctx, stream, items, np.random.default_rng(seed), stall)

    return bench


def sink(stream, items, stall, seed, read=None, cycles=None):
    """Make a bench that receives what must be ``items``, in so many ``cycles`` if given."""

    async def bench(ctx):
        rng = np.random.default_rng(seed)
        got, took = await receive(ctx, stream, len(items), rng, stall, read)
        assert got == items
        assert cycles in (None, took)

    return bench


def beats(packets):
    """Convert packets to beats."""
    return [
        {"data": part, "last": n == len(packet) - 1}
        for packet in packets
        for n, part in enumerate(packet)
    ]


def wide(packets, factor):
    """Convert packets to beats of ``factor`` parts, filled up with zeros."""
    filled = [packet + [0] * (-len(packet) % factor) for packet in packets]
    return beats([
        [packet[n : n + factor] for n in range(0, len(packet), factor)] for packet in filled
    ])


def read_narrow(payload):
    return {"data": payload.data, "last": bool(payload.last)}


def read_wide(payload):
    return {"data": list(payload.data), "last": bool(payload.last)}


@settings(max_examples=15, deadline=None)
@given(items=ITEMS, stalls=STALLS, seed=SEEDS)
def test_fork(items, stalls, seed):
    dut = Fork(8, 2)
    sinks = [sink(dut.o[n], items, stalls[n + 1], [seed, n]) for n in range(2)]
    simulate(dut, source(dut.i, items, stalls[0], [seed, 2]), *sinks)


@settings(max_examples=25, deadline=None)
@given(packets=PACKETS, factor=st.integers(2, 4), stalls=STALLS, seed=SEEDS)
def test_widen_and_narrow(packets, factor, stalls, seed):
    dut = Widen(8, factor)
    simulate(
        dut,
        source(dut.i, beats(packets), stalls[0], [seed, 0]),
        sink(dut.o, wide(packets, factor), stalls[1], [seed, 1], read=read_wide),
    )
    dut = Narrow(8, factor)
    parts = beats([packet + [0] * (-len(packet) % factor) for packet in packets])
    simulate(
        dut,
        source(dut.i, wide(packets, factor), stalls[0], [seed, 0]),
        sink(dut.o, parts, stalls[1], [seed, 1], read=read_narrow),
    )


@pytest.mark.parametrize("factor", [2, 3])
def test_full_speed(factor):
    packets = [list(range(1, 6 * factor + 1))] * 3
    dut = Widen(8, factor)
    arrive = sink(dut.o, wide(packets, factor), 0, 0, read_wide, cycles=18 * factor + 1)
    simulate(dut, source(dut.i, beats(packets), 0, 0), arrive)
    dut = Narrow(8, factor)
    arrive = sink(dut.o, beats(packets), 0, 0, read_narrow, cycles=18 * factor)
    simulate(dut, source(dut.i, wide(packets, factor), 0, 0), arrive)
