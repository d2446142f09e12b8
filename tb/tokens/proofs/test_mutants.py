# amaranth: UnusedElaboratable=no
"""The benches of this family are seen to fail: each mutant breaks one line of one component."""

import numpy as np
import pytest

from gemmule.gen.blocks.tokens.score import ScoreRun
from gemmule.gen.catalog import find
from gemmule.golden.tokens.packing import Packing
from gemmule.golden.tokens.selection import Selection
from gemmule.hw.tokens.params import TokenPackParams, TokenSelectParams
from gemmule.hw.tokens.score_params import TokenScoreParams
from gemmule.tb.common.module_mutants import infect
from gemmule.tb.tokens.amaranth_stages import passes

SELECT = TokenSelectParams(score_format="u10", max_tokens=32)
PACK = TokenPackParams(
    lanes=2, token_format="s4", score_format="u4", max_tokens=32, max_length=8, weight_width=6
)
SCORE = TokenScoreParams(
    lanes=2, attention_format="u4", head_format="u4", max_tokens=16, max_heads=4, dividers=2
)


def select_jobs(rng):
    runs = [{"keep": 4}, {"policy": "fraction", "fraction": 0.3}, {"keep": 0}, {"keep": 40}]
    scores = [np.full(9, 700), np.arange(17) * 60, np.array([5])]
    scores += [rng.integers(500, 530, count) for count in (30, 12, 25, 16, 30)]
    return [
        ("token_select", SELECT, Selection(protect=n % 2, **runs[n % 4]), {"scores": scores[n % 8]})
        for n in (0, 1, 2, 3, 4, 5, 6, 7, 5, 4)
    ]


def pack_jobs(rng):
    jobs = []
    for count, length, mode in ((9, 2, "compact"), (3, 8, "zero"), (7, 3, "compact")):
        for package in ("mean", "sum"):
            arrays = {
                "tokens": rng.integers(-8, 8, (count, length)),
                "scores": rng.integers(0, 16, count),
                "mask": rng.random(count) < 0.3,
                "previous_package": rng.integers(-8, 8, length),
                "previous_weight": [37],
            }
            jobs.append(("token_pack", PACK, Packing(package=package, mode=mode), arrays))
    halves = {"tokens": [[1, 0], [2, 1]], "scores": [3, 3], "mask": [0, 0]}
    everything = {"tokens": np.ones((2, 3), int), "scores": [1, 2], "mask": [1, 1]}
    for package in ("mean", "sum"):
        run = Packing(package=package)
        jobs += [("token_pack", PACK, run, halves), ("token_pack", PACK, run, everything)]
    return jobs


def score_jobs(rng):
    jobs = []
    for count in (2, 6, 5):
        attention = rng.integers(0, 16, (3, count, count))
        carried = {"attention": attention, "previous": rng.integers(0, 99, count)}
        jobs.append(("token_score", SCORE, ScoreRun(score="column_max"), carried))
        rows = {"attention": attention[:, 0]}
        jobs.append(("token_score", SCORE, ScoreRun(score="class_attention"), rows))
    return jobs


def run(make):
    jobs = make(np.random.default_rng(61))
    name, params = jobs[0][:2]
    passes(find(name), params, [job[2:] for job in jobs])


MUTANTS = [
    ("select.histogram", select_jobs, "self.rank.eq(self.need - 1)", "self.rank.eq(self.need)"),
    ("select.histogram", select_jobs, "transparent_for=(write,)", ""),
    ("select.histogram", select_jobs, "Mux(added, read.data + 1, 0)", "read.data + 1"),
    ("select.histogram", select_jobs, "Mux(self.add, read.data + 1, 0)", "read.data + 1"),
    ("select.stage", select_jobs, 'm.next = "WIPE"', 'm.next = "SEARCH_LOW"'),
    ("select.stage", select_jobs, "histogram.wipe.eq(self._fetched & ~inside),", ""),
    ("select.stage", select_jobs, "Cat(more, key) >", "Cat(more, key) >="),
    (
        "select.stage",
        select_jobs,
        "self._share.eq((1 << len(run.ratio) - 1) - 1)",
        "self._share.eq(0)",
    ),
    ("select.stage", select_jobs, "self._left == 1", "self._left == 2"),
    ("select.stage", select_jobs, "(~indices.valid | indices.ready)", "1"),
    ("divider", pack_jobs, "whole[0] |", "0 |"),
    ("divider", pack_jobs, "| rest[bits:].any()", ""),
    ("divider", pack_jobs, "bit ^ first", "bit"),
    ("pack.accumulator", pack_jobs, "wrote & self.single", "wrote & 0"),
    ("pack.accumulator", pack_jobs, "Mux(first, 0, ", "Mux(0, 0, "),
    ("pack.packager", pack_jobs, "Mux(self.weight.any(), result, 0)", "result"),
    ("pack.stage", pack_jobs, "taken & (~keep | self._ended)", "taken & 0"),
    ("pack.stage", pack_jobs, "Mux(compact, self._left == 1", "Mux(compact, self._left == 2"),
    ("score.row_reducer", score_jobs, "held.top | (x > before)", "x > before"),
    ("score.row_reducer", score_jobs, "Mux(held.first, 0, before)", "before"),
    ("score.row_reducer", score_jobs, "again = wrote & self.single", "again = wrote & 0"),
    ("score.divider_bank", score_jobs, "& (enter == place)", "& (leave == place)"),
    ("score.stage", score_jobs, "self._first.eq(0), ", "self._first.eq(1), "),
    ("score.stage", score_jobs, "self._given.eq(self._left == 0)", "self._given.eq(1)"),
]


@pytest.mark.parametrize(
    ("part", "jobs", "old", "new"),
    MUTANTS,
    ids=[f"{part}-{number}" for number, (part, *_) in enumerate(MUTANTS)],
)
def test_mutant_is_caught(part, jobs, old, new, monkeypatch):
    infect(monkeypatch, f"gemmule.hw.tokens.{part}", old, new)
    with pytest.raises((AssertionError, TimeoutError)):
        run(jobs)


@pytest.mark.parametrize("jobs", [select_jobs, pack_jobs, score_jobs])
def test_the_unbroken_block_passes(jobs):
    run(jobs)
