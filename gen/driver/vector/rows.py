"""Arrays of any shape as rows: two loops walk them all, and what broadcasting repeats stands still.

A command has rows of neighboring elements, equally far apart in each operand, and 0 bytes where one
row meets them all.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.driver.operands import LARGEST_SIDE, LONGEST_STRIDE
from gemmule.golden.common.errors import UsageError

__all__ = ["Rows", "all_rows_of", "rows_of"]

FOLD = 1024
"""Elements of a row where nothing else says how long one is."""


@dataclass(frozen=True)
class Rows:
    """``m`` rows of ``n`` elements.

    ``strides`` are the bytes from a row to the next, ``skips`` those in front of the first row, of
    each operand.
    """

    m: int
    n: int
    strides: tuple[int, ...]
    skips: tuple[int, ...]


def rows_of(arrays: Sequence[NDArray], *, whole: bool = False) -> list[Rows] | None:
    """Return what walks through arrays of one shape alike, None where no rows do.

    ``whole``: a row is the last axis, since it counts as one.

    Examples
    --------
    >>> import numpy as np
    >>> a = np.zeros((2, 3, 4), np.int8)
    >>> rows_of([a])
    [Rows(m=1, n=24, strides=(0,), skips=(0,))]
    >>> rows_of([a, np.broadcast_to(a[0, 0], a.shape)])
    [Rows(m=6, n=4, strides=(4, 0), skips=(0, 0))]
    >>> rows_of([a[:, ::2, :2]]) is None
    True
    >>> rows_of([np.zeros(2500, np.int16)])
    [Rows(m=2, n=1024, strides=(2048,), skips=(0,)), Rows(m=1, n=452, strides=(0,), skips=(4096,))]
    """
    axes = _merged(arrays, whole=whole)
    still = (0,) * len(arrays)
    n, steps = axes.pop() if axes else (1, still)
    m, strides = axes.pop() if axes else (1, still)
    sizes = tuple(each.itemsize for each in arrays)
    if axes or (n > 1 and steps != sizes) or any(abs(each) >= LONGEST_STRIDE for each in strides):
        return None
    if m == 1 and not whole and n > FOLD:
        return _folded(n, sizes)
    return [Rows(m, n, strides, still)] if max(m, n) <= LARGEST_SIDE else None


def all_rows_of(arrays: Sequence[NDArray]) -> list[Rows]:
    """Return what walks through arrays of one shape alike, in as many pieces as it takes.

    Where two loops do not do, the longest axis in front of the columns is that of rows, and each
    place along the others is a piece.

    Examples
    --------
    >>> import numpy as np
    >>> all_rows_of([np.zeros((2, 5, 4), np.int8)[:, ::2, :2]])
    [Rows(m=3, n=2, strides=(8,), skips=(0,)), Rows(m=3, n=2, strides=(8,), skips=(20,))]
    """
    found = rows_of(arrays)
    if found is not None:
        return found
    axes = _merged(arrays, whole=False)
    still = (0,) * len(arrays)
    if axes[-1][1] != tuple(each.itemsize for each in arrays):
        axes.append((1, still))
    *outer, (n, _) = axes
    m, strides = outer.pop(max(range(len(outer)), key=lambda axis: outer[axis][0]))
    if max(m, n) > LARGEST_SIDE or any(abs(each) >= LONGEST_STRIDE for each in strides):
        raise UsageError(f"operands of shape {list(arrays[0].shape)} are too large for commands")
    steps = np.array([each for _, each in outer], np.int64).reshape(len(outer), len(arrays))
    places = np.ndindex(*(size for size, _ in outer))
    return [Rows(m, n, strides, tuple((np.array(at, int) @ steps).tolist())) for at in places]


def _merged(arrays: Sequence[NDArray], *, whole: bool) -> list[tuple[int, tuple[int, ...]]]:
    """Return the axes that are left, each with its steps, where even ones are taken together."""
    axes: list[tuple[int, tuple[int, ...]]] = []
    for axis, size in enumerate(arrays[0].shape):
        steps = tuple(each.strides[axis] for each in arrays)
        row = whole and axis == arrays[0].ndim - 1
        if size == 1 and not row:
            continue
        if axes and not row and axes[-1][1] == tuple(step * size for step in steps):
            axes[-1] = axes[-1][0] * size, steps
        else:
            axes.append((size, steps))
    return axes


def _folded(count: int, sizes: tuple[int, ...]) -> list[Rows] | None:
    """Return rows of neighboring elements, and one of those that are left."""
    m, left = divmod(count, FOLD)
    if m > LARGEST_SIDE:
        return None
    still = (0,) * len(sizes)
    rows = [Rows(m, FOLD, tuple(FOLD * size for size in sizes) if m > 1 else still, still)]
    return rows + ([Rows(1, left, still, tuple(m * FOLD * size for size in sizes))] if left else [])
