"""Minimax polynomials on a grid by Remez' exchange."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["minimax"]

Real = NDArray[np.float64]


def minimax(points: Real, values: Real, degree: int, *, rounds: int = 8) -> tuple[Real, float]:
    """Fit the polynomial of ``degree`` whose greatest error at ``points`` is least.

    It returns the coefficients, the constant first, and that error. ``points`` ascend; with
    ``degree + 1`` of them or fewer the polynomial passes through all.

    Examples
    --------
    >>> coefficients, error = minimax(np.linspace(-1, 1, 101), np.linspace(-1, 1, 101) ** 2, 1)
    >>> np.round(coefficients, 6).tolist(), round(error, 6)
    ([0.5, 0.0], 0.5)
    """
    count = degree + 2
    if len(points) < count:
        powers = np.vander(points, len(points), increasing=True)
        exact = np.linalg.solve(powers, values)
        return np.pad(exact, (0, degree + 1 - len(exact))), 0.0
    powers = np.vander(points, degree + 1, increasing=True)
    # Skewed a little: on points that lie symmetrically an even function shows no alternation.
    nodes = ((1 - np.cos(np.pi * np.arange(count) / (count - 1))) / 2) ** 1.05
    chosen = np.round(nodes * (len(points) - 1)).astype(int)
    for _ in range(rounds):
        chosen = _distinct(chosen, len(points))
        signs = (-1.0) ** np.arange(count)
        solved = np.linalg.solve(np.column_stack([powers[chosen], signs]), values[chosen])
        residual = values - powers @ solved[:-1]
        worst = np.abs(residual).max()
        if worst <= abs(solved[-1]) * 1.001 + 1e-15:
            break
        extremes = _alternation(residual, count)
        if extremes is None:
            break
        chosen = extremes
    return solved[:-1].astype(np.float64), float(worst)


def _distinct(chosen: NDArray[np.intp], length: int) -> NDArray[np.intp]:
    """Push ``chosen`` up and down where equal, to strictly ascending indices below ``length``."""
    for i in range(1, len(chosen)):
        chosen[i] = max(chosen[i], chosen[i - 1] + 1)
    chosen[-1] = min(chosen[-1], length - 1)
    for i in reversed(range(len(chosen) - 1)):
        chosen[i] = min(chosen[i], chosen[i + 1] - 1)
    return chosen


def _alternation(residual: Real, count: int) -> NDArray[np.intp] | None:
    """Find ``count`` neighboring extremes of alternating sign; return None if there are fewer.

    Of several such runs it takes that whose least extreme is greatest.
    """
    turns = np.flatnonzero(np.diff(np.signbit(residual))) + 1
    runs = np.split(np.arange(len(residual)), turns)
    extremes = np.array([run[np.argmax(np.abs(residual[run]))] for run in runs])
    if len(extremes) < count:
        return None
    starts = range(len(extremes) - count + 1)
    best = max(starts, key=lambda s: (np.abs(residual[extremes[s : s + count]]).min(), -s))
    return extremes[best : best + count]
