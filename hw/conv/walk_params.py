"""Parameters of address generators: the limits within which they take any walk."""

from dataclasses import dataclass

from amaranth import Shape, signed

from gemmule.golden.common.options import Options, option
from gemmule.golden.conv.limits import WalkLimits

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
        return signed(self.golden.coordinate_width)

    @property
    def golden(self) -> WalkLimits:
        """The limits as walks see them."""
        return WalkLimits(
            axes=self.axes,
            loops=self.loops,
            address_width=self.address_width,
            size_width=self.size_width,
            spread_width=self.spread_width,
        )


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
