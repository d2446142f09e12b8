"""Limits of an address generator: which walks it takes, and how wide their numbers are."""

from collections.abc import Iterator
from dataclasses import dataclass

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
