"""Limits of an address generator: which walks it takes, and how wide their numbers are."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.options import flag

from .pattern import Walk

__all__ = ["WalkLimits"]


@dataclass(frozen=True, kw_only=True)
class WalkLimits:
    """What an address generator has room for. Widths are in bits.

    Parameters
    ----------
    axes : spatial axes
    loops : levels of loops
    address_width : of an address
    size_width : of a loop's turns and of a side
    spread_width : of a stride between real pixels; 0: the generator knows no inserted zeros
    """

    axes: int
    loops: int
    address_width: int
    size_width: int
    spread_width: int

    @property
    def coordinate_width(self) -> int:
        """Bits of a pixel's number along an axis, which is negative before the first."""
        return self.size_width + 1

    def length(self, walk: Mapping[str, Any]) -> int:
        """Count the beats of a walk, which is given by its numbers in a command."""
        return prod(loop["turns"] + 1 for loop in walk["loops"])

    def beats(
        self, walk: Mapping[str, Any], count: int
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return ``addresses`` and ``real`` of the first ``count`` beats of a walk, likewise.

        Whatever its numbers are, they wrap as the generator's do. No spread is 0, and no remainder
        is as large as its spread.
        """
        beat, period, jumps = np.arange(count), 1, []
        for loop in walk["loops"]:
            # A level advances where those below it end, unless it ends too: then one above does.
            ended = beat // period
            period = min(period * (loop["turns"] + 1), max(count, 1))
            jumps.append((ended - beat // period, loop["jump"]))
        address = walk["origin"]["step"] + sum(times * jump["step"] for times, jump in jumps)
        real = np.ones(count, bool)
        pixel_mask = (1 << self.coordinate_width) - 1
        for number, axis in enumerate(walk["axes"]):
            pixel = self._moved("whole", number, walk, jumps)
            if self.spread_width:
                carries, part = np.divmod(self._moved("part", number, walk, jumps), axis["spread"])
                pixel = pixel + carries
                address = address + carries * axis["pitch"]
                real &= part == 0
            real &= (pixel & pixel_mask) < axis["limit"]
        return address & (1 << self.address_width) - 1, real

    @staticmethod
    def _moved(
        name: str,
        axis: int,
        walk: Mapping[str, Any],
        jumps: list[tuple[NDArray[np.int64], Mapping[str, Any]]],
    ) -> NDArray[np.int64]:
        """Return a coordinate of each beat: the origin's, and what all jumps have added."""
        moves = (times * jump[name][axis] for times, jump in jumps if jump[name][axis])
        return walk["origin"][name][axis] + sum(moves, np.zeros_like(jumps[0][0]))

    def refuse(self, walk: Walk) -> None:
        """Raise :class:`UsageError` for a walk beyond these limits.

        Examples
        --------
        >>> from gemmule.golden.conv.pattern import Axis, Loop
        >>> limits = WalkLimits(axes=2, loops=6, address_width=16, size_width=4, spread_width=0)
        >>> limits.refuse(Walk(axes=(Axis(0, 9, 1),), loops=(Loop(17, (0,)),)))
        Traceback (most recent call last):
        ...
        UsageError: the walk has 17 turns of a loop; --size-width 4 allows 16
        """
        turns = max(loop.bound for loop in walk.loops)
        side = max((axis.limit for axis in walk.axes), default=0)
        most = 1 << self.size_width
        checks = [
            (f"{len(walk.axes)} axes", len(walk.axes) <= self.axes, "axes", self.axes),
            (f"{len(walk.loops)} loops", len(walk.loops) <= self.loops, "axes", self.loops),
            (f"{turns} turns of a loop", turns <= most, "size_width", most),
            (f"{side} pixels of a side", side < most, "size_width", most - 1),
            *self._reaches(walk),
        ]
        options = {
            "axes": self.axes,
            "size_width": self.size_width,
            "stride_width": self.spread_width,
        }
        for text, fits, name, limit in checks:
            if not fits:
                raise UsageError(
                    f"the walk has {text}; {flag(name)} {options[name]} allows {limit}"
                )

    def _reaches(self, walk: Walk) -> Iterator[tuple[str, bool, str, int]]:
        """Yield checks: no position outside a side wraps into it; spreads fit their counters."""
        most = 1 << self.size_width
        for number, axis in enumerate(walk.axes):
            moves = [loop.moves[number] * (loop.bound - 1) for loop in walk.loops]
            low = (axis.start + sum(move for move in moves if move < 0)) // axis.spread
            high = (axis.start + sum(move for move in moves if move > 0)) // axis.spread
            yield f"pixels from {low}", low >= -most, "size_width", -most
            yield f"pixels to {high}", high < most, "size_width", most - 1
            if self.spread_width or axis.spread > 1:
                largest = (1 << self.spread_width) - 1
                fits = axis.spread <= largest
                yield f"a stride of {axis.spread}", fits, "stride_width", max(largest, 1)
