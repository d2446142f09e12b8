"""F5: rows and weights of wrong length, refused commands: what comes out of them, bit for bit."""

from collections.abc import Sequence

import numpy as np
import pytest

from gemmule.gen.block import Job
from gemmule.gen.blocks.common.status import expect_clean
from gemmule.gen.blocks.nonlinear.layernorm import LayernormRun
from gemmule.gen.blocks.nonlinear.softmax import SoftmaxRun
from gemmule.gen.catalog import find
from gemmule.gen.simulation.engine import build
from gemmule.gen.simulation.simulator import SimulationError
from gemmule.golden.common.lanes import from_words
from gemmule.golden.nonlinear.layernorm import layernorm
from gemmule.golden.nonlinear.softmax import softmax
from gemmule.tb.common.fault_table import patched, status_words
from gemmule.tb.common.sampling import values

from .faults import LAYERNORM, SOFTMAX

LANES = 4


def _plan(params, run, arrays) -> Job:
    name = "softmax" if params is SOFTMAX else "layernorm"
    return find(name).adapter.plan(params, run, arrays)


def _rows(model, beats, lengths: Sequence[int]):
    """Cut the beats of stream ``x`` anew, into packets of ``lengths``."""
    out, begun = [], 0
    for length in lengths:
        part = beats[begun : begun + length].copy()
        begun += length
        ends = [patched(model, "x", beat, {"last": n == length - 1}) for n, beat in enumerate(part)]
        out.append(np.array(ends))
    return np.concatenate(out)


@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_softmax_takes_rows_of_any_length_and_cuts_one_that_is_too_long(stall):
    """Send a command's rows of 1, 7, 10, 2 and 7 beats where at most 7 are allowed."""
    model = build("softmax", SOFTMAX)
    lengths = (1, 7, 10, 2, 7)
    x = np.random.default_rng(1).integers(-90, 90, (sum(lengths), LANES))
    job = _plan(SOFTMAX, SoftmaxRun(delta=0.5), {"x": x})
    command = patched(model, "command", job.send["command"][0], {"rows": len(lengths)})[None]
    beats = _rows(model, job.send["x"], lengths)
    wanted, begun = [], 0
    for length in lengths:
        row = x[begun : begun + min(length, 7)].reshape(1, -1)
        begun += length
        formats = SOFTMAX.in_format, SOFTMAX.out_format
        wanted.append(softmax(row, *formats, delta=0.5, coefficients="heatvit").ravel())
    wanted = np.concatenate(wanted)
    send = {"command": np.concatenate([command] * 3), "x": np.concatenate([beats] * 3)}
    counts = {"y": 3 * len(wanted) // LANES, "status": 3}
    got = model.run(send, counts, stall=stall, seed=3).received
    y = from_words(got["y"], 0, SOFTMAX.out_format.width, LANES, signed=False).ravel()
    assert np.array_equal(y, np.tile(wanted, 3))
    late = {"refused": 0, "x.early": 0, "x.late": 1, "lost": 0}
    assert status_words(model, got["status"]) == [late] * 3


@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_layernorm_fills_what_is_short_with_zeros_and_cuts_what_is_long(stall):
    """Rows of three beats; they and the weights come with one to five."""
    model = build("layernorm", LAYERNORM)
    rng, n = np.random.default_rng(2), 12
    x = values(rng, LAYERNORM.in_format, (4, n))
    gamma, beta = (
        values(rng, fmt, (n,)) for fmt in (LAYERNORM.gamma_format, LAYERNORM.beta_format)
    )
    cut = x.copy()
    cut[1, 4:] = 0
    cut[3, 8:] = 0
    send = {"command": [], "affine": [], "x": []}
    wanted, words = [], []
    for weights in (3, 2, 5, 1, 3):
        job = _plan(LAYERNORM, LayernormRun(), {"x": x, "gamma": gamma, "beta": beta})
        row = job.send["x"].reshape(4, 3, -1)
        noise = rng.integers(1 << 32, size=row[0].shape, dtype=np.uint32)
        noise[:, -1] &= (1 << model.widths["x"] % 32) - 1
        parts = [row[0], row[1][:1], np.concatenate([row[2], noise[:2]]), row[3][:2]]
        send["x"].append(_rows(model, np.concatenate(parts), [len(part) for part in parts]))
        affine = np.concatenate([job.send["affine"]] * 2)[:weights]
        ends = [
            patched(model, "affine", b, {"last": i == weights - 1}) for i, b in enumerate(affine)
        ]
        send["affine"].append(np.array(ends))
        send["command"].append(job.send["command"])
        present = np.arange(n) < weights * LANES
        y = layernorm(cut, gamma * present, beta * present, LAYERNORM.formats, kind="rms")
        wanted.append(y)
        faults = {"affine.early": int(weights < 3), "affine.late": int(weights > 3)}
        words.append({"refused": 0, **faults, "x.early": 1, "x.late": 1, "lost": 0})
    send = {name: np.concatenate(beats) for name, beats in send.items()}
    counts = {"y": 5 * 12, "status": 5}
    got = model.run(send, counts, stall=stall, seed=4).received
    y = from_words(got["y"], 0, LAYERNORM.out_format.width, LANES, signed=True).reshape(5, 4, n)
    assert np.array_equal(y, np.array(wanted))
    assert status_words(model, got["status"]) == words


@pytest.mark.parametrize("block", ["softmax", "layernorm"])
def test_status_that_nobody_takes_stops_nothing(block):
    params, run = {
        "softmax": (SOFTMAX, SoftmaxRun()),
        "layernorm": (LAYERNORM, LayernormRun()),
    }[block]
    rng = np.random.default_rng(5)
    arrays = {"x": values(rng, params.in_format, (2, 5))}
    if block == "layernorm":
        arrays["gamma"] = values(rng, params.gamma_format, (5,))
    job = _plan(params, run, arrays)
    send = {name: np.concatenate([beats] * 40) for name, beats in job.send.items()}
    received = (
        build(block, params).run(send, {"y": 40 * job.receive["y"]}, untaken=["status"]).received
    )
    one = build(block, params).run(job.send, job.receive).received["y"]
    assert np.array_equal(received["y"], np.concatenate([one] * 40))


def test_an_adapter_reads_the_status():
    expect_clean({"status": np.zeros((1, 1), np.uint32)})
    with pytest.raises(
        SimulationError, match="status says 0x4 of command 0, with which nothing was wrong"
    ):
        expect_clean({"status": np.array([[4]], np.uint32)})
