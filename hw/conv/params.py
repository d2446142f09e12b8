"""Parameters of the convolution family's parts."""

from dataclasses import dataclass

from amaranth import Shape, signed

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.options import Options, option
from gemmule.golden.conv.walk import Walk

__all__ = ["BpParams", "GeneratorParams"]


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
        """:class:`UsageError` for a walk beyond these limits."""
        checks = [
            ("axes", len(walk.axes), self.axes),
            ("loops", len(walk.loops), self.loops),
            ("turns of a loop", max(loop.bound for loop in walk.loops), 1 << self.size_width),
            ("pixels of a side", max(axis.limit for axis in walk.axes), (1 << self.size_width) - 1),
        ]
        for name, value, most in checks:
            if value > most:
                raise UsageError(f"the walk has {value} {name}; these parameters allow {most}")


@dataclass(frozen=True, kw_only=True)
class BpParams(GeneratorParams):
    """As :class:`GeneratorParams`, with inserted zeros between the pixels."""

    stride_width: int = option(3, low=1, high=8, help="bits of a stride (the zeros it inserts)")

    @property
    def spread_width(self) -> int:
        return self.stride_width
