"""Matrices that the sparse tests and benchmarks share."""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.sparse.format import TWO_FOUR, Pattern

__all__ = ["KS", "all_patterns", "sparse_matrix"]

KS = (1, 3, 4, 5, 64, 70)
"""Depths on both sides of a multiple of four."""


def sparse_matrix(
    rng: np.random.Generator,
    k: int,
    n: int,
    *,
    low: int = -128,
    high: int = 127,
    pattern: Pattern = TWO_FOUR,
) -> NDArray[np.int64]:
    """Draw ``[k, n]`` with 0 to ``kept`` non-zeros in each group, the range's extremes often."""
    groups = pattern.groups(k)
    b = rng.integers(low, high + 1, (groups, pattern.size, n))
    b = np.where(rng.random(b.shape) < 0.2, rng.choice([low, high], b.shape), b)
    rank = np.argsort(np.argsort(rng.random(b.shape), axis=1), axis=1)
    b = np.where(rank < rng.integers(0, pattern.kept + 1, (groups, 1, n)), b, 0)
    return b.reshape(-1, n)[:k]


def all_patterns(n: int, value: int = 1) -> NDArray[np.int64]:
    """Make ``[24, n]``: six groups, in which each column meets all six index patterns, rotated."""
    b = np.zeros((6, 4, n), np.int64)
    places = list(combinations(range(4), 2))
    for group in range(6):
        for column in range(n):
            first, second = places[(group + column) % 6]
            b[group, first, column] = value * (1 + group)
            b[group, second, column] = -value * (2 + column % 7)
    return b.reshape(24, n)
