"""F1, F4: the token blocks at the corners of their options: golden, Python's integers, and RTL.

Both ends of each option and what is next to them, in pairs; of the runs' options as well, with as
many tokens, heads and elements as there may be, and scores and tokens at the ends of their formats.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, cycle, islice

import numpy as np
import pytest

from gemmule.gen.block import Job
from gemmule.gen.blocks.tokens.score import TOKEN_SCORE, ScoreRun
from gemmule.gen.simulation.engine import build
from gemmule.golden.common.options import Options
from gemmule.hw.tokens.params import TokenPackParams
from gemmule.hw.tokens.score_params import TokenScoreParams
from gemmule.tb.common.jobs import apart, joined, run_jobs
from gemmule.tb.common.lint import lint_emitted
from gemmule.tb.common.sampling import covering
from gemmule.tb.common.units import UnitSimulation, block_of
from gemmule.tb.tokens import truth

from .cases import FACTORS, RUNS, WORST, small, units_of
from .jobs import JOBS, drawn

EACH = 5
"""Jobs of a unit, beside the worst."""
SAMPLE = 3
"""Units of each block that are tried always; the rest in full."""


def try_all(units: Sequence[Options], folder, seed: int, stalls: Sequence[float] = (0.4,)) -> None:
    """Simulate units, linted, and run jobs in each of them: what comes is right to the bit."""
    named = {f"{block_of(each).name}_{n}": each for n, each in enumerate(units)}
    simulation, rng = UnitSimulation(named), np.random.default_rng(seed)
    lint_emitted(simulation.emitted, folder)
    cases = {kind: cycle(covering(RUNS[kind], seed)) for kind in {type(each) for each in units}}
    stages = {}
    for name, each in named.items():
        given = chain(WORST[type(each)], islice(cases[type(each)], EACH))
        stages[name] = [JOBS[type(each)](each, case, rng) for case in given]
    for stall in stalls:
        jobs = {name: in_turn(each) for name, each in stages.items()}
        result = simulation.run(jobs, stall=stall, seed=seed)
        wrong = dict(differing(simulation, stages, jobs, result))
        assert not wrong, {name: (named[name], where) for name, where in wrong.items()}


def in_turn(jobs: Sequence[Job]) -> Job:
    send, receive = joined(jobs)
    return replace(jobs[0], send=send, receive=receive)


def differing(
    simulation: UnitSimulation, stages: Mapping, jobs: Mapping, result
) -> Iterator[tuple]:
    """Yield each unit of which a job's beats, ``last`` included, or its arrays are not golden."""
    for name, each in stages.items():
        received = simulation.received(name, jobs[name], result)
        for number, (job, part) in enumerate(zip(each, apart(each, received), strict=True)):
            bad = [s for s, beats in job.results().items() if not np.array_equal(part[s], beats)]
            if not bad:
                arrays = job.decode(part)
                bad = [a for a, v in job.golden.items() if not np.array_equal(arrays[a], v)]
            if bad:
                yield name, (number, bad)


def test_units(tmp_path):
    chosen = [u for kind in FACTORS for u in islice(filter(small, units_of(kind)), SAMPLE)]
    try_all(chosen, tmp_path, 3, stalls=(0.0, 0.4))


@pytest.mark.full
@pytest.mark.parametrize("kind", FACTORS, ids=lambda kind: kind.__name__)
def test_more_units(kind, tmp_path):
    chosen = list(filter(small, units_of(kind)))[SAMPLE:]
    for begin in range(0, len(chosen), 12):
        try_all(chosen[begin : begin + 12], tmp_path, 4 + begin)


@pytest.mark.full
@pytest.mark.parametrize("kind", [TokenPackParams, TokenScoreParams], ids=lambda k: k.__name__)
def test_wide_units(kind, tmp_path):
    """With as many lanes and dividers as there may be; of these one in four."""
    for number, params in enumerate([u for u in units_of(kind) if not small(u)][::4]):
        try_all([params], tmp_path, 100 + number)


@pytest.mark.full
@pytest.mark.parametrize("most", [4095, 4096])
def test_all_rows(most, tmp_path):
    """As many rows as there may be, each of as many tokens."""
    params = TokenScoreParams(lanes=64, max_tokens=most, max_heads=1, attention_format="s8")
    fmt, rng = params.attention_format, np.random.default_rng(6)
    attention = rng.integers(fmt.low, fmt.high, (1, most, most), dtype=np.int8)
    attention[0, -1, -1] = fmt.high
    previous = drawn("any", params.result, (most,), rng)
    arrays = {"attention": attention, "previous": previous}
    job = TOKEN_SCORE.adapter.plan(params, ScoreRun(score="column_max"), arrays)
    run_jobs(build(TOKEN_SCORE, params), [job])
    peaks = [max(column) for column in attention[0].T.tolist()]
    wanted = [truth.clamp(a + b, params.result) for a, b in zip(peaks, previous, strict=True)]
    assert job.golden["scores"].tolist() == wanted
