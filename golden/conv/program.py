"""A convolution as products of the array: what is loaded, what is walked over, what comes out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from .maps import LONGEST_RUN, Run, Vectors, runs
from .walk import Walk
from .window import Span

__all__ = ["Bank", "Copy", "Hardware", "Load", "Pass", "Product", "Weights"]


@dataclass(frozen=True)
class Load:
    """Vectors that a bank takes from memory.

    ``turned``: its last axis and its lanes are a square, at most, that is transposed on its way;
    a square makes as many vectors as it has lanes.
    """

    vectors: Vectors
    turned: bool = False

    @property
    def arriving(self) -> NDArray[np.int64]:
        """What the bank gets, ``[vectors, lanes]``; lanes that a square lacks are 0 here."""
        values = self.vectors.values
        if self.turned:
            lanes = values.shape[-1]
            margin = [(0, 0)] * (values.ndim - 2) + [(0, lanes - values.shape[-2]), (0, 0)]
            values = np.pad(values, margin).swapaxes(-1, -2)
        return values.reshape(-1, values.shape[-1])

    def __len__(self) -> int:
        if self.turned:
            return len(self.vectors) // self.vectors.index.shape[-1] * self.vectors.lanes
        return len(self.vectors)

    def runs(self, hardware: "Hardware") -> Iterator[Run]:
        """Its requests; a square is one."""
        index, lanes = self.vectors.index, self.vectors.lanes
        levels, turns = hardware.levels, hardware.turns
        if not self.turned:
            return runs(index, lanes, levels, LONGEST_RUN, turns)
        square = index.shape[-1] * lanes
        return runs(index[..., 0].reshape(index.shape[:-1] or (1,)), square, levels, square, turns)


@dataclass(frozen=True)
class Bank:
    """What fills a bank, in order."""

    loads: tuple[Load, ...]

    @property
    def arriving(self) -> NDArray[np.int64]:
        """``[vectors, lanes]``."""
        return np.concatenate([load.arriving for load in self.loads])

    def __len__(self) -> int:
        return sum(map(len, self.loads))


@dataclass(frozen=True)
class Hardware:
    """The sizes that a program is cut to: lanes, vectors in a bank, rows of kept sums.

    ``cascade``: sums that stay in the cells drain through those below, which takes its time.
    ``folds``: the host puts kernel columns into lanes that few channels leave idle. A load has
    ``levels`` of loops around its requests, each of ``turns`` at most.
    """

    rows: int
    cols: int
    a_bank: int
    b_bank: int
    acc_depth: int
    cascade: bool = False
    folds: bool = True
    levels: int = 3
    turns: int = 1 << 12


@dataclass(frozen=True)
class Pass:
    """A walk over the oldest bank; ``pad`` where masked, ``release`` after it."""

    walk: Walk
    pad: int
    release: bool
    final: bool


@dataclass
class Product:
    """One command of the array, ``c[m, n] = sum over k of a[m, k] * b[k, n]``.

    ``places`` walks over the elements of the result's region at which the rows of ``c`` begin
    (masked: a row of no use); ``columns`` are those of all groups that it makes; ``b_sum`` and
    ``k`` give the corrections for zero points.
    """

    k: int
    stationary_sums: bool
    places: Walk
    columns: Span
    b_sum: NDArray[np.int64]
    a_loads: list[Bank] = field(default_factory=list)
    a_passes: list[Pass] = field(default_factory=list)
    b_loads: list[Bank] = field(default_factory=list)
    b_passes: list[Pass] = field(default_factory=list)

    @property
    def m(self) -> int:
        """Rows."""
        return self.places.length

    @property
    def n(self) -> int:
        """Columns."""
        return self.columns[1] - self.columns[0]


@dataclass
class Copy:
    """Vectors of the streamed operand that go back to memory, pixel by pixel, as they are walked.

    What comes after it waits until they are there: the baseline's reorganization.
    """

    places: Walk
    a_loads: list[Bank]
    a_passes: list[Pass]
    b_loads: tuple[Bank, ...] = ()
    b_passes: tuple[Pass, ...] = ()


@dataclass(frozen=True)
class Weights:
    """Weights of a group, ``[tiles of filters, taps, channels]`` of vectors of filters.

    ``turned``: the contraction runs over the ``filters``, and the channels are the columns; the
    taps are then those of a ``grid``.
    """

    vectors: Vectors
    filters: int
    grid: tuple[int, ...] = ()
    turned: bool = False

    @property
    def contraction(self) -> int:
        """Channels of a tap that are summed up."""
        return self.filters if self.turned else self.vectors.index.shape[2]

    @property
    def columns(self) -> int:
        """Columns of the result."""
        return self.vectors.index.shape[2] if self.turned else self.filters

    @property
    def taps(self) -> int:
        """Taps of the kernel."""
        return self.vectors.index.shape[1]

    def of_taps(self, taps: Sequence[int], grid: tuple[int, ...]) -> "Weights":
        """Some of the taps, themselves a grid."""
        return replace(self, vectors=self.vectors[:, taps], grid=grid)

    def plain(self) -> NDArray[np.int64]:
        """``[taps, contraction, columns]``."""
        values = np.moveaxis(self.vectors.values, 0, -2)
        values = values.reshape(*values.shape[:2], -1)[..., : self.filters]
        return values.swapaxes(-1, -2) if self.turned else values
