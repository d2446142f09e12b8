"""`token_select` in RTL: every policy, size and order of scores, and its bounds on cycles."""

import numpy as np
import pytest

from gemmule.gen.catalog import find
from gemmule.gen.simulation.engine import build
from gemmule.golden.common.errors import UsageError
from gemmule.golden.tokens.selection import POLICIES, Selection
from gemmule.hw.tokens.params import TokenSelectParams
from gemmule.tb.common.sampling import covering

from . import score_patterns
from .stages import HOW, near, run_stages, some

BLOCK = find("token_select")
SIZES = (1, 2, 16, 17, 64, 197, 257, 1024)
FORMATS = ("u16", "u8", pytest.param("s12", marks=pytest.mark.full))
FACTORS = {
    "count": SIZES,
    "pattern": score_patterns.PATTERNS,
    "policy": POLICIES,
    "keep": ("none", "one", "half", "all", "more"),
    "ratio": (0.0, 0.137, 0.617, 1.0),
    "level": (-0.1, 0.0, 0.5, 1.0, 1.1),
    "protect": (0, 1, 3, 2000),
    "valid": ("all", "none", "half"),
}


def job(params, case, rng):
    fmt, count = params.score_format, case["count"]
    run = Selection(
        policy=case["policy"],
        keep=near(count, case["keep"]),
        fraction=case["ratio"],
        rho=case["ratio"],
        threshold=round(fmt.low + case["level"] * (fmt.high - fmt.low)),
        protect=case["protect"],
    )
    arrays = {
        "scores": score_patterns.scores(case["pattern"], fmt, count, rng),
        "valid": some(case["valid"], count, rng),
    }
    return BLOCK.adapter.plan(params, run, arrays)


@pytest.mark.parametrize("how", HOW, ids=str)
@pytest.mark.parametrize("score_format", FORMATS)
def test_stages_back_to_back(score_format, how):
    """Every two of size, order, policy, keep, threshold, protection and validity meet."""
    params = TokenSelectParams(score_format=score_format)
    rng = np.random.default_rng(11)
    jobs = [job(params, case, rng) for case in covering(FACTORS)]
    run_stages(build(BLOCK, params), jobs, **how, seed=5)


@pytest.mark.parametrize("pattern", score_patterns.PATTERNS)
@pytest.mark.parametrize("score_format", FORMATS)
def test_cycles_are_bounded_whatever_the_scores(score_format, pattern):
    """Take a score a cycle, decide within 2 N + 128, and list the kept within 3 N + 128."""
    params = TokenSelectParams(score_format=score_format)
    model = build(BLOCK, params)
    rng = np.random.default_rng(2)
    for count in SIZES:
        case = {
            "count": count,
            "pattern": pattern,
            "policy": "topk",
            "keep": "half",
            "ratio": 0.5,
            "level": 0.5,
            "protect": 1,
            "valid": "all",
        }
        stage = job(params, case, rng)
        decided = model.run(stage.send, {"count": 1}, quiet=0).cycles
        assert decided <= 2 * count + 128
        assert run_stages(model, [stage]) <= 3 * count + 128
    stages = [stage] * 4
    assert run_stages(model, stages) <= len(stages) * (3 * count + 128)


def test_a_packet_too_long_is_cut_and_a_reset_leaves_nothing():
    params = TokenSelectParams()
    model = build(BLOCK, params)
    rng = np.random.default_rng(4)
    case = {
        "count": 1024,
        "pattern": "random",
        "policy": "topk",
        "keep": "half",
        "ratio": 0.5,
        "level": 0.5,
        "protect": 1,
        "valid": "all",
    }
    good = job(params, case, rng)
    long = {"command": good.send["command"], "scores": np.repeat(good.send["scores"], 2, axis=0)}
    long["scores"][-2] = long["scores"][0]  # but one `last`
    send = {name: np.concatenate([long[name], good.send[name]]) for name in long}
    receive = {name: 2 * count for name, count in good.receive.items()}
    received = model.run(send, receive).received
    second = {name: beats[len(beats) // 2 :] for name, beats in received.items()}
    assert (good.decode(second)["mask"] == good.golden["mask"]).all()
    for reset_at in (300, 1500, 2200, 3000):
        run_stages(model, [good, job(params, case | {"count": 17}, rng)], reset_at=reset_at)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"scores": np.zeros(1025, int)}, r"1 to 1024 tokens \(--max-tokens\), not 1025"),
        ({"scores": np.zeros(0, int)}, "not 0"),
        ({"scores": [70000]}, r"scores\[0\] is 70000, but u16 holds 0..65535"),
        ({"scores": [0.5]}, "scores must hold integers"),
        ({"scores": [1, 2], "valid": [1]}, r"valid must have shape \[2\], not \[1\]"),
        ({"scores": [1, 2], "valid": [1, 2]}, r"valid\[1\] is 2"),
    ],
)
def test_wrong_arrays_are_named(arrays, message):
    with pytest.raises(UsageError, match=message):
        BLOCK.adapter.plan(TokenSelectParams(), Selection(), arrays)
