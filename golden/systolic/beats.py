"""The order of beats on the streams of a matrix product: the one definition of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.common.codes import Code

__all__ = ["DIM_WIDTH", "Refusal", "Tiling"]

DIM_WIDTH = 24
"""Bits of M, N and K in a command."""


class Refusal(Code):
    """Why the hardware refuses a command."""

    NONE = 0, "carried out"
    ZERO_SIZE = 1, "m, n or k is 0; such a command has no packets, and none is awaited"
    K_TOO_LARGE = 2, "k is above the largest; the command's packets were thrown away"
    NO_SUCH_DATAFLOW = 3, "the dataflow is not built in; the command's packets were thrown away"
    NO_SUCH_ROUNDING = 4, "rounding has no such code; the command's packets were thrown away"
    CLAMP_ORDER = 5, "low is above high; the command's packets were thrown away"


@dataclass(frozen=True)
class Tiling:
    """How ``c [M, N] = a [M, K] @ b [K, N]`` is cut for an array of ``rows`` x ``cols`` cells.

    The loops, outermost first, are the same for every stream: tiles of ``cols`` columns of N;
    stretches of M; tiles of K (weight-stationary only); beats.

    - Weight-stationary: a stretch of M has up to ``acc_depth`` rows, a tile of K ``rows`` of them.
      ``a``: a beat a row of the stretch, lane r holds ``a[m, k0 + r]``.
      ``b``: a beat a row of the tile, **the last first**, lane c holds ``b[k, n0 + c]``.
    - Output-stationary: a stretch of M has ``rows`` rows and the beats run over all of K.
      ``a``: lane r holds ``a[m0 + r, k]``, or with a drain over the ``cascade``, where the lowest
      row leaves first, ``a[m0 + rows - 1 - r, k]``. ``b``: lane c holds ``b[k, n0 + c]``.
    - Either way ``c``: a beat a row of M, lane c holds ``c[m, n0 + c]``, and ``scale``: a beat a
      tile of N; or, scaled ``by_row``, no ``scale`` (unless it counts beside the rows') but
      ``row_scale``: a beat a row of M, all of M for each tile of N. Lanes beyond an edge are
      ignored in operands and 0 in results.

    Examples
    --------
    >>> ws = Tiling(m=3, n=2, k=3, rows=2, cols=2, acc_depth=8, output_stationary=False)
    >>> ws.a_beats(np.arange(9).reshape(3, 3))
    array([[0, 1],
           [3, 4],
           [6, 7],
           [2, 0],
           [5, 0],
           [8, 0]])
    >>> ws.b_beats(np.arange(6).reshape(3, 2))
    array([[2, 3],
           [0, 1],
           [4, 5]])
    """

    m: int
    n: int
    k: int
    rows: int
    cols: int
    acc_depth: int
    output_stationary: bool
    cascade: bool = False
    by_row: bool = False

    @property
    def n_tiles(self) -> int:
        """Tiles of N."""
        return -(-self.n // self.cols)

    @property
    def k_tiles(self) -> list[int]:
        """The K of each tile."""
        if self.output_stationary:
            return [self.k]
        return _cut(self.k, self.rows)

    @property
    def stretches(self) -> list[int]:
        """The M of each stretch.

        Weight-stationary stretches are cut so that the last two have at least ``rows`` rows each:
        a shorter one would wait for its weights.
        """
        if self.output_stationary:
            return _cut(self.m, self.rows)
        spare = self.rows if self.acc_depth >= 2 * self.rows else 0
        sizes, left = [], self.m
        while left > self.acc_depth:
            sizes.append(self.acc_depth - spare * (left < self.acc_depth + spare))
            left -= sizes[-1]
        return [*sizes, left]

    def a_tile(self, a: NDArray[np.integer]) -> NDArray[np.integer]:
        """Return the beats of ``a`` for a tile of N, ``[beats, rows]``: the same for each."""
        spans = pairwise(np.cumsum([0, *self.stretches]))
        if self.output_stationary:
            step = -1 if self.cascade else 1
            tiles = [_pad(a[low:high], self.rows, 0)[::step].T for low, high in spans]
        else:
            wide = _pad(a, self.rows * len(self.k_tiles), 1)
            wide = wide.reshape(self.m, -1, self.rows).swapaxes(0, 1)
            tiles = [wide[:, low:high].reshape(-1, self.rows) for low, high in spans]
        return np.concatenate(tiles)

    def a_beats(self, a: NDArray[np.integer]) -> NDArray[np.integer]:
        """Return the beats of ``a``, ``[beats, rows]``."""
        return np.tile(self.a_tile(a), (self.n_tiles, 1))

    def b_tiles(self, b: NDArray[np.integer]) -> NDArray[np.integer]:
        """Return the beats of ``b`` for a stretch of M, ``[n_tiles, K, cols]``.

        Each stretch takes the same.
        """
        wide = _pad(b, self.cols * self.n_tiles, 1)[self._order]
        return wide.reshape(self.k, self.n_tiles, self.cols).swapaxes(0, 1)

    def b_beats(self, b: NDArray[np.integer]) -> NDArray[np.integer]:
        """Return the beats of ``b``, ``[beats, cols]``."""
        return np.repeat(self.b_tiles(b), len(self.stretches), axis=0).reshape(-1, self.cols)

    def matrices(
        self, a: NDArray[np.integer], b: NDArray[np.integer]
    ) -> Iterator[tuple[NDArray[np.integer], NDArray[np.integer]]]:
        """Yield ``[M, K]`` and ``[K, cols]`` of each stretch of M, from the beats of one tile of N.

        Each stretch has its own beats of ``b``. Nothing is mirrored for a ``cascade``.

        Examples
        --------
        >>> ws = Tiling(m=3, n=2, k=3, rows=2, cols=2, acc_depth=8, output_stationary=False)
        >>> a, b = np.arange(9).reshape(3, 3), np.arange(6).reshape(3, 2)
        >>> [(left, right)] = ws.matrices(ws.a_beats(a), ws.b_beats(b))
        >>> bool((left == a).all() and (right == b).all())
        True
        """
        tiles, order = len(self.k_tiles), self._order
        for height in self.stretches:
            if self.output_stationary:
                left, a = a[: self.k].T[:height], a[self.k :]
            else:
                beats = a[: tiles * height].reshape(tiles, height, self.rows)
                left = beats.swapaxes(0, 1).reshape(height, -1)[:, : self.k]
                a = a[tiles * height :]
            # The order of a tile, turned over once more, is that of its rows.
            yield left, b[: self.k][order]
            b = b[self.k :]

    @property
    def _order(self) -> NDArray[np.int64]:
        """The rows of b in the order in which a stretch takes them."""
        edges = np.cumsum([0, *self.k_tiles])
        step = 1 if self.output_stationary else -1
        return np.concatenate([np.arange(low, high)[::step] for low, high in pairwise(edges)])

    def column_beats(self, values: NDArray[np.integer]) -> NDArray[np.integer]:
        """Return ``values [N]`` as the lanes of the ``scale`` stream, ``[n_tiles, cols]``."""
        return _pad(values, self.cols * self.n_tiles, 0).reshape(-1, self.cols)

    @property
    def c_count(self) -> int:
        """Beats of ``c``."""
        return self.m * self.n_tiles

    def c_array(self, beats: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return ``c [M, N]`` from its beats ``[c_count, cols]``."""
        tiles = beats.reshape(self.n_tiles, self.m, self.cols).swapaxes(0, 1)
        return tiles.reshape(self.m, -1)[:, : self.n]


def _cut(total: int, size: int) -> list[int]:
    return [min(size, total - start) for start in range(0, total, size)]


def _pad(array: NDArray[np.integer], length: int, axis: int) -> NDArray[np.integer]:
    widths = [(0, length - array.shape[axis] if i == axis else 0) for i in range(array.ndim)]
    return np.pad(array, widths)
