"""A convolution as products of the array: what is loaded, what is walked over, what comes out."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.conv.pattern import Walk

from .memory_layout import LONGEST_BURST, Burst, Vectors, bursts
from .target import Hardware
from .views import Span

__all__ = ["Bank", "Copy", "Load", "Pass", "Product"]


@dataclass(frozen=True)
class Load:
    """Vectors that a bank takes from memory.

    ``transposed``: each block of the last axis and the lanes, at most a square, is transposed while
    it is loaded; a block makes as many vectors as it has lanes.
    """

    vectors: Vectors
    transposed: bool = False

    @property
    def arriving(self) -> NDArray[np.integer]:
        """What the bank gets, ``[vectors, lanes]``; lanes that a square lacks are 0 here."""
        values = self.vectors.values
        if self.transposed:
            lanes = values.shape[-1]
            margin = [(0, 0)] * (values.ndim - 2) + [(0, lanes - values.shape[-2]), (0, 0)]
            values = np.pad(values, margin).swapaxes(-1, -2)
        return values.reshape(-1, values.shape[-1])

    def __len__(self) -> int:
        if self.transposed:
            return len(self.vectors) // self.vectors.index.shape[-1] * self.vectors.lanes
        return len(self.vectors)

    def bursts(self, hardware: Hardware) -> Iterator[Burst]:
        """Return its requests; a square is one."""
        index, lanes = self.vectors.index, self.vectors.lanes
        levels, iterations = hardware.levels, hardware.iterations
        if not self.transposed:
            return bursts(index, lanes, levels, LONGEST_BURST, iterations)
        square = index.shape[-1] * lanes
        firsts = index[..., 0].reshape(index.shape[:-1] or (1,))
        return bursts(firsts, square, levels, square, iterations)


@dataclass(frozen=True)
class Bank:
    """What fills a bank, in order."""

    loads: tuple[Load, ...]

    @property
    def arriving(self) -> NDArray[np.integer]:
        """What its loads bring, ``[vectors, lanes]``."""
        return np.concatenate([load.arriving for load in self.loads])

    def __len__(self) -> int:
        return sum(map(len, self.loads))


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
        """The rows."""
        return self.places.length

    @property
    def n(self) -> int:
        """The columns."""
        return self.columns[1] - self.columns[0]


@dataclass
class Copy:
    """A zero-inserted copy of the streamed operand, written to memory (`Method.EXPLICIT` alone).

    What comes after it waits until it is there.
    """

    places: Walk
    a_loads: list[Bank]
    a_passes: list[Pass]
    b_loads: tuple[Bank, ...] = ()
    b_passes: tuple[Pass, ...] = ()
