"""Stages in Amaranth's own simulator: quick for small cases, since nothing is compiled."""

import random
import sys
from collections.abc import Sequence
from types import SimpleNamespace

from amaranth import Value

from gemmule.gen.block import Arrays, Block
from gemmule.golden.common.lanes import words
from gemmule.golden.common.options import Options
from gemmule.tb.benches.streams import to_beats, to_ints
from gemmule.tb.common.amaranth_streams import receive, send, simulate

from .stages import check_stages

__all__ = ["passes", "raw"]


def passes(block: Block, params: Options, stages: Sequence[tuple[Options, Arrays]]) -> None:
    """Run the stages one after the other, with stalls; compare each with its golden results."""
    planned = [block.adapter.plan(params, run, arrays) for run, arrays in stages]
    # From its module, where a mutant may stand in its place.
    healthy = block.component
    dut = getattr(sys.modules[healthy.__module__], healthy.__name__)(params)
    streams = {name: raw(getattr(dut, name)) for name in (*planned[0].send, *planned[0].receive)}
    received = {}

    def source(name):
        beats = [each for job in planned for each in to_ints(job.send[name])]

        async def bench(ctx):
            await send(ctx, streams[name], beats, random.Random(name), 0.2)

        return bench

    def sink(name):
        count = sum(job.receive[name] for job in planned)

        async def bench(ctx):
            stream = streams[name]
            received[name], _ = await receive(ctx, stream, count, random.Random(name), 0.2)

        return bench

    names = planned[0].send, planned[0].receive
    simulate(dut, *map(source, names[0]), *map(sink, names[1]), steps=9000)
    widths = {name: len(stream.payload) for name, stream in streams.items()}
    beats = {name: to_beats(rows, words(widths[name])) for name, rows in received.items()}
    check_stages(planned, beats, widths)


def raw(stream):
    payload = Value.cast(stream.payload)
    return SimpleNamespace(payload=payload, valid=stream.valid, ready=stream.ready)
