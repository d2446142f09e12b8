"""The order in which matrices travel to and from `prune24`."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .format import TWO_FOUR

__all__ = ["from_groups", "to_groups"]


def to_groups(matrix: ArrayLike, lanes: int) -> NDArray[np.int64]:
    """Return beats ``[beats, 4 * lanes]`` of ``matrix`` ``[K, N]``, padded with zeros.

    A beat holds one group of four rows of ``lanes`` columns, each column's four side by side.
    Beats run along N first, then along K.

    Examples
    --------
    >>> to_groups([[1, 2], [3, 4], [5, 6]], 2)
    array([[1, 3, 5, 0, 2, 4, 6, 0]])
    """
    matrix = np.asarray(matrix, dtype=np.int64)
    k, n = matrix.shape
    groups, tiles = TWO_FOUR.groups(k), -(-n // lanes)
    padded = np.pad(matrix, ((0, groups * 4 - k), (0, tiles * lanes - n)))
    return padded.reshape(groups, 4, tiles * lanes).swapaxes(1, 2).reshape(groups * tiles, -1)


def from_groups(beats: ArrayLike, n: int, lanes: int) -> NDArray[np.int64]:
    """Return ``[groups * 2, n]`` from beats ``[beats, 2 * lanes]`` in that order.

    Examples
    --------
    >>> from_groups([[1, 3, 2, 4]], 2, 2)
    array([[1, 2],
           [3, 4]])
    """
    beats = np.asarray(beats)
    groups = len(beats) // -(-n // lanes)
    columns = beats.reshape(groups, -1, 2).swapaxes(1, 2)
    return columns.reshape(2 * groups, -1)[:, :n]
