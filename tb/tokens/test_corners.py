"""F1, F4: the token blocks at the corners of their options: golden, Python's integers, and RTL.

Both ends of each option and what is next to them, in pairs; of the runs' options as well, with as
many tokens, heads and elements as there may be, and scores and tokens at the ends of their formats.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, cycle, islice, product

import numpy as np
import pytest

from gemmule.gen.block import Job
from gemmule.gen.blocks.tokens.packing import SELECTOR, TOKEN_PACK, SelectorRun
from gemmule.gen.blocks.tokens.score import TOKEN_SCORE, ScoreRun
from gemmule.gen.blocks.tokens.select import TOKEN_SELECT
from gemmule.gen.simulation.engine import build
from gemmule.golden.common.formats import Format
from gemmule.golden.common.lanes import last_of, pack
from gemmule.golden.common.options import Options
from gemmule.golden.tokens.packing import MODES, PACKAGES, Packing
from gemmule.golden.tokens.scores import saturate, weighted
from gemmule.golden.tokens.selection import POLICIES, Selection
from gemmule.hw.tokens.params import SelectorParams, TokenPackParams, TokenSelectParams
from gemmule.hw.tokens.score_params import TokenScoreParams
from gemmule.tb.common.bank import Bank, block_of
from gemmule.tb.common.jobs import apart, joined, run_jobs
from gemmule.tb.common.lint import lint_emitted
from gemmule.tb.common.sampling import covering, values

from . import truth

SIGNED = ("s2", "s3", "s15", "s16")
UNSIGNED = ("u2", "u3", "u15", "u16")
BYTES = ("u7", "u8", "u9")
"""Scores of up to a byte are ranked in one pass, wider ones in two."""
MOST = (2, 3, 4095, 4096)
SIDES = ((1, 1), (2, 1), (2, 2), (3, 3), (63, 1), (63, 63), (64, 2), (64, 32), (64, 64))
"""Lanes and dividers; these must divide those."""
FACTORS = {
    TokenSelectParams: {"score_format": (*SIGNED, "s8", "s9", *BYTES, *UNSIGNED),
                        "max_tokens": MOST},
    TokenPackParams: {
        "token_format": (*SIGNED, *UNSIGNED), "score_format": (*BYTES, *UNSIGNED),
        "max_tokens": MOST, "max_length": (1, 2, 4095, 4096), "weight_width": (2, 3, 31, 32),
        "sides": SIDES,
    },
    TokenScoreParams: {
        "attention_format": (*SIGNED, *UNSIGNED), "head_format": UNSIGNED,
        "score_format": (None, "s2", "u2", "s3", "u3", "s31", "u31", "s32", "u32"),
        "lanes": (1, 2, 3, 63, 64), "max_tokens": MOST, "max_heads": (1, 2, 63, 64),
        "dividers": (1, 2, 63, 64),
    },
}  # fmt: skip
FACTORS[SelectorParams] = FACTORS[TokenPackParams]

ENDS = ("one", "two", "less", "most")
WHAT = ("low", "high", "any")
SELECTIONS = {
    "count": ENDS, "policy": POLICIES, "scores": WHAT, "valid": WHAT, "ratio": (0, 1, 2, 3, 4, 5),
    "threshold": range(8), "keep": range(6), "protect": (0, 0, 1, 2, 3, 4, 5),
}  # fmt: skip
RATIOS = (0.0, 5e-324, 1 / 3, 0.617, 1 - 2**-53, 1.0)
PACKINGS = {
    "count": ENDS, "length": ENDS, "package": PACKAGES, "mode": MODES, "previous": (None, *WHAT),
    "tokens": WHAT, "scores": WHAT, "mask": WHAT, "valid": WHAT,
}  # fmt: skip
SCORES = {
    "count": ENDS, "heads": ENDS, "attention": WHAT, "previous": (None, *WHAT),
    "score": ("class_attention", "column_max", "first_column", "pairs", "pairs"),
}  # fmt: skip
RUNS = {
    TokenSelectParams: SELECTIONS,
    TokenPackParams: PACKINGS,
    SelectorParams: SELECTIONS | PACKINGS,
    TokenScoreParams: SCORES,
}
ALL = {"count": "most", "scores": "high", "valid": "high"}
NONE_KEPT = {"policy": "topk", "keep": 0, "protect": 0, "ratio": 5, "threshold": 2}
DROPPED = [
    ALL | {"length": "two", "package": package, "mode": "zero", "previous": "high",
           "tokens": tokens, "mask": "low"}
    for package, tokens in product(("sum", "mean"), ("low", "high"))
]  # fmt: skip
WORST = {
    TokenSelectParams: [ALL | NONE_KEPT, ALL | NONE_KEPT | {"policy": "cpvit", "ratio": 0}],
    TokenPackParams: DROPPED,
    SelectorParams: [case | NONE_KEPT for case in DROPPED],
    TokenScoreParams: [
        {"count": "most", "heads": "most", "attention": what, "previous": what, "score": score}
        for score, what in (("pairs", "high"), ("column_max", "high"), ("column_max", "low"),
                            ("class_attention", "high"))
    ],
}  # fmt: skip
"""What fills counters and sums to the last bit; each unit is given these as well."""
LARGE = 1 << 14
"""Beats of a job; and numbers of its attention, but for the one of all rows."""
EACH = 5
"""Jobs of a unit, beside the worst."""
SAMPLE = 3
"""Units of each block that are tried always; the rest in full."""


def units_of(kind: type[Options]) -> list[Options]:
    """List units in which every two corners meet, so far as they are legal together."""
    units = []
    for options in covering(FACTORS[kind], seed=5):
        given = dict(options)
        if "sides" in given:
            given["lanes"], given["dividers"] = given.pop("sides")
        units.append(kind(**given))
    return units


def small(params: Options) -> bool:
    """Tell whether a unit compiles in a second or two."""
    return getattr(params, "lanes", 1) <= 3 and getattr(params, "dividers", 1) <= 3


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
        "policy": case["policy"], "threshold": levels[case["threshold"]], "fraction": ratio,
        "rho": ratio, "keep": numbers[case["keep"]], "protect": numbers[case["protect"]],
    }  # fmt: skip


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
    rows = [x if keep else [0] * length for x, keep in zip(tokens.tolist(), mask, strict=True)
            if keep or run.mode == "zero"]  # fmt: skip
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
        "command": pack(*(([given.get(name, 0)], layout[name].width) for name in layout.members)),
        "attention": job.send["attention"][:0],
        "pairs": pack((parts.ravel(), fmt.width), (weights.ravel(), fmt.width),
                      (np.tile(last_of(heads), count), 1)),
    }  # fmt: skip
    beats = job.results() | {"scores": pack((scores, result.width), (last_of(count), 1))}
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


def try_all(units: Sequence[Options], folder, seed: int, stalls: Sequence[float] = (0.4,)) -> None:
    """Build a bank, lint it, and run jobs in every unit of it: what comes is right to the bit."""
    named = {f"{block_of(each).name}_{n}": each for n, each in enumerate(units)}
    bank, rng = Bank(named), np.random.default_rng(seed)
    lint_emitted(bank.emitted, folder)
    cases = {kind: cycle(covering(RUNS[kind], seed)) for kind in {type(each) for each in units}}
    stages = {}
    for name, each in named.items():
        given = chain(WORST[type(each)], islice(cases[type(each)], EACH))
        stages[name] = [JOBS[type(each)](each, case, rng) for case in given]
    for stall in stalls:
        jobs = {name: in_turn(each) for name, each in stages.items()}
        result = bank.run(jobs, stall=stall, seed=seed)
        wrong = dict(differing(bank, stages, jobs, result))
        assert not wrong, {name: (named[name], where) for name, where in wrong.items()}


def in_turn(jobs: Sequence[Job]) -> Job:
    send, receive = joined(jobs)
    return replace(jobs[0], send=send, receive=receive)


def differing(bank: Bank, stages: Mapping, jobs: Mapping, result) -> Iterator[tuple]:
    """Yield each unit of which a job's beats, ``last`` included, or its arrays are not golden."""
    for name, each in stages.items():
        received = bank.received(name, jobs[name], result)
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
