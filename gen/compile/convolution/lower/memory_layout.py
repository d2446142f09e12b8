"""How operands and results lie in the external memory, and which bursts of it a load asks for.

A feature map is channel-last, ``[group, batch, *size, channels]``, its channels padded to what both
sides of the array take; weights and their gradient are ``[group, tile of filters, tap, channel,
lane]``. Both are counted in elements here; the host multiplies by the bytes of one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.common.memory import LENGTH_WIDTH
from gemmule.golden.conv.pattern import Loop, Walk

__all__ = ["LONGEST_BURST", "Burst", "Vectors", "bursts", "feature_map", "steps_of", "walk_over"]

LONGEST_BURST = (1 << LENGTH_WIDTH) - 1
"""Elements that a request can ask for."""


@dataclass(frozen=True)
class Vectors:
    """Vectors of lanes, and where they lie: the number of each one's first element in a region.

    ``extent``: elements of that region that belong to one group.
    """

    values: NDArray[np.integer]
    index: NDArray[np.int64]
    region: str
    extent: int

    def __getitem__(self, key: Any) -> "Vectors":
        return Vectors(self.values[key], self.index[key], self.region, self.extent)

    def __len__(self) -> int:
        return self.index.size

    def moved(self, axis: int, to: int) -> "Vectors":
        """Return the vectors with their axes in another order."""
        values, index = np.moveaxis(self.values, axis, to), np.moveaxis(self.index, axis, to)
        return replace(self, values=values, index=index)

    def split(self, grid: tuple[int, ...]) -> "Vectors":
        """Return the vectors with the first axis as a grid."""
        shape = (*grid, *self.index.shape[1:])
        values, index = self.values.reshape(*shape, self.lanes), self.index.reshape(shape)
        return replace(self, values=values, index=index)

    @property
    def lanes(self) -> int:
        """The elements of a vector."""
        return self.values.shape[-1]


@dataclass(frozen=True)
class Burst:
    """Requests of ``length`` neighboring elements, ``loops`` (count, step) of them, inner first."""

    first: int
    length: int
    loops: tuple[tuple[int, int], ...]

    @property
    def requests(self) -> int:
        """The number of requests."""
        return int(np.prod([count for count, _ in self.loops], dtype=np.int64))


def feature_map(
    array: NDArray[np.integer], wide: int, lanes: int, fill: int, group: int, region: str
) -> Vectors:
    """Return one group's ``[N, C, *size]`` as vectors ``[N, *size, blocks]`` of ``lanes`` channels.

    ``wide`` is the pitch of a pixel; lanes without a channel hold ``fill``.
    """
    last = np.moveaxis(array, 1, -1)
    blocks = -(-last.shape[-1] // lanes)
    margin = [(0, 0)] * (last.ndim - 1) + [(0, blocks * lanes - last.shape[-1])]
    values = np.pad(last, margin, constant_values=fill)
    pixels = last.shape[:-1]
    count = int(np.prod(pixels))
    index = (group * count + np.arange(count).reshape(*pixels, 1)) * wide
    return Vectors(
        values.reshape(*pixels, blocks, lanes),
        index + lanes * np.arange(blocks),
        region,
        count * wide,
    )


def steps_of(index: NDArray[np.int64]) -> tuple[int, ...] | None:
    """Return the step along each axis, or None where ``index`` is not affine in its coordinates."""
    origin = index[(0,) * index.ndim]
    steps, grid = [], origin
    for axis, count in enumerate(index.shape):
        place = tuple(int(axis == other and count > 1) for other in range(index.ndim))
        steps.append(int(index[place] - origin))
        shape = [-1 if axis == other else 1 for other in range(index.ndim)]
        grid = grid + steps[-1] * np.arange(count).reshape(shape)
    return tuple(steps) if (grid == index).all() else None


def _loops(index: NDArray[np.int64], steps: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return loops ``(count, step)``, innermost first."""
    both = zip(reversed(index.shape), reversed(steps), strict=True)
    return [(count, step) for count, step in both if count > 1]


def bursts(
    index: NDArray[np.int64],
    lanes: int,
    levels: int,
    most: int = LONGEST_BURST,
    iterations: int = 1 << 16,
) -> Iterator[Burst]:
    """Yield the requests that read the vectors ``index`` in order, by at most ``levels`` loops.

    ``most``: elements of a request; ``iterations``: those of a loop.

    Examples
    --------
    >>> box = np.arange(24).reshape(4, 6)[1:3, 2:5] * 8
    >>> list(bursts(box, 8, 2))
    [Burst(first=64, length=24, loops=((2, 48),))]
    """
    steps = steps_of(index)
    if steps is not None:
        loops, length = _loops(index, steps), lanes
        while loops and loops[0][1] == length and loops[0][0] * length <= most:
            length *= loops.pop(0)[0]
        if len(loops) <= levels and all(count <= iterations for count, _ in loops):
            yield Burst(int(index.flat[0]), length, tuple(loops))
            return
    # The outermost axis apart, and a flat one, which is too long, in halves.
    if len(index) > 1 and index.ndim == 1:
        half = len(index) // 2
        parts = [index[:half], index[half:]]
    else:
        parts = list(index)
    for part in parts:
        yield from bursts(part, lanes, levels, most, iterations)


def walk_over(index: NDArray[np.int64]) -> Walk:
    """Return the walk whose addresses, none masked, are an affine ``index``, in order."""
    steps = steps_of(index)
    assert steps is not None, "results lie at regular distances"
    loops = tuple(Loop(count, (), step) for count, step in _loops(index, steps))
    return Walk(axes=(), loops=loops or (Loop(1, ()),), base=int(index.flat[0]))
