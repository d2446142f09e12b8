"""An address sequence as nested loops over masked coordinates: what one generator executes."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np
from numpy.typing import NDArray

__all__ = ["Axis", "Jump", "Loop", "Walk"]


@dataclass(frozen=True)
class Axis:
    """A coordinate: real pixels lie at the multiples of ``spread`` from 0 to ``limit - 1`` of them.

    ``spread`` above 1 means a map with ``spread - 1`` inserted zeros between pixels that are never
    stored; ``pitch`` is the distance of neighboring real pixels in memory.
    """

    start: int
    limit: int
    pitch: int
    spread: int = 1


@dataclass(frozen=True)
class Loop:
    """One level: ``bound`` steps, each of which moves the coordinates and, besides, the address."""

    bound: int
    moves: tuple[int, ...]
    step: int = 0


@dataclass(frozen=True)
class Jump:
    """What the hardware adds when a level advances and those below it restart.

    ``whole`` and ``part`` are the quotient and the remainder of each coordinate's movement by its
    spread, so that nothing is ever divided; ``step`` is the address's movement without carries.
    """

    whole: tuple[int, ...]
    part: tuple[int, ...]
    step: int


@dataclass(frozen=True)
class Walk:
    """``address = base + sum(loop * step) + sum(position // spread * pitch)``, innermost first.

    A beat is masked (it is padding or an inserted zero) unless each position is a multiple of its
    axis's spread, and its pixel is within ``0..limit - 1``.

    Examples
    --------
    >>> row = Walk(axes=(Axis(start=-1, limit=3, pitch=10),), loops=(Loop(4, (1,)),))
    >>> addresses, real = row.beats()
    >>> addresses.tolist(), real.tolist()
    ([-10, 0, 10, 20], [False, True, True, True])
    >>> spread = Walk(axes=(Axis(start=0, limit=2, pitch=1, spread=2),), loops=(Loop(4, (1,)),))
    >>> spread.beats()[1].tolist()
    [True, False, True, False]
    """

    axes: tuple[Axis, ...]
    loops: tuple[Loop, ...]
    base: int = 0

    @cached_property
    def length(self) -> int:
        """How many beats."""
        return prod(loop.bound for loop in self.loops)

    @cached_property
    def real(self) -> int:
        """How many beats are not masked; loops that move one axis each are counted by axes."""
        if any(sum(map(bool, loop.moves)) > 1 for loop in self.loops):
            return int(self.beats()[1].sum())
        count = prod(loop.bound for loop in self.loops if not any(loop.moves))
        for number, axis in enumerate(self.axes):
            loops = [loop for loop in self.loops if loop.moves[number]]
            grid = np.zeros((1,), np.int64) + axis.start
            for loop in loops:
                grid = (grid[:, None] + np.arange(loop.bound) * loop.moves[number]).ravel()
            pixel, inserted = np.divmod(grid, axis.spread)
            count *= int(((inserted == 0) & (pixel >= 0) & (pixel < axis.limit)).sum())
        return count

    def beats(self) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return ``addresses`` and ``real``, in order, by whole-array arithmetic."""
        bounds = [loop.bound for loop in reversed(self.loops)]
        counts = np.indices(bounds).reshape(len(bounds), -1)[::-1]
        address = np.full(self.length, self.base, np.int64)
        real = np.ones(self.length, bool)
        for loop, count in zip(self.loops, counts, strict=True):
            address += count * loop.step
        for number, axis in enumerate(self.axes):
            position = axis.start + sum(
                loop.moves[number] * count for loop, count in zip(self.loops, counts, strict=True)
            )
            pixel, inserted = np.divmod(position, axis.spread)
            real &= (inserted == 0) & (pixel >= 0) & (pixel < axis.limit)
            address += pixel * axis.pitch
        return address, real

    def origin(self) -> Jump:
        """Return the first position, split like a jump; its step is the first address."""
        split = [divmod(axis.start, axis.spread) for axis in self.axes]
        return self._jump([axis.start for axis in self.axes], self.base, split)

    def jumps(self) -> tuple[Jump, ...]:
        """Return a jump for each level: its own movement less what those below it had moved."""
        made, back, back_step = [], [0] * len(self.axes), 0
        for loop in self.loops:
            moves = [move - gone for move, gone in zip(loop.moves, back, strict=True)]
            split = [divmod(m, axis.spread) for m, axis in zip(moves, self.axes, strict=True)]
            made.append(self._jump(moves, loop.step - back_step, split))
            turns = loop.bound - 1
            back = [gone + turns * move for gone, move in zip(back, loop.moves, strict=True)]
            back_step += turns * loop.step
        return tuple(made)

    def _jump(self, moves: Sequence[int], step: int, split: Sequence[tuple[int, int]]) -> Jump:
        whole, part = zip(*split, strict=True) if moves else ((), ())
        pitches = (axis.pitch for axis in self.axes)
        return Jump(whole, part, step + sum(q * p for q, p in zip(whole, pitches, strict=True)))
