"""Which tokens stay: the four policies, and what one decision of the hardware consists of."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gemmule.golden.common.options import Options, option

__all__ = ["POLICIES", "Selected", "Selection", "quota", "ratio_bits", "ratio_word", "select"]

POLICIES = ("threshold", "topk", "fraction", "cpvit")


@dataclass(frozen=True, kw_only=True)
class Selection(Options):
    """How tokens are chosen in one run.

    ``fraction`` and ``rho`` are read as the decimal numbers they are written as (0.07 of 100 is 7
    exactly, although the double nearest to 0.07 lies above it).
    """

    policy: str = option("topk", choices=POLICIES, help="how to decide which tokens stay")
    threshold: int = option(0, help="policy threshold: tokens with score >= this stay")
    keep: int = option(1, low=0, help="policy topk: how many unprotected valid tokens stay")
    fraction: float = option(0.5, low=0, high=1, help="policy fraction: ceil(this * number) stay")
    rho: float = option(
        0.3, low=0, high=1, help="policy cpvit: drop scores below that of rank floor(this * number)"
    )
    protect: int = option(
        0, low=0, help="number of first tokens that are always kept, and not counted"
    )


@dataclass(frozen=True)
class Selected:
    """``mask`` [N] of bool; ``indices`` of the kept tokens, ascending; how many they are."""

    mask: NDArray[np.bool_]
    indices: NDArray[np.int64]
    count: int


def quota(run: Selection, number: int) -> int:
    """Count those of ``number`` unprotected valid tokens that the ranked policies keep, at least.

    cpvit keeps more where more than one token has the last score that is kept.

    Examples
    --------
    >>> quota(Selection(policy="fraction", fraction=0.07), 100)
    7
    >>> quota(Selection(policy="cpvit", rho=0.3), 197)  # drops floor(59.1)
    138
    """
    if run.policy == "fraction":
        return -(-Fraction(repr(run.fraction)) * number // 1)
    if run.policy == "cpvit":
        return number - int(Fraction(repr(run.rho)) * number // 1)
    return min(run.keep, number)


def select(scores: ArrayLike, valid: ArrayLike | None = None, *, run: Selection) -> Selected:
    """Return the tokens that stay.

    Ranked policies keep the :func:`quota` highest scores among the valid tokens past the first
    ``protect``, the lower index first where scores are equal; ``threshold`` keeps ``score >=
    threshold`` among them. ``cpvit`` keeps ``score >= t`` among them, where ``t`` has rank
    ``floor(rho * number)``, counted from 0 upwards: as many as the quota and all that equal the
    last of these. Where rho is 1 there is no such score, and none of them stays. The first
    ``protect`` tokens are kept whatever their score and validity.

    Fraction and threshold follow HeatViT (arXiv 2211.08110) and SPViT (ECCV 2022), top-k follows
    the code of EViT (arXiv 2202.07800), cpvit that of CP-ViT (arXiv 2203.04570).

    Examples
    --------
    >>> select([5, 9, 5, 1], run=Selection(policy="topk", keep=2)).indices
    array([0, 1])
    >>> select([5, 9, 5, 1], [1, 0, 1, 1], run=Selection(policy="threshold", threshold=5)).mask
    array([ True, False,  True, False])
    >>> select([7, 5, 5, 5], run=Selection(policy="cpvit", rho=0.5)).indices  # ties stay
    array([0, 1, 2, 3])
    """
    scores = np.asarray(scores, dtype=np.int64)
    valid = np.ones(len(scores), bool) if valid is None else np.asarray(valid, dtype=bool)
    protected = np.arange(len(scores)) < run.protect
    candidates = np.flatnonzero(valid & ~protected)
    if run.policy == "threshold":
        chosen = candidates[scores[candidates] >= run.threshold]
    else:
        order = np.argsort(-scores[candidates], kind="stable")
        chosen = candidates[order[: quota(run, len(candidates))]]
        if run.policy == "cpvit" and len(chosen):
            chosen = candidates[scores[candidates] >= scores[chosen[-1]]]
    mask = protected.copy()
    mask[chosen] = True
    return Selected(mask, np.flatnonzero(mask), int(mask.sum()))


def ratio_bits(max_tokens: int) -> int:
    """Count the bits behind a ratio word's point: enough that rounding never changes a quota.

    Between two ratios that give different quotas for some count up to ``max_tokens`` lies a
    fraction whose denominator is at most that; two such are at least ``1 / max_tokens**2`` apart.
    """
    return 2 * (max_tokens - 1).bit_length() + 2


def ratio_word(run: Selection, max_tokens: int) -> int:
    """Return the part of the candidates that ``run`` keeps, in fixed point and still exact.

    With ``b = ratio_bits(max_tokens)``, ``ceil(word * n / 2**b)`` is :func:`quota` for every ``n``
    up to ``max_tokens``, but for top-k's limit. The fraction of cpvit is ``1 - rho``, since ``n -
    floor(rho * n) = ceil((1 - rho) * n)``; threshold and top-k have 1.

    Examples
    --------
    >>> ratio_word(Selection(policy="fraction", fraction=0.5), 1024) == 1 << 21
    True
    """
    bits = ratio_bits(max_tokens)
    exact = {
        "fraction": Fraction(repr(run.fraction)),
        "cpvit": 1 - Fraction(repr(run.rho)),
    }.get(run.policy, Fraction(1))
    below = int(exact * (1 << bits) // 1)
    counts = np.arange(max_tokens + 1)
    wanted = np.array([-(-exact * int(n) // 1) for n in counts])
    # The greatest word that is not above the ratio, unless it falls short of a quota.
    return below if (-(-below * counts >> bits) == wanted).all() else below + 1
