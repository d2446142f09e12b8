"""Parameters of address generators: the limits within which they take any walk."""

from collections.abc import Iterator
from dataclasses import dataclass

from amaranth import Shape, signed

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.options import Options, flag, option
from gemmule.golden.conv.pattern import Walk

__all__ = ["BpParams", "GeneratorParams", "PlaceParams"]


@dataclass(frozen=True, kw_only=True)
class GeneratorParams(Options):
    """Limits within which an address generator takes any geometry at run time."""

    axes: int = option(2, low=2, high=3, help="spatial axes")
    address_width: int = option(16, low=2, high=32, help="bits of an address")
    size_width: int = option(10, low=2, high=16, help="bits of a loop's turns and of a side")

    @property
    def spread_width(self) -> int:
        """Bits of a stride between real pixels; 0: the generator knows no inserted zeros."""
        return 0

    @property
    def loops(self) -> int:
        """Levels: pixels and taps of each axis, the batch, the channel blocks."""
        return 2 * self.axes + 2

    @property
    def coordinate(self) -> Shape:
        """A pixel's number along an axis, negative before the first."""
        return signed(self.size_width + 1)

    def refuse(self, walk: Walk) -> None:
        """Raise :class:`UsageError` for a walk beyond these limits."""
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
        for text, fits, name, limit in checks:
            if not fits:
                given = f"{flag(name)} {getattr(self, name, 0)}"
                raise UsageError(f"the walk has {text}; {given} allows {limit}")

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


@dataclass(frozen=True, kw_only=True)
class BpParams(GeneratorParams):
    """As :class:`GeneratorParams`, with inserted zeros between the pixels."""

    stride_width: int = option(3, low=1, high=8, help="bits of a stride (the zeros it inserts)")

    @property
    def spread_width(self) -> int:
        return self.stride_width


@dataclass(frozen=True, kw_only=True)
class PlaceParams(GeneratorParams):
    """As :class:`GeneratorParams`, for the places of results: bytes, by fewer loops."""

    @property
    def loops(self) -> int:
        """Levels: pixels along each axis, the batch, the channel blocks."""
        return self.axes + 2
