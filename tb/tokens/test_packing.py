"""`token_pack` and `selector` in RTL: packages, modes, earlier packages, sizes, rates."""

import numpy as np
import pytest

from gemmule.gen.blocks.tokens.packing import SelectorRun
from gemmule.gen.blocks.tokens.score import SCORES, TOKEN_SCORE, ScoreRun
from gemmule.gen.catalog import find
from gemmule.gen.simulation.engine import build
from gemmule.golden.common.errors import UsageError
from gemmule.golden.tokens.packing import MODES, PACKAGES, Packing
from gemmule.golden.tokens.selection import POLICIES
from gemmule.hw.tokens.params import SelectorParams, TokenPackParams
from gemmule.hw.tokens.score_params import TokenScoreParams
from gemmule.tb.common.sampling import covering, values

from . import score_patterns
from .heatvit.classifier import FloatSelector, quantized
from .stages import HOW, near, run_stages, some

PACK, SELECTOR = find("token_pack"), find("selector")
NARROW = TokenPackParams(lanes=4, token_format="s16", score_format="u8", dividers=2)
FACTORS = {
    "count": (1, 2, 16, 17, 64, 197, 257, 1024),
    "length": (1, 16, 17, 192, 384),
    "package": PACKAGES,
    "mode": MODES,
    "merge": (False, True),
    "valid": ("all", "none", "half"),
    "pattern": (*score_patterns.PATTERNS, "zeros"),
}
SELECTIONS = {"policy": POLICIES, "keep": ("none", "one", "half", "all", "more"), "protect": (0, 1)}


def arrays_of(params, case, rng):
    count, length = case["count"], case["length"]
    pattern = "equal" if case["pattern"] == "zeros" else case["pattern"]
    scores = score_patterns.scores(pattern, params.score_format, count, rng)
    arrays = {
        "tokens": values(rng, params.token_format, (count, length)),
        "scores": scores * (case["pattern"] != "zeros"),
        "valid": some(case["valid"], count, rng),
    }
    if case["merge"]:
        limit = 1 << params.weight_width
        weight = rng.choice([0, 1, limit - 1, int(rng.integers(limit))])
        vector = values(rng, params.token_format, (length,))
        arrays |= {"previous_package": vector, "previous_weight": np.array([weight])}
    return arrays


def pack_job(params, case, rng):
    arrays = arrays_of(params, case, rng)
    arrays["mask"] = some(case["mask"], case["count"], rng)
    return PACK.adapter.plan(params, Packing(package=case["package"], mode=case["mode"]), arrays)


def selector_job(params, case, rng):
    run = SelectorRun(
        package=case["package"],
        mode=case["mode"],
        policy=case["policy"],
        keep=near(case["count"], case["keep"]),
        threshold=params.score_format.high // 2,
        protect=case["protect"],
    )
    return SELECTOR.adapter.plan(params, run, arrays_of(params, case, rng))


@pytest.mark.parametrize("how", HOW, ids=str)
def test_pack_stages_back_to_back(how):
    rng = np.random.default_rng(23)
    factors = FACTORS | {"mask": ("all", "none", "half"), "count": (1, 2, 16, 17, 64, 197)}
    jobs = [pack_job(NARROW, case, rng) for case in covering(factors)]
    run_stages(build(PACK, NARROW), jobs, **how, seed=3)


@pytest.mark.parametrize("how", HOW, ids=str)
def test_selector_stages_back_to_back(how):
    """Every two of size, length, policy, keep, package, mode, merging and validity meet."""
    params = SelectorParams()
    rng = np.random.default_rng(29)
    jobs = [selector_job(params, case, rng) for case in covering(FACTORS | SELECTIONS)]
    run_stages(build(SELECTOR, params), jobs, **how, seed=4)


