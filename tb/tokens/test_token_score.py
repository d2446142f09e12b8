"""`token_score` in RTL: each reduction; HeatViT's classifier against its float model."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from gemmule.gen.blocks.tokens.score import SCORES, ScoreRun
from gemmule.gen.catalog import find
from gemmule.gen.simulation.engine import build
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format
from gemmule.golden.tokens.cycles import pair_cycles
from gemmule.golden.tokens.heatvit import Selector
from gemmule.golden.tokens.scores import weighted
from gemmule.golden.tokens.selection import Selection, select
from gemmule.hw.tokens.score_params import TokenScoreParams
from gemmule.tb.common.sampling import values

from .heatvit.classifier import FloatSelector, quantized
from .stages import HOW, run_stages

BLOCK = find("token_score")
UNSIGNED = TokenScoreParams()
SIGNED = TokenScoreParams(lanes=1, attention_format="s8", score_format="s10", max_tokens=64)
SHAPES = {"DeiT-T": 3, "DeiT-S": 6}


def job(params, score, heads, count, rng, carried=False):
    fmt = params.attention_format
    shape = (heads, count) if score == "class_attention" else (heads, count, count)
    arrays = {"attention": values(rng, fmt, shape)}
    if carried:
        arrays["previous"] = values(rng, params.result, (count,))
    if score == "heatvit":
        selector = FloatSelector.random(heads, 8, 3, rng)
        arrays = quantized(selector, rng.normal(0, 1, (count, heads * 8)))
    return BLOCK.adapter.plan(params, ScoreRun(score=score), arrays)


@pytest.mark.parametrize("how", HOW, ids=str)
@pytest.mark.parametrize("params", [UNSIGNED, SIGNED], ids=["u16", "s8"])
def test_stages_back_to_back(params, how):
    """Run every score, one head to all, one token to many, each after each other."""
    rng = np.random.default_rng(41)
    scores = [name for name in SCORES if name != "class_attention" or params is UNSIGNED]
    jobs = [
        job(params, score, heads, count, rng, carried)
        for heads, count in ((1, 1), (3, 2), (2, 4), (12, 5), (3, 17), (1, 33), (3, 64))
        for score in rng.permutation(scores)
        for carried in ((False, True) if score == "column_max" else (False,))
    ]
    run_stages(build(BLOCK, params), jobs, **how, seed=6)


def test_a_beat_of_attention_a_cycle():
    params, heads, count = UNSIGNED, 3, 50
    stage = job(params, "column_max", heads, count, np.random.default_rng(1))
    rows = heads * count * -(-count // params.lanes)
    results = count + -(-count // params.lanes)
    assert run_stages(build(BLOCK, params), [stage]) <= rows + results + 8


@pytest.mark.parametrize("heads", [1, 3, 6, 12])
def test_pairs_keep_the_dividers_busy(heads):
    stage = job(UNSIGNED, "heatvit", heads, 197, np.random.default_rng(2))
    assert run_stages(build(BLOCK, UNSIGNED), [stage]) <= pair_cycles(197, heads)


@pytest.mark.parametrize("model", SHAPES)
def test_int8_ranks_as_the_float_classifier_does(model):
    """Rank correlation of at least 0.99, random weights of the model's shape."""
    heads, fmt = SHAPES[model], Format(signed=False, width=16)
    for seed in range(3):
        rng = np.random.default_rng(seed)
        selector = FloatSelector.random(heads, 64, heads, rng)
        tokens = rng.normal(0, 1, (197, heads * 64))
        arrays = quantized(selector, tokens)
        parts, weights = Selector.check(arrays).heads_of(arrays["tokens"], np.ones(197, bool), fmt)
        correlation = spearmanr(selector(tokens), weighted(parts, weights)).statistic
        assert correlation >= 0.99


@pytest.mark.parametrize("model", SHAPES)
def test_kept_sets_are_the_golden_models(model):
    """From int8 tokens to scores to kept tokens, both steps in RTL, at SPViT's keep rates."""
    heads = SHAPES[model]
    rng = np.random.default_rng(9)
    selector = FloatSelector.random(heads, 64, heads, rng)
    arrays = quantized(selector, rng.normal(0, 1, (197, heads * 64)))
    stage = BLOCK.adapter.plan(UNSIGNED, ScoreRun(score="heatvit"), arrays)
    received = build(BLOCK, UNSIGNED).run(stage.send, stage.receive).received
    scores = stage.decode(received)["scores"]
    assert (scores == stage.golden["scores"]).all()
    block = find("token_select")
    params = block.params()
    for keep in (0.617, 0.369, 0.137):
        run = Selection(policy="fraction", fraction=keep, protect=1)
        choice = block.adapter.plan(params, run, {"scores": scores})
        run_stages(build(block, params), [choice])
        golden = select(stage.golden["scores"], run=run)
        assert (choice.golden["mask"] == golden.mask).all()


@pytest.mark.parametrize(
    ("score", "arrays", "message"),
    [
        ("column_max", {}, "--score column_max needs the array attention"),
        ("column_max", {"attention": np.zeros((2, 3, 4), int)}, r"shape \[heads, N, N\]"),
        ("class_attention", {"attention": np.zeros((17, 3), int)}, "--max-heads"),
        ("class_attention", {"attention": np.zeros((1, 1025), int)}, "--max-tokens"),
        ("heatvit", {}, "--score heatvit needs the arrays feature_weight"),
    ],
)
def test_wrong_arrays_are_named(score, arrays, message):
    with pytest.raises(UsageError, match=message):
        BLOCK.adapter.plan(TokenScoreParams(), ScoreRun(score=score), arrays)
