"""Kept tokens in order, dropped tokens as one: compaction and the package token."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gemmule.golden.common.codes import Code
from gemmule.golden.common.options import Options, option

from .rounding import divide_half_even

__all__ = ["MODES", "PACKAGES", "PACKAGE_WIDTH", "Package", "Packed", "Packing", "pack"]


class Package(Code):
    """What is made of the dropped tokens: the codes of a pack command's ``package``."""

    MEAN = 0, "their mean, weighted by score"
    SUM = 1, "their sum, weighted by score"
    NONE = 2, "nothing"


PACKAGES = tuple(package.name.lower() for package in Package)
MODES = ("compact", "zero")
PACKAGE_WIDTH = 32


@dataclass(frozen=True, kw_only=True)
class Packing(Options):
    """How the tokens of one run are packed."""

    package: str = option("mean", choices=PACKAGES, help="how to merge the dropped tokens")
    mode: str = option("compact", choices=MODES, help="remove dropped tokens, or send zeros")


@dataclass(frozen=True)
class Packed:
    """``kept`` [n, D] (compact) or [N, D] (zero), ``package`` [D] and the sum of its scores."""

    kept: NDArray[np.int64]
    package: NDArray[np.int64]
    weight: int


def pack(
    tokens: ArrayLike,
    mask: ArrayLike,
    scores: ArrayLike,
    valid: ArrayLike | None = None,
    *,
    run: Packing,
    previous: tuple[ArrayLike, int] | None = None,
) -> Packed:
    """Pack tokens by ``mask``, and the valid ones it drops as a score-weighted package.

    ``mean``: ``sum(score * token) / sum(score)`` rounded half to even (zeros where the scores sum
    to 0); ``sum``: ``sum(score * token)`` saturated to signed 32 bits; ``none``: zeros.
    ``previous``, an earlier package token and its weight, counts as one more dropped token.

    HeatViT (arXiv 2211.08110, equation 10) divides; SPViT's code leaves the division out.

    Examples
    --------
    >>> packed = pack([[4, 0], [1, 2], [3, 5]], [1, 0, 0], [9, 1, 3], run=Packing())
    >>> packed.kept, packed.package, packed.weight
    (array([[4, 0]]), array([2, 4]), 4)
    >>> pack([[4], [1]], [0, 1], [9, 9], run=Packing(mode="zero")).kept
    array([[0],
           [1]])
    """
    tokens = np.asarray(tokens, dtype=np.int64)
    scores = np.asarray(scores, dtype=np.int64)
    mask = np.asarray(mask, dtype=bool)
    valid = np.ones(len(mask), bool) if valid is None else np.asarray(valid, dtype=bool)
    kept = tokens[mask] if run.mode == "compact" else tokens * mask[:, None]
    if run.package == "none":
        return Packed(kept, np.zeros(tokens.shape[1], np.int64), 0)
    weights = scores * (valid & ~mask)
    total, weight = weights @ tokens, int(weights.sum())
    if previous is not None:
        vector, previous_weight = previous
        total = total + int(previous_weight) * np.asarray(vector, dtype=np.int64)
        weight += int(previous_weight)
    if run.package == "mean":
        return Packed(kept, divide_half_even(total, weight), weight)
    limit = 1 << PACKAGE_WIDTH - 1
    return Packed(kept, np.clip(total, -limit, limit - 1), weight)
