"""The ways a unit computes a function of one number: each is an integer model of a datapath."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.common.formats import Format

from .piecewise import Piecewise

__all__ = [
    "Datapath",
    "Lines",
    "Powers",
    "RectifiedTable",
    "Reflected",
    "Table",
    "every",
    "rounded",
]

Integers = NDArray[np.int64]


def rounded(value: Integers, bits: int) -> Integers:
    """Return ``floor(value / 2**bits + 1/2)``; a shift to the left where ``bits`` is negative."""
    return value << -bits if bits < 0 else (value + (1 << bits >> 1)) >> bits


@dataclass(frozen=True, eq=False)
class Datapath(ABC):
    """A unit that computes: ``y = clamp(unclamped(x))``, clamped to the output's format."""

    in_format: Format
    out_format: Format

    @property
    @abstractmethod
    def cost(self) -> float:
        """LUTs, about: what a table is compared with."""

    @abstractmethod
    def unclamped(self, x: Integers) -> Integers:
        """Return the rounded result, before it is clamped."""

    def __call__(self, x: Integers) -> Integers:
        return np.clip(self.unclamped(x), self.out_format.low, self.out_format.high)

    @property
    @abstractmethod
    def made_of(self) -> str:
        """What computes, for the data sheet."""

    def span(self) -> tuple[int, int]:
        """Return the least and the greatest :meth:`unclamped` of all inputs."""
        value = self.unclamped(every(self.in_format))
        return int(value.min()), int(value.max())


def every(fmt: Format) -> Integers:
    """Return every integer of a format, in the order of its bit patterns."""
    patterns = np.arange(1 << fmt.width)
    return np.where(patterns > fmt.high, patterns - (1 << fmt.width), patterns)


@dataclass(frozen=True, eq=False)
class Table:
    """``y = values[x]``, ``x`` read as an unsigned number of ``in_format.width`` bits."""

    in_format: Format
    out_format: Format
    values: Integers

    @property
    def made_of(self) -> str:
        """What computes, for the data sheet."""
        return f"a table of {len(self.values)} entries"

    @property
    def cost(self) -> float:
        """About how many LUTs of six inputs it takes."""
        return self.out_format.width * max(0.5, 2.0 ** (self.in_format.width - 6))

    def __call__(self, x: Integers) -> Integers:
        return self.values[x & (1 << self.in_format.width) - 1]


@dataclass(frozen=True, eq=False)
class RectifiedTable(Table):
    """``y = max(x, 0) - values[x]``: for functions near a rectifier the values have few bits."""

    @classmethod
    def of(cls, table: Table) -> "RectifiedTable":
        """Return the same function; its output must have at least its input's fractional bits."""
        x = every(table.in_format)
        up = table.out_format.frac - table.in_format.frac
        values = (np.maximum(x, 0) << up) - table.values
        return cls(table.in_format, table.out_format, values)

    @property
    def made_of(self) -> str:
        """What computes, for the data sheet."""
        return f"a rectifier, corrected by a table of {len(self.values)} entries"

    @property
    def cost(self) -> float:
        """About how many LUTs it takes: a narrow table and a subtraction."""
        bits = max(int(abs(self.values).max()).bit_length(), 1) + int(self.values.min() < 0)
        table = Table(self.in_format, Format(signed=False, width=bits), self.values)
        return table.cost + self.out_format.width

    def __call__(self, x: Integers) -> Integers:
        up = self.out_format.frac - self.in_format.frac
        return (np.maximum(x, 0) << up) - super().__call__(x)


@dataclass(frozen=True, eq=False)
class Reflected(Datapath):
    """A symmetric function from a piecewise polynomial of ``a = min(|x|, 2**domain - 1)``.

    ``rectified``: ``max(x, 0) - t``; ``complement``: ``t`` where x < 0, else ``1 - t``; ``odd``:
    ``-t`` where x < 0, else ``t``. Everything has ``pieces.frac`` fractional bits until the one
    rounding, half up, at the end.
    """

    symmetry: str
    domain: int
    pieces: Piecewise

    @property
    def made_of(self) -> str:
        """What computes, for the data sheet."""
        return f"{self.pieces.made_of} of the magnitude"

    @property
    def cost(self) -> float:
        """About how many LUTs it takes: the magnitude, the polynomial, the reflection."""
        return self.in_format.width + self.pieces.cost + self.out_format.width

    def unclamped(self, x: Integers) -> Integers:
        frac = self.pieces.frac
        t = self.pieces(np.minimum(np.abs(x), (1 << self.domain) - 1))
        if self.symmetry == "rectified":
            value = (np.maximum(x, 0) << frac - self.in_format.frac) - t
        elif self.symmetry == "complement":
            value = np.where(x < 0, t, (1 << frac) - t)
        else:
            value = np.where(x < 0, -t, t)
        return rounded(value, frac - self.out_format.frac)


