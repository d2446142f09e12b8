"""Scores in given orders, with the extremes of a format made frequent."""

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.common.formats import Format
from gemmule.tb.common.sampling import values

__all__ = ["PATTERNS", "scores"]

PATTERNS = ("equal", "ascending", "descending", "two_valued", "random", "extremes")


def scores(pattern: str, fmt: Format, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw ``count`` scores in one of the orders of :data:`PATTERNS`."""
    ramp = np.linspace(fmt.low, fmt.high, count).astype(np.int64) if count else np.zeros(0, int)
    low, high = np.sort(rng.integers(fmt.low, fmt.high, 2, endpoint=True))
    match pattern:
        case "equal":
            return np.full(count, high)
        case "ascending":
            return ramp
        case "descending":
            return ramp[::-1].copy()
        case "two_valued":
            return rng.choice(np.array([low, high]), count)
        case "random":
            return rng.integers(fmt.low, fmt.high, count, endpoint=True)
        case _:
            return values(rng, fmt, (count,))
