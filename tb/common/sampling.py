"""Sampling for tests: values with the extremes first, and covering sets of cases."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.common.formats import Format

__all__ = ["covering", "values"]


def values(
    rng: np.random.Generator, fmt: Format | str, shape: tuple[int, ...]
) -> NDArray[np.int64]:
    """Draw integers of a format: one in four is an extreme, and the first are all of them."""
    fmt = Format.parse(fmt)
    extremes = np.array([fmt.low, fmt.high, 0, max(fmt.low, -1), 1, fmt.high - 1, fmt.low + 1])
    drawn = rng.integers(fmt.low, fmt.high, shape, endpoint=True)
    drawn = np.where(rng.random(shape) < 0.25, rng.choice(extremes, shape), drawn)
    count = min(drawn.size, extremes.size)
    drawn.flat[:count] = extremes[:count]
    return drawn


def covering(factors: Mapping[str, Sequence], seed: int = 0) -> Iterator[dict]:
    """Yield rows in which each pair of values of any two factors occurs at least once."""
    rng = np.random.default_rng(seed)
    names = list(factors)
    left = {
        ((a, i), (b, j))
        for a, b in combinations(names, 2)
        for i, j in product(range(len(factors[a])), range(len(factors[b])))
    }
    while left:
        best, gain = None, set()
        for _ in range(40):
            row = dict(min(left))
            for name in rng.permutation([n for n in names if n not in row]).tolist():
                row[name] = int(rng.integers(len(factors[name])))
            pairs = {p for p in left if all(row[name] == index for name, index in p)}
            if len(pairs) > len(gain):
                best, gain = row, pairs
        left -= gain
        yield {name: factors[name][best[name]] for name in names}
