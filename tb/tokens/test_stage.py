# amaranth: UnusedElaboratable=no
"""A stage of selection in RTL: `selector` works while `token_score` still divides."""

import random

import numpy as np
import pytest
from amaranth import Module
from amaranth.hdl import Elaboratable

from gemmule.gen.block import Job
from gemmule.gen.blocks.tokens.packing import SelectorRun
from gemmule.gen.blocks.tokens.score import ScoreRun
from gemmule.gen.catalog import find
from gemmule.golden.common.lanes import words
from gemmule.golden.tokens.cycles import pair_cycles, selector_cycles
from gemmule.hw.tokens.params import SelectorParams
from gemmule.hw.tokens.score_params import TokenScoreParams
from gemmule.hw.tokens.select.histogram import BINS
from gemmule.tb.benches.streams import to_beats, to_ints
from gemmule.tb.common.amaranth_streams import receive, send, simulate
from gemmule.tb.common.sampling import values

from .amaranth_stages import raw
from .heatvit.classifier import FloatSelector, quantized
from .stages import check_stages

SCORE, SELECTOR = find("token_score"), find("selector")


class Joined(Elaboratable):
    """The scores of a `token_score`, of valid tokens all, into a `selector`."""

    def __init__(self, score: TokenScoreParams, selector: SelectorParams):
        self.score, self.selector = SCORE.component(score), SELECTOR.component(selector)

    def elaborate(self, platform):
        m = Module()
        m.submodules.score, m.submodules.selector = self.score, self.selector
        given, taken = self.score.scores, self.selector.scores
        m.d.comb += [
            taken.valid.eq(given.valid),
            given.ready.eq(taken.ready),
            taken.p.data.score.eq(given.p.data),
            taken.p.data.valid.eq(1),
            taken.p.last.eq(given.p.last),
        ]
        return m


@pytest.mark.parametrize(
    ("heads", "count", "merge", "dividers"), [(3, 40, False, (8, 2)), (6, 29, True, (4, 1))]
)
def test_scores_are_taken_as_they_come(heads, count, merge, dividers):
    """From the first pair to the package no longer than the blocks' bounds, less one pass."""
    rng = np.random.default_rng(31)
    score = TokenScoreParams(score_format="u16", lanes=1, max_tokens=64, dividers=dividers[0])
    selector = SelectorParams(lanes=8, max_tokens=64, max_length=64, dividers=dividers[1])
    length = heads * 8
    classifier = FloatSelector.random(heads, 8, heads, rng)
    arrays = quantized(classifier, rng.normal(0, 1, (count, length)))
    scoring = SCORE.adapter.plan(score, ScoreRun(score="heatvit"), arrays)
    given = {"scores": scoring.golden["scores"], "tokens": arrays["tokens"]}
    if merge:
        given["previous_package"] = values(rng, selector.token_format, (length,))
        given["previous_weight"] = [1 << 15]
    run = SelectorRun(policy="topk", keep=count // 2, protect=1)
    packing = SELECTOR.adapter.plan(selector, run, given)
    beats, took = _run(Joined(score, selector), scoring, packing)
    check_stages([packing], *beats)
    pairs = pair_cycles(count, heads, dividers=score.dividers)
    selection = selector_cycles(
        count, length, lanes=selector.lanes, dividers=selector.dividers, merge=merge
    )
    assert took <= pairs + selection - count


def _run(dut: Joined, scoring: Job, packing: Job):
    """Run both; return the selector's beats, their widths, and the cycles from the first pair."""
    outputs = packing.receive
    streams = {name: raw(getattr(dut.selector, name)) for name in ("command", "tokens", *outputs)}
    streams |= {"run": raw(dut.score.command), "pairs": raw(dut.score.pairs)}
    sent = {name: packing.send[name] for name in ("command", "tokens")}
    sent |= {"run": scoring.send["command"], "pairs": scoring.send["pairs"]}
    # After reset the selector's counters are swept.
    swept = 2 * BINS
    received, cycles = {}, {}

    def source(name):
        async def bench(ctx):
            await ctx.tick().repeat(swept)
            await send(ctx, streams[name], to_ints(sent[name]), random.Random(0), 0.0)

        return bench

    def sink(name):
        async def bench(ctx):
            received[name], cycles[name] = await receive(
                ctx, streams[name], outputs[name], random.Random(0), 0.0
            )

        return bench

    simulate(dut, *map(source, sent), *map(sink, outputs))
    widths = {name: len(streams[name].payload) for name in outputs}
    beats = {name: to_beats(rows, words(widths[name])) for name, rows in received.items()}
    return (beats, widths), max(cycles.values()) - swept