@dataclass(frozen=True, eq=False)
class Powers(Datapath):
    """A power of a positive x from its mantissa and exponent: ``root`` 1 for 1/x, 2 for 1/sqrt x.

    ``x = m * 2**(k - frac)``, the mantissa ``m`` in [1, 2), or in [1, 4) of a root, where the low
    bit of the exponent joins it as the highest bit of the position. ``pieces`` gives
    ``m**(-1/root)`` in (1/2, 1], and a shift gives the rest. Zero and below
    give the greatest output.
    """

    root: int
    pieces: Piecewise

    @property
    def made_of(self) -> str:
        """What computes, for the data sheet."""
        return f"{self.pieces.made_of} of the mantissa"

    @property
    def cost(self) -> float:
        """About how many LUTs it takes: two shifters and the polynomial."""
        return 3 * self.in_format.width + self.pieces.cost + 4 * self.out_format.width

    def shift(self, k: int) -> int:
        """Tell by how much the mantissa's power goes right if the highest one of x is bit ``k``."""
        exponent = (k - self.in_format.frac) // self.root
        return self.pieces.frac + exponent - self.out_format.frac

    def unclamped(self, x: Integers) -> Integers:
        width = self.in_format.width
        positive = np.maximum(x, 1)
        k = np.frexp(positive.astype(np.float64))[1].astype(np.int64) - 1
        position = (positive << width - 1 - k) - (1 << width - 1)
        if self.root == 2:
            position += (k - self.in_format.frac) % 2 << width - 1
        power = self.pieces(position)
        shifts = np.array([self.shift(bit) for bit in range(width)])
        lead = max(0, 1 - int(shifts.min()))
        value = (power << lead) + (1 << shifts[k] + lead >> 1) >> shifts[k] + lead
        return np.where(x > 0, value, self.out_format.high)


@dataclass(frozen=True, eq=False)
class Lines(Datapath):
    """PLAN: the sigmoid in straight lines whose slopes are powers of two: no multiplier.

    ``y = floor(x * 2**-shift + constant)``, both of the region that holds x. It is rounded down, so
    that only the bits above 1/32 need an adder.
    H. Amin et al., "Piecewise linear approximation applied to nonlinear function of a neural
    network", IEE Proc. 1997; HeatViT uses it.
    """

    BREAKS = (1.0, 2.375, 5.0)
    SHIFTS = (2, 3, 5)
    CONSTANTS = (16, 20, 27, 32)
    """In 32nds, for x >= 0; mirrored below."""

    @property
    def made_of(self) -> str:
        """What computes, for the data sheet."""
        return "straight lines whose slopes are powers of two"

    @property
    def cost(self) -> float:
        """About how many LUTs it takes: the regions, the selected shift, the sum."""
        return 1.5 * self.in_format.width + self.out_format.width

    @property
    def frac(self) -> int:
        """Fractional bits of the sum: enough to be exact."""
        return max(self.in_format.frac + 5, self.out_format.frac)

    def region(self, x: Integers) -> Integers:
        """Return which line, 0 to 3, by the magnitude.

        At a break, x is above if positive, else below.
        """
        steps = np.array(self.BREAKS) * 2.0**self.in_format.frac
        return np.searchsorted(steps, np.where(x < 0, ~x, x), side="right")

    def unclamped(self, x: Integers) -> Integers:
        region = self.region(x)
        up = self.frac - self.in_format.frac
        slopes = np.array([1 << up - shift for shift in self.SHIFTS] + [0])
        constants = np.array(self.CONSTANTS)[region] << self.frac - 5
        constants = np.where(x < 0, (1 << self.frac) - constants, constants)
        return x * slopes[region] + constants >> self.frac - self.out_format.frac
