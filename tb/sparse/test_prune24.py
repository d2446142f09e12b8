# amaranth: UnusedElaboratable=no
"""`prune24` against its golden model: ties, corners, stalls, its rate, broken packets."""

import numpy as np
import pytest

from gemmule.gen.blocks.sparse import PRUNE24
from gemmule.gen.simulation.engine import build
from gemmule.gen.simulation.simulate import GoldenMismatch, simulate
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.lanes import from_words, to_words
from gemmule.golden.sparse.beats import from_groups, to_groups
from gemmule.golden.sparse.select import prune24
from gemmule.hw.sparse.params import Prune24Params
from gemmule.hw.sparse.prune24 import Prune24

from . import stimuli
from .cases import KS

WIDE = Prune24Params(lanes=4)
NARROW = Prune24Params(lanes=1, w_format="u3", metric_format="u2")


def matrix(rng, params, k, n):
    """Draw few distinct values, so that most groups hold a tie; the extremes among them."""
    fmt = params.w_format
    return rng.choice([fmt.low, fmt.high, 0, 1, 2, fmt.high - 1], (k, n))


@pytest.mark.parametrize("stall", [0.0, 0.5])
@pytest.mark.parametrize("params", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("k", KS)
def test_equals_golden(k, params, stall):
    rng = np.random.default_rng(k)
    for n in (1, 7):
        w = matrix(rng, params, k, n)
        metric = rng.integers(0, 4, w.shape)
        for arrays in ({"w": w}, {"w": w, "metric": metric}):
            done = simulate(PRUNE24, params, arrays, stall=stall, seed=k)
            values, indices = prune24(w, arrays.get("metric"))
            assert np.array_equal(done.outputs["values"], values)
            assert np.array_equal(done.outputs["indices"], indices)


def test_every_order_of_four_with_every_tie():
    w = np.stack(np.meshgrid(*[[-2, 0, 1, 2]] * 4), axis=0).reshape(4, -1)
    done = simulate(PRUNE24, WIDE, {"w": w})
    for column in range(w.shape[1]):
        best = sorted(sorted(range(4), key=lambda i: (-abs(w[i, column]), i))[:2])
        assert done.outputs["indices"][:, column].tolist() == best


def test_one_group_a_cycle_and_lane():
    w = np.random.default_rng(1).integers(-128, 128, (64, 32))
    done = simulate(PRUNE24, WIDE, {"w": w})
    assert done.cycles == 64 // 4 * 32 // WIDE.lanes + Prune24.LATENCY
    assert done.counters["groups"] == 64 // 4 * 32


@pytest.mark.parametrize("params", [WIDE, NARROW], ids=["wide", "narrow"])
def test_what_verify_sends(params):
    run = PRUNE24.adapter.Run()
    arrays = stimuli.prune24(params, run, np.random.default_rng(4))
    simulate(PRUNE24, params, arrays, run=run, stall=0.3)


def packets(mats, ends):
    """Encode several matrices in a row; a metric packet may end before or after its w."""
    words = {"command": [], "w": [], "metric": []}
    for (w, metric), end in zip(mats, ends, strict=True):
        beats = to_groups(w, WIDE.lanes)
        last = np.arange(len(beats)) == len(beats) - 1
        words["command"].append(to_words(([int(metric is not None)], 1)))
        words["w"].append(to_words((beats, 8), (last, 1)))
        if metric is not None:
            beats = to_groups(metric, WIDE.lanes)
            beats = np.concatenate([beats, beats])[: len(beats) + end]
            words["metric"].append(
                to_words((beats, 16), (np.arange(len(beats)) == len(beats) - 1, 1))
            )
    return {name: np.concatenate(each) for name, each in words.items()}


@pytest.mark.parametrize("stall", [0.0, 0.3])
def test_broken_metric_packets_do_not_poison_the_next(stall):
    rng = np.random.default_rng(2)
    model = build(PRUNE24, WIDE)
    ends = (0, -2, 0, 3, 0, 0, 1, 0)
    mats = [
        (rng.integers(-128, 128, (20, 8)), rng.integers(0, 9, (20, 8)) if i != 2 else None)
        for i in range(len(ends))
    ]
    send = packets(mats, ends)
    receive = {"out": len(send["w"]), "status": len(mats)}
    received = model.run(send, receive, stall=stall, seed=3).received
    got, statuses = received["out"], received["status"][:, 0]
    assert statuses.tolist() == [0 if end == 0 else 1 if end < 0 else 2 for end in ends]
    values = from_words(got, 0, 8, 8, signed=True).reshape(len(mats), -1, 8)
    for (w, metric), end, beats in zip(mats, ends, values, strict=True):
        if end < 0:
            flat = to_groups(metric, WIDE.lanes)
            flat[end:] = 0
            metric = flat.reshape(5, 8, 4).swapaxes(1, 2).reshape(20, 8)
        assert np.array_equal(from_groups(beats, 8, WIDE.lanes), prune24(w, metric)[0])
    ends = from_words(got, 8 * 8 + 8 * 2, 1, 1, signed=False).ravel()
    assert np.flatnonzero(ends).tolist() == [10 * i + 9 for i in range(len(mats))]


def test_a_wrong_golden_model_is_noticed(monkeypatch):
    from gemmule.gen.blocks.sparse import prune24 as adapter

    # Ties to the higher index: a likely mistake.
    monkeypatch.setattr(
        adapter, "prune24", lambda w, metric: tuple(x[::-1] for x in prune24(w[::-1], None))
    )
    with pytest.raises(GoldenMismatch, match="values"):
        simulate(PRUNE24, WIDE, {"w": np.array([[1], [-1], [1], [0]])})


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"w": [[200]]}, r"w\[0, 0\] is 200, but s8 holds -128..127"),
        ({"w": [[1.5]]}, "w must hold integers"),
        ({"w": np.zeros((0, 3), int)}, "w must have at least one row"),
        ({"w": [[1]], "metric": [[-1]]}, r"metric\[0, 0\] is -1"),
        ({"w": [[1]], "metric": [[1, 2]]}, r"metric must have shape \[1, 1\]"),
    ],
)
def test_wrong_arrays_are_refused(arrays, message):
    with pytest.raises(UsageError, match=message):
        simulate(PRUNE24, WIDE, arrays)


def test_a_signed_metric_is_refused():
    with pytest.raises(UsageError, match="--metric-format must be unsigned, not s8"):
        Prune24Params(metric_format="s8")
