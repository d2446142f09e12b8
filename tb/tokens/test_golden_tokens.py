"""The golden models against slower formulas: sorted lists, exact fractions, plain loops."""

import math
from fractions import Fraction

import numpy as np
import pytest

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format
from gemmule.golden.nonlinear.softmax import softmax
from gemmule.golden.tokens import packing, scores
from gemmule.golden.tokens.rounding import divide_half_even
from gemmule.golden.tokens.selection import Selection, quota, ratio_bits, ratio_word, select
from gemmule.tb.common.sampling import values

from . import score_patterns
from .truth import kept

U16 = Format.parse("u16")
RUNS = [
    Selection(policy="topk", keep=0),
    Selection(policy="topk", keep=5, protect=1),
    Selection(policy="topk", keep=10**6),
    Selection(policy="fraction", fraction=0.617, protect=1),
    Selection(policy="fraction", fraction=0.0),
    Selection(policy="cpvit", rho=0.0),
    Selection(policy="cpvit", rho=0.3),
    Selection(policy="cpvit", rho=0.999, protect=1),
    Selection(policy="cpvit", rho=1.0, protect=2),
    Selection(policy="threshold", threshold=30000, protect=3),
]


@pytest.mark.parametrize("pattern", score_patterns.PATTERNS)
@pytest.mark.parametrize(
    "run", RUNS, ids=lambda run: f"{run.policy}-{run.protect}-{run.keep}-{run.rho}"
)
def test_select_is_sorting(pattern, run):
    rng = np.random.default_rng(7)
    for count in (1, 2, 17, 64):
        values = score_patterns.scores(pattern, U16, count, rng)
        for chance in (0.0, 0.6, 1.0):
            valid = rng.random(count) < chance
            got = select(values, valid, run=run)
            want = kept([int(v) for v in values], valid, run)
            assert got.indices.tolist() == want
            assert got.count == len(want)
            assert np.flatnonzero(got.mask).tolist() == want


@pytest.mark.parametrize("value", [0, 1, 0.617, 0.369, 0.137, 0.07, 0.29, 1 / 3, 1e-9, 1 - 2**-53])
def test_ratio_words_are_exact(value):
    """The fixed-point word gives ``ceil(f * n)`` for each n, also where f * n is nearly whole."""
    for limit in (1, 16, 197, 1024):
        for run in (
            Selection(policy="fraction", fraction=value),
            Selection(policy="cpvit", rho=value),
        ):
            word, bits = ratio_word(run, limit), ratio_bits(limit)
            exact = Fraction(str(float(value)))
            for number in {0, 1, limit // 3, limit - 1, limit}:
                kept = (
                    math.ceil(exact * number)
                    if run.policy == "fraction"
                    else number - math.floor(exact * number)
                )
                assert quota(run, number) == kept
                assert kept == -(-word * number >> bits)


@pytest.mark.parametrize("package", packing.PACKAGES)
@pytest.mark.parametrize("mode", packing.MODES)
@pytest.mark.parametrize("merged", [False, True])
def test_pack_is_fractions(package, mode, merged):
    rng = np.random.default_rng(3)
    run = packing.Packing(package=package, mode=mode)
    for count, length in ((1, 1), (16, 17), (5, 3)):
        tokens = values(rng, Format.parse("s16"), (count, length))
        scores = score_patterns.scores("extremes", U16, count, rng)
        mask, valid = rng.random((2, count)) < 0.5
        previous = (values(rng, Format.parse("s16"), (length,)), 2**26 - 1)
        got = packing.pack(
            tokens, mask, scores, valid, run=run, previous=previous if merged else None
        )
        dropped = [i for i in range(count) if valid[i] and not mask[i]]
        rows = [(int(scores[i]), tokens[i].tolist()) for i in dropped]
        rows += [(previous[1], previous[0].tolist())] * merged
        weight = sum(score for score, _ in rows)
        for column in range(length):
            total = sum(score * row[column] for score, row in rows)
            want = {
                "mean": round(Fraction(total, weight)) if weight else 0,
                "sum": max(-(2**31), min(2**31 - 1, total)),
                "none": 0,
            }[package]
            assert got.package[column] == want
        assert got.weight == (0 if package == "none" else weight)
        kept = [
            [x if mask[i] else 0 for x in tokens[i].tolist()]
            for i in range(count)
            if mask[i] or mode == "zero"
        ]
        assert got.kept.tolist() == kept


def test_division_is_round_of_fraction():
    rng = np.random.default_rng(1)
    numerators = rng.integers(-(2**45), 2**45, 200)
    denominators = rng.integers(1, 2**27, 200)
    small = rng.integers(-20, 20, 200)
    for n, d in [
        *zip(numerators, denominators, strict=True),
        *zip(small, denominators % 8 + 1, strict=True),
    ]:
        assert divide_half_even(n, d) == round(Fraction(int(n), int(d)))


def test_the_mask_is_a_row_mask():
    """Attention over kept tokens alone is the same as the softmax masked by the selection."""
    rng = np.random.default_rng(13)
    sq, uq = Format.parse("sq7.9"), Format.parse("uq1.15")
    attention = values(rng, sq, (4, 20))
    chosen = select(rng.integers(0, 65536, 20), run=Selection(policy="fraction", fraction=0.4))
    masked = softmax(attention, sq, uq, mask=chosen.mask)
    assert (masked[:, chosen.indices] == softmax(attention[:, chosen.indices], sq, uq)).all()
    assert not masked[:, ~chosen.mask].any()


def test_scores_are_loops():
    rng = np.random.default_rng(5)
    heads, count = 3, 7
    attention = rng.integers(0, 255, (heads, count, count))
    previous = rng.integers(0, 999, count)
    for n in range(count):
        columns = [max(int(attention[h, q, n]) for q in range(count)) for h in range(heads)]
        assert scores.column_max(attention, previous)[n] == previous[n] + sum(columns)
        assert scores.first_column(attention)[n] == sum(
            int(attention[h, n, 0]) for h in range(heads)
        )
        first_rows = Fraction(sum(int(attention[h, 0, n]) for h in range(heads)), heads)
        assert scores.class_attention(attention[:, 0])[n] == round(first_rows)
    parts, weights = rng.integers(0, 65535, (2, count, heads))
    for n in range(count):
        total = sum(int(w) * int(s) for w, s in zip(weights[n], parts[n], strict=True))
        want = round(Fraction(total, int(weights[n].sum())))
        assert scores.weighted(parts, weights)[n] == want


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"policy": "best"}, "--policy must be one of threshold, topk, fraction, cpvit"),
        ({"fraction": 1.5}, "--fraction must be in 0..1, not 1.5"),
        ({"keep": -1}, "--keep must be at least 0, not -1"),
        ({"rho": float("nan")}, "--rho must be in 0..1, not nan"),
    ],
)
def test_wrong_use_is_named(options, message):
    with pytest.raises(UsageError, match=message):
        Selection(**options)
