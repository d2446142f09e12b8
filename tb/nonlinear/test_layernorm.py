"""Layer and RMS normalization in RTL: lengths, hard rows, stalls, rates."""

import numpy as np
import pytest

from gemmule.gen.blocks.nonlinear.layernorm import LayernormRun
from gemmule.gen.catalog import find
from gemmule.gen.simulation.engine import build
from gemmule.gen.simulation.simulate import GoldenMismatch, simulate
from gemmule.golden.common.errors import UsageError
from gemmule.hw.nonlinear.layernorm_params import LayernormParams
from gemmule.tb.common.module_mutants import infect
from gemmule.tb.common.sampling import values

from .faults import LAYERNORM as RMS
from .stimuli import hard_rows

PARAMS = LayernormParams()
LENGTHS = (1, 2, 3, 15, 16, 17, 197, 512)
ALONE = 37
"""Cycles that a row takes alone with its gamma and beta, beyond thrice its beats, and with the
status word that follows it."""


def arrays(params: LayernormParams, n: int) -> dict[str, np.ndarray]:
    """Draw hard rows, and gamma and beta with their extremes."""
    rng = np.random.default_rng(n)
    return {
        "x": hard_rows(params.in_format, n, rng),
        "gamma": values(rng, params.gamma_format, (n,)),
        "beta": values(rng, params.beta_format, (n,)),
    }


@pytest.mark.parametrize("stall", [0.0, 0.5])
@pytest.mark.parametrize("epsilon", [0.0, 1e-12, 1e-5, 0.1])
def test_hard_rows_of_every_length(stall, epsilon):
    for n in LENGTHS:
        run = LayernormRun(epsilon=epsilon)
        simulate("layernorm", PARAMS, arrays(PARAMS, n), run=run, stall=stall, seed=n)


@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_rms_in_eight_bits(stall):
    for n in (1, 3, 4, 5, 26):
        for epsilon in (0.0, 1e-5):
            given = arrays(RMS, n)
            if n == 5:
                del given["beta"]
            run = LayernormRun(epsilon=epsilon)
            simulate("layernorm", RMS, given, run=run, stall=stall, seed=n)


def test_rows_go_back_to_back():
    x = np.random.default_rng(2).integers(-4000, 4000, (197, 197))
    cycles = simulate("layernorm", PARAMS, {"x": x, "gamma": x[0]}).cycles
    assert cycles <= 13 * 197 + 3 * 13 + ALONE
    assert cycles <= 14 * 197
    short = simulate("layernorm", PARAMS, {"x": x[:, :16], "gamma": x[0, :16]}).cycles
    assert short == 197 + ALONE + 2


def test_a_row_alone_takes_the_stated_cycles():
    for n in (1, 16, 17, 197, 512):
        beats = -(-n // PARAMS.lanes)
        ran = simulate("layernorm", PARAMS, {"x": np.zeros((1, n), int), "gamma": np.ones(n, int)})
        assert ran.cycles == 3 * beats + ALONE
    assert build("layernorm", PARAMS).manifest.latency == ALONE


def test_reset_clears():
    adapter, model = find("layernorm").adapter, build("layernorm", PARAMS)
    job = adapter.plan(PARAMS, LayernormRun(), arrays(PARAMS, 197))
    for cycle in (3, 20, 60):
        received = model.run(job.send, job.receive, reset_at=cycle).received
        assert np.array_equal(job.decode(received)["y"], job.golden["y"])


def test_a_mutant_is_seen(monkeypatch):
    infect(monkeypatch, "gemmule.golden.nonlinear.layernorm", "+ 1 >> 1", ">> 1")
    with pytest.raises(GoldenMismatch):
        simulate("layernorm", PARAMS, arrays(PARAMS, 197))


def test_refusals():
    adapter = find("layernorm").adapter
    x = np.zeros((2, 3), int)
    with pytest.raises(UsageError, match=r"gamma must have shape \[3\], not \[2\]"):
        adapter.plan(PARAMS, LayernormRun(), {"x": x, "gamma": [1, 1]})
    with pytest.raises(UsageError, match="--epsilon must be in"):
        LayernormRun(epsilon=-1.0)
    with pytest.raises(UsageError, match="--in-format must be signed, not u8"):
        LayernormParams(in_format="u8")
    with pytest.raises(UsageError, match=r"--epsilon must be below .* for rows of 26, not 1000"):
        adapter.plan(RMS, LayernormRun(epsilon=1000.0), arrays(RMS, 26))
