"""A roofline: what multipliers and bus allow, and where runs lie below it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Point", "Roof", "draw"]


@dataclass(frozen=True)
class Roof:
    """The bounds of a design: multiply-accumulates a cycle, and bytes a cycle of each direction."""

    macs_per_cycle: int
    bytes_per_cycle: float

    @property
    def ridge(self) -> float:
        """Multiply-accumulates a byte from which on the multipliers bound."""
        return self.macs_per_cycle / self.bytes_per_cycle

    def at(self, intensity: float) -> float:
        """Return the most multiply-accumulates a cycle at ``intensity`` of them a byte."""
        return min(self.macs_per_cycle, intensity * self.bytes_per_cycle)


@dataclass(frozen=True)
class Point:
    """A run: its multiply-accumulates, cycles, and the bytes of the bus's busier direction."""

    name: str
    macs: int
    cycles: int
    bytes: int

    @property
    def intensity(self) -> float:
        """Multiply-accumulates a byte."""
        return self.macs / self.bytes

    @property
    def macs_per_cycle(self) -> float:
        """What was reached."""
        return self.macs / self.cycles


def draw(axes: "Axes", roof: Roof, points: Sequence[Point]) -> None:
    """Draw the roof, and each point with its name and its share of what the roof allows there."""
    reach = [roof.ridge, *(point.intensity for point in points)]
    low, high = min(reach) / 4, max(reach) * 4
    ends = [low, roof.ridge, high]
    axes.plot(ends, [roof.at(each) for each in ends], color="black", linewidth=1)
    for point in points:
        share = point.macs_per_cycle / roof.at(point.intensity)
        axes.plot([point.intensity], [point.macs_per_cycle], "o")
        axes.annotate(
            f" {point.name} {share:.0%}", (point.intensity, point.macs_per_cycle), fontsize="small"
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("multiply-accumulates a byte of the busier direction")
    axes.set_ylabel("a cycle")
    axes.set_title(
        f"roof: {roof.macs_per_cycle} multiply-accumulates, {roof.bytes_per_cycle:g} bytes a cycle",
        fontsize="small",
    )
