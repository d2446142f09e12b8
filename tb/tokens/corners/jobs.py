"""Jobs at the corners of the token blocks' runs; golden must be what Python's integers say."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from gemmule.gen.block import Job
from gemmule.gen.blocks.tokens.packing import SELECTOR, TOKEN_PACK, SelectorRun
from gemmule.gen.blocks.tokens.score import TOKEN_SCORE, ScoreRun
from gemmule.gen.blocks.tokens.select import TOKEN_SELECT
from gemmule.golden.common.formats import Format
from gemmule.golden.common.lanes import last_of, to_words
from gemmule.golden.tokens.packing import Packing
from gemmule.golden.tokens.scores import saturate, weighted
from gemmule.golden.tokens.selection import Selection
from gemmule.hw.tokens.params import SelectorParams, TokenPackParams, TokenSelectParams
from gemmule.hw.tokens.score_params import TokenScoreParams
from gemmule.tb.common.sampling import values
from gemmule.tb.tokens import truth

from .cases import RATIOS

__all__ = ["JOBS", "drawn"]

LARGE = 1 << 14
"""Beats of a job; and numbers of its attention, but for the one of all rows."""


def near(kind: str, most: int) -> int:
    return min({"one": 1, "two": 2, "less": max(most - 1, 1), "most": most}[kind], most)


def drawn(kind: str, fmt: Format, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    if kind == "any":
        return values(rng, fmt, shape)
    return np.full(shape, fmt.low if kind == "low" else fmt.high)


def flags(kind: str, count: int, rng: np.random.Generator) -> np.ndarray:
    return {"low": np.zeros(count, bool), "high": np.ones(count, bool)}.get(
        kind, rng.random(count) < 0.5
    )


def selection(params: TokenSelectParams, case: Mapping, count: int) -> dict:
    fmt, far = params.score_format, 2**53
    levels = (-far, fmt.low - 1, fmt.low, fmt.low + 1, fmt.high - 1, fmt.high, fmt.high + 1, far)
    numbers = (0, 1, count - 1, count, count + 1, far)
    ratio = RATIOS[case["ratio"]]
    return {
        "policy": case["policy"],
        "threshold": levels[case["threshold"]],
        "fraction": ratio,
        "rho": ratio,
        "keep": numbers[case["keep"]],
        "protect": numbers[case["protect"]],
    }


def select_job(params: TokenSelectParams, case: Mapping, rng: np.random.Generator) -> Job:
    count = near(case["count"], params.max_tokens)
    run = Selection(**selection(params, case, count))
    scores = drawn(case["scores"], params.score_format, (count,), rng)
    valid = flags(case["valid"], count, rng)
    job = TOKEN_SELECT.adapter.plan(params, run, {"scores": scores, "valid": valid})
    wanted = truth.kept(scores.tolist(), valid.tolist(), run)
    assert job.golden["indices"].tolist() == wanted
    assert np.flatnonzero(job.golden["mask"]).tolist() == wanted
    assert job.golden["count"] == len(wanted)
    return job


def pack_job(params: TokenPackParams, case: Mapping, rng: np.random.Generator) -> Job:
    """Draw a job of `token_pack`, or of `selector` where ``case`` has a policy."""
    count, length = near(case["count"], params.max_tokens), near(case["length"], params.max_length)
    if count * -(-length // params.lanes) > LARGE:
        length = 2
    fmt, packing = params.token_format, {name: case[name] for name in ("package", "mode")}
    scores = drawn(case["scores"], params.score_format, (count,), rng)
    tokens = drawn(case["tokens"], fmt, (count, length), rng)
    valid = flags(case["valid"], count, rng)
    arrays, previous = {"scores": scores, "tokens": tokens, "valid": valid}, None
    if case["previous"]:
        width = Format(signed=False, width=params.weight_width)
        weight = drawn(case["previous"], width, (1,), rng)
        vector = drawn(case["tokens"], fmt, (length,), rng)
        arrays |= {"previous_package": vector, "previous_weight": weight}
        previous = vector.tolist(), int(weight[0])
    if "policy" in case:
        run = SelectorRun(**packing, **selection(params, case, count))
        indices = truth.kept(scores.tolist(), valid.tolist(), run)
        mask = np.isin(np.arange(count), indices)
        job = SELECTOR.adapter.plan(params, run, arrays)
        assert job.golden["indices"].tolist() == indices
    else:
        run, mask = Packing(**packing), flags(case["mask"], count, rng)
        job = TOKEN_PACK.adapter.plan(params, run, arrays | {"mask": mask})
    package, weight = truth.package(
        tokens.tolist(), mask.tolist(), scores.tolist(), valid.tolist(), run, previous
    )
    assert job.golden["package"].tolist() == package
    assert job.golden["package_weight"] == weight
    rows = [
        x if keep else [0] * length
        for x, keep in zip(tokens.tolist(), mask, strict=True)
        if keep or run.mode == "zero"
    ]
    assert job.golden["kept"].tolist() == rows
    return job


def score_job(params: TokenScoreParams, case: Mapping, rng: np.random.Generator) -> Job:
    heads, count = near(case["heads"], params.max_heads), near(case["count"], params.max_tokens)
    if case["score"] == "pairs":
        return pairs_job(params, case, heads, count, rng)
    fmt, name = params.attention_format, case["score"]
    if fmt.signed and name == "class_attention":
        name = "first_column"
    if name != "class_attention":
        count = min(count, int((LARGE // heads) ** 0.5))
    shape = (heads, count) if name == "class_attention" else (heads, count, count)
    arrays, previous = {"attention": drawn(case["attention"], fmt, shape, rng)}, None
    if case["previous"] and name == "column_max":
        arrays["previous"] = drawn(case["previous"], params.result, (count,), rng)
        previous = arrays["previous"].tolist()
    job = TOKEN_SCORE.adapter.plan(params, ScoreRun(score=name), arrays)
    wanted = truth.score(name, arrays["attention"].tolist(), previous, params.result)
    assert job.golden["scores"].tolist() == wanted
    return job


def pairs_job(
    params: TokenScoreParams, case: Mapping, heads: int, count: int, rng: np.random.Generator
) -> Job:
    """Draw a job whose rows are replaced by any pairs, though no classifier may give such ones."""
    count = min(count, LARGE // heads)
    fmt, result, layout = params.head_format, params.result, params.command
    parts = drawn(case["attention"], fmt, (count, heads), rng)
    weights = drawn(case["previous"] or "any", fmt, (count, heads), rng)
    scores = saturate(weighted(parts, weights), result)
    for got, x, w in zip(scores.tolist(), parts.tolist(), weights.tolist(), strict=True):
        total = sum(a * b for a, b in zip(x, w, strict=True))
        assert got == truth.clamp(truth.mean(total, sum(w)), result)
    # One head and token; its beats give way to the pairs'.
    rows = {"attention": np.zeros((1, 1, 1), int)}
    job = TOKEN_SCORE.adapter.plan(params, ScoreRun(score="column_max"), rows)
    given = {"weighted": 1, "heads": heads, "final_token": count - 1}
    send = job.send | {
        "command": to_words(*(([given.get(key, 0)], layout[key].width) for key in layout.members)),
        "attention": job.send["attention"][:0],
        "pairs": to_words(
            (parts.ravel(), fmt.width),
            (weights.ravel(), fmt.width),
            (np.tile(last_of(heads), count), 1),
        ),
    }
    beats = job.results() | {"scores": to_words((scores, result.width), (last_of(count), 1))}
    return replace(
        job,
        send=send,
        receive=job.receive | {"scores": count},
        golden={"scores": scores.astype(result.dtype)},
        results=lambda: beats,
    )


JOBS = {
    TokenSelectParams: select_job,
    TokenPackParams: pack_job,
    SelectorParams: pack_job,
    TokenScoreParams: score_job,
}
