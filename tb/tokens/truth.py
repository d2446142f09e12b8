"""What the token blocks give, in Python's integers: sorted lists, exact fractions, plain loops."""

import math
from collections.abc import Sequence
from fractions import Fraction

from gemmule.golden.common.formats import Format
from gemmule.golden.tokens.packing import Packing
from gemmule.golden.tokens.selection import Selection

__all__ = ["clamp", "kept", "mean", "package", "score"]


def clamp(value: int, fmt: Format) -> int:
    """Clamp to the nearest value of ``fmt``."""
    return min(max(value, fmt.low), fmt.high)


def mean(total: int, weight: int) -> int:
    """Compute ``total / weight`` rounded half to even; 0 where nothing weighs."""
    return round(Fraction(total, weight)) if weight else 0


def kept(scores: Sequence[int], valid: Sequence[bool], run: Selection) -> list[int]:
    """Select tokens by sorting (score, index) pairs and exact decimal arithmetic."""
    pool = [(-s, i) for i, s in enumerate(scores) if valid[i] and i >= run.protect]
    number = len(pool)
    if run.policy == "threshold":
        chosen = {i for s, i in pool if -s >= run.threshold}
    elif run.policy == "cpvit":
        # The score of that rank, counted upwards from 0; there is none behind the last.
        upwards = sorted(-s for s, i in pool)
        cutoff = upwards[math.floor(Fraction(str(run.rho)) * number) :][:1]
        chosen = {i for s, i in pool for t in cutoff if -s >= t}
    else:
        keep = {
            "topk": run.keep,
            "fraction": math.ceil(Fraction(str(run.fraction)) * number),
        }[run.policy]
        chosen = {i for _, i in sorted(pool)[:keep]}
    return [i for i in range(len(scores)) if i in chosen or i < run.protect]


def package(
    tokens: Sequence[Sequence[int]],
    mask: Sequence[bool],
    scores: Sequence[int],
    valid: Sequence[bool],
    run: Packing,
    previous: tuple[Sequence[int], int] | None = None,
) -> tuple[list[int], int]:
    """Compute the package token and its weight."""
    length = len(tokens[0])
    if run.package == "none":
        return [0] * length, 0
    rows = [
        (s, x) for x, keep, s, v in zip(tokens, mask, scores, valid, strict=True) if v and not keep
    ]
    if previous:
        rows.append((previous[1], previous[0]))
    weight = sum(s for s, _ in rows)
    totals = [sum(s * x[column] for s, x in rows) for column in range(length)]
    if run.package == "sum":
        return [min(max(total, -(2**31)), 2**31 - 1) for total in totals], weight
    return [mean(total, weight) for total in totals], weight


def score(name: str, attention: Sequence, previous: Sequence[int] | None, fmt: Format) -> list[int]:
    """Compute the scores of ``attention``: [heads][N], or [heads][queries][N]."""
    if name == "class_attention":
        sums = [mean(sum(column), len(attention)) for column in zip(*attention, strict=True)]
    elif name == "first_column":
        sums = [sum(row[0] for row in rows) for rows in zip(*attention, strict=True)]
    else:
        peaks = [[max(column) for column in zip(*head, strict=True)] for head in attention]
        sums = [sum(column) for column in zip(*peaks, strict=True)]
        if previous is not None:
            sums = [a + b for a, b in zip(sums, previous, strict=True)]
    return [clamp(value, fmt) for value in sums]
