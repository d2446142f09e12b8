"""Softmax in RTL: lengths, hard rows, masks, stalls, rates."""

import numpy as np
import pytest

from gemmule.gen.blocks.nonlinear.softmax import SoftmaxRun
from gemmule.gen.catalog import find
from gemmule.gen.simulation.engine import build
from gemmule.gen.simulation.simulate import GoldenMismatch, simulate
from gemmule.golden.common.errors import UsageError
from gemmule.hw.nonlinear.softmax_params import SoftmaxParams
from gemmule.tb.common.jobs import run_jobs
from gemmule.tb.common.module_mutants import infect

from .faults import SOFTMAX as SMALL
from .stimuli import hard_rows

PARAMS = SoftmaxParams()
LENGTHS = (1, 2, 3, 15, 16, 17, 197, 512)
ALONE = 37
"""Cycles that a row takes alone, beyond thrice its beats, with the status word that follows it."""


@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_hard_rows_of_every_length(stall):
    for n in LENGTHS:
        rng = np.random.default_rng(n)
        x = hard_rows(PARAMS.in_format, n, rng)
        mask = rng.random(x.shape) < 0.7
        mask[4] = False
        simulate("softmax", PARAMS, {"x": x}, stall=stall, seed=n)
        simulate("softmax", PARAMS, {"x": x, "mask": mask}, stall=stall, seed=n)
        everything_masked = {"x": x, "mask": np.zeros(n, bool)}
        ran = simulate("softmax", PARAMS, everything_masked, stall=stall, seed=n)
        assert not ran.outputs["y"].any()


@pytest.mark.parametrize("delta", [1.0, 0.5, 0.3])
@pytest.mark.parametrize("log2", [False, True])
def test_run_options(delta, log2):
    rng = np.random.default_rng(1)
    x = hard_rows(PARAMS.in_format, 50, rng)
    arrays = {"x": x, "mask": rng.random(50) < 0.7}
    ran = simulate("softmax", PARAMS, arrays, run=SoftmaxRun(delta=delta, log2=log2), stall=0.2)
    assert ran.outputs["y"].dtype == (np.uint8 if log2 else np.uint16)


@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_heatvit_in_eight_bits(stall):
    for n in (1, 3, 4, 5, 26):
        rng = np.random.default_rng(n)
        x = hard_rows(SMALL.in_format, n, rng)
        simulate("softmax", SMALL, {"x": x, "mask": rng.random(x.shape) < 0.8}, stall=stall)
        simulate("softmax", SMALL, {"x": x}, run=SoftmaxRun(log2=True), stall=stall)


def test_rows_go_back_to_back():
    rng = np.random.default_rng(2)
    x = rng.integers(-4000, 4000, (197, 197))
    cycles = simulate("softmax", PARAMS, {"x": x}).cycles
    assert cycles <= 13 * 197 + 3 * 13 + ALONE
    assert cycles <= 14 * 197
    short = simulate("softmax", PARAMS, {"x": x[:, :16]}).cycles
    assert short == 197 + ALONE + 2


def test_a_row_alone_takes_the_stated_cycles():
    for n in (1, 16, 17, 197, 512):
        beats = -(-n // PARAMS.lanes)
        assert simulate("softmax", PARAMS, {"x": np.zeros((1, n), int)}).cycles == 3 * beats + ALONE
    assert build("softmax", PARAMS).manifest.latency == ALONE + 1


def test_commands_follow_each_other_and_reset_clears():
    rng = np.random.default_rng(4)
    adapter, model = find("softmax").adapter, build("softmax", PARAMS)
    jobs = [
        adapter.plan(PARAMS, SoftmaxRun(delta=delta), {"x": rng.integers(-999, 999, (5, n))})
        for n, delta in ((20, 1.0), (33, 0.5), (7, 0.25))
    ]
    for how in ({}, {"stall": 0.5}, {"reset_at": 25}):
        run_jobs(model, jobs, **how)


def test_a_mutant_is_seen(monkeypatch):
    """Where golden rounds differently, the RTL is said to differ: the comparison sees all bits."""
    x = hard_rows(PARAMS.in_format, 40, np.random.default_rng(5))
    infect(monkeypatch, "gemmule.golden.nonlinear.units", "+ (1 << bits >> 1)", "+ (bits >> 9)")
    with pytest.raises(GoldenMismatch):
        simulate("softmax", PARAMS, {"x": x})


def test_refusals():
    adapter = find("softmax").adapter
    with pytest.raises(UsageError, match=r"rows of 1 to 512 \(--max-length\), not 513"):
        adapter.plan(PARAMS, SoftmaxRun(), {"x": np.zeros((1, 513), int)})
    with pytest.raises(UsageError, match=r"mask must have shape \[2, 3\] or \[3\], not \[2\]"):
        adapter.plan(PARAMS, SoftmaxRun(), {"x": np.zeros((2, 3), int), "mask": [1, 1]})
    with pytest.raises(UsageError, match="--delta must be"):
        SoftmaxRun(delta=1.5)
    with pytest.raises(UsageError, match="--out-format must have fractional bits"):
        SoftmaxParams(out_format="u8")
