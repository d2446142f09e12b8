"""The product with compressed weights, which picks activations instead of expanding weights."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .format import TWO_FOUR, Pattern

__all__ = ["dense_as_groups", "multiply"]


def multiply(
    a: ArrayLike, values: ArrayLike, indices: ArrayLike, pattern: Pattern = TWO_FOUR
) -> NDArray[np.int64]:
    """Multiply ``a`` by a compressed matrix, as a sum over its slots ``s``.

    ``c[m, n] = sum(values[s, n] * a[m, size * (s // kept) + indices[s, n]])``
    ``a`` ``[M, K]`` may end before the last group does. Equal to ``a @ expand(values, indices)``;
    this is the order in which a sparse cell works.

    Examples
    --------
    >>> multiply([[1, 2, 3, 4]], [[7], [-3]], [[1], [3]])
    array([[2]])
    """
    a = np.asarray(a, dtype=np.int64)
    values, indices = np.asarray(values, dtype=np.int64), np.asarray(indices)
    groups = len(values) // pattern.kept
    a = np.pad(a, ((0, 0), (0, groups * pattern.size - a.shape[1])))
    first = np.arange(len(values)) // pattern.kept * pattern.size
    total = np.zeros((len(a), values.shape[1]), np.int64)
    for row, start, places in zip(values, first, indices, strict=True):
        total += row * a[:, start + places]
    return total


def dense_as_groups(
    a: ArrayLike, b: ArrayLike, pattern: Pattern = TWO_FOUR
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Turn a dense product into a sparse one: ``a``, ``values``, ``indices`` that give ``a @ b``.

    Each group takes only ``kept`` rows of ``b``, at the first places; the other places meet zeros.
    The array then does what a dense one with as many multipliers does.

    Examples
    --------
    >>> a, values, indices = dense_as_groups([[1, 2, 3]], [[4], [5], [6]])
    >>> a, values.ravel(), indices.ravel()
    (array([[1, 2, 0, 0, 3, 0, 0, 0]]), array([4, 5, 6, 0]), array([0, 1, 0, 1]))
    """
    a, b = np.asarray(a, dtype=np.int64), np.asarray(b, dtype=np.int64)
    kept, spare = pattern.kept, pattern.size - pattern.kept
    groups = -(-b.shape[-2] // kept)
    missing = groups * kept - b.shape[-2]
    a = np.pad(a, [(0, 0)] * (a.ndim - 1) + [(0, missing)])
    values = np.pad(b, [(0, 0)] * (b.ndim - 2) + [(0, missing), (0, 0)])
    pairs = a.reshape(*a.shape[:-1], groups, kept)
    spread = np.pad(pairs, [(0, 0)] * (pairs.ndim - 1) + [(0, spare)])
    places = np.tile(np.arange(kept), groups)[:, None]
    return spread.reshape(*a.shape[:-1], -1), values, np.broadcast_to(places, values.shape).copy()