@pytest.mark.parametrize("score", SCORES)
def test_selector_takes_what_token_score_takes(score):
    """A run that scores by itself sends what it sends with the scores of `token_score`."""
    rng, params = np.random.default_rng(53), SelectorParams()
    classifier = FloatSelector.random(3, 8, 3, rng)
    arrays = quantized(classifier, rng.normal(0, 1, (20, 24)))
    shape = (3, 20) if score == "class_attention" else (3, 20, 20)
    arrays["attention"] = rng.integers(0, 2000, shape)
    given = TOKEN_SCORE.adapter.plan(TokenScoreParams(), ScoreRun(score=score), arrays).golden
    run = SelectorRun(policy="fraction", fraction=0.5, score=score)
    scores = {"tokens": arrays["tokens"], "scores": given["scores"]}
    one, other = (SELECTOR.adapter.plan(params, run, each) for each in (arrays, scores))
    assert (one.send["scores"] == other.send["scores"]).all()
    run_stages(build(SELECTOR, params), [one, other])


@pytest.mark.parametrize("mask", ["all", "none", "half"])
def test_pack_moves_a_beat_a_cycle(mask):
    """Whatever is kept; then the package, whose divisions take turns at the dividers."""
    model = build(PACK, NARROW)
    rng = np.random.default_rng(31)
    for length in (1, 4, 5, 17, 384):
        case = {
            "count": 197,
            "length": length,
            "mode": "compact",
            "merge": False,
            "valid": "all",
            "pattern": "random",
            "mask": mask,
        }
        beats = -(-length // NARROW.lanes)
        turns = NARROW.lanes // NARROW.dividers
        spent = {"none": 0, "sum": beats * (turns + 3), "mean": beats * (turns * 18 + 3)}
        for package, extra in spent.items():
            stage = pack_job(NARROW, case | {"package": package}, rng)
            assert run_stages(model, [stage]) <= 197 * beats + extra + 8


def test_a_bad_packet_does_not_poison_the_next():
    """Tokens that end early or late, and a reset in the midst of a stage."""
    model = build(PACK, NARROW)
    rng = np.random.default_rng(37)
    case = {
        "count": 17,
        "length": 17,
        "package": "mean",
        "mode": "zero",
        "merge": True,
        "valid": "all",
        "pattern": "random",
        "mask": "half",
    }
    good = pack_job(NARROW, case, rng)
    marked, plain = good.send["tokens"][-1:], good.send["tokens"][:1]
    for tokens in (
        np.concatenate([plain, marked]),
        np.concatenate([np.repeat(plain, 200, axis=0), marked]),
    ):
        send = {name: np.concatenate([beats, beats]) for name, beats in good.send.items()}
        send["tokens"] = np.concatenate([tokens, good.send["tokens"]])
        receive = {name: 2 * count for name, count in good.receive.items()}
        received = model.run(send, receive).received
        second = {name: beats[len(beats) // 2 :] for name, beats in received.items()}
        outputs = good.decode(second)
        for name, expected in good.golden.items():
            assert (outputs[name] == expected).all(), name
    for reset_at in (20, 95, 110, 200):
        run_stages(model, [good, good], reset_at=reset_at)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tokens": np.zeros((2, 5), int)}, r"tokens must have shape \[3, any\], not \[2, 5\]"),
        ({"tokens": np.zeros((3, 1025), int)}, r"1 to 1024 elements \(--max-length\), not 1025"),
        ({"mask": [0, 1, 2]}, r"mask\[2\] is 2, but u1 holds 0..1"),
        ({"previous_package": [1, 2]}, "previous_package needs previous_weight beside it"),
        (
            {"previous_package": [1], "previous_weight": [3]},
            r"previous_package must have shape \[2\]",
        ),
        ({"previous_package": [1, 2], "previous_weight": [2**26]}, "previous_weight"),
    ],
)
def test_wrong_arrays_are_named(change, message):
    arrays = {"tokens": np.zeros((3, 2), int), "mask": [0, 1, 1], "scores": [1, 2, 3]}
    with pytest.raises(UsageError, match=message):
        PACK.adapter.plan(TokenPackParams(), Packing(), arrays | change)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"score_format": "s8"}, "--score-format must be unsigned where tokens are packed"),
        ({"lanes": 16, "dividers": 3}, "--dividers must divide --lanes 16, and 3 does not"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(UsageError, match=message):
        TokenPackParams(**options)
