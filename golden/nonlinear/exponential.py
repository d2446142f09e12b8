"""Two ways to compute an exponential in integers: from two tables, and as HeatViT does."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.common.formats import Format

from .piecewise import DSP_IN_LUTS
from .units import Datapath, rounded

__all__ = ["HeatvitExp", "TwoTableExp", "exponential"]

Integers = NDArray[np.int64]

OPERAND = 16
"""Fractional bits of an exponential's low table: 17 bits unsigned fill one port of a DSP block."""


@dataclass(frozen=True, eq=False)
class TwoTableExp(Datapath):
    """An exponential from two tables: ``exp(top - d) = high[d >> b] * low[d mod 2**b]``.

    ``d = clamp(top - x, 0, 2**bits - 1)``; the product is rounded once, half up, by ``shift`` bits.
    """

    top: int
    high: Integers
    low: Integers
    shift: int

    @property
    def low_bits(self) -> int:
        """Bits of the distance that address the table ``low``."""
        return (len(self.low) - 1).bit_length()

    @property
    def made_of(self) -> str:
        """What computes, for the data sheet."""
        return f"the product of tables of {len(self.high)} and {len(self.low)} entries"

    @property
    def cost(self) -> float:
        """About how many LUTs it takes: the distance, two tables of 17 bits, the multiplier."""
        entries = sum(max(32, len(part)) for part in (self.high, self.low))
        return 2 * self.in_format.width + 17 * entries / 64 + DSP_IN_LUTS

    @property
    def bits(self) -> int:
        """Bits of the distance."""
        return self.low_bits + (len(self.high) - 1).bit_length()

    def unclamped(self, x: Integers) -> Integers:
        d = np.clip(self.top - x, 0, (1 << self.bits) - 1)
        product = self.high[d >> self.low_bits] * self.low[d & len(self.low) - 1]
        return rounded(product, self.shift)


@dataclass(frozen=True, eq=False)
class HeatvitExp(Datapath):
    """HeatViT's exponential of ``x <= 0`` in Q8.16, with its integer constants.

    ``z = floor(-x / ln 2)``, ``p = x + z * ln 2``,
    ``exp x = (0.3585 * (p + 1.353)**2 + 0.344) >> z`` (arXiv 2211.08110, equations 13 and 14).
    Above 0 the result is that at 0.
    """

    RECIPROCAL_LN2 = 94548
    LN2 = 45426
    SCALE, OFFSET, FLOOR = 23495, 88670, 22544
    FRAC = 16
    Z_BITS = 5

    @property
    def made_of(self) -> str:
        """What computes, for the data sheet."""
        return "a parabola and a shift"

    @property
    def cost(self) -> float:
        """About how many LUTs it takes: three products by constants, a square, a shifter."""
        return 15 * self.in_format.width + 200 + DSP_IN_LUTS

    @property
    def bits(self) -> int:
        """Bits of ``-x`` that are used: beyond 16 the result is below 2**-22."""
        return min(self.in_format.width, self.in_format.frac + 4)

    def unclamped(self, x: Integers) -> Integers:
        d = np.clip(-x, 0, (1 << self.bits) - 1)
        z = d * self.RECIPROCAL_LN2 >> self.in_format.frac + self.FRAC
        p = z * self.LN2 - (d << self.FRAC - self.in_format.frac) + self.OFFSET
        power = (self.SCALE * (p * p >> self.FRAC) >> self.FRAC) + self.FLOOR
        return rounded(power >> z, self.FRAC - self.out_format.frac)


def exponential(
    in_format: Format, out_format: Format, *, operand: int = OPERAND + 2, top: int | None = None
) -> TwoTableExp:
    """Return ``exp`` as a product of two tables, for any formats.

    ``operand`` is the high table's number of fractional bits; ``top`` the greatest argument that
    occurs (where it is left out: at which the output saturates).
    """
    largest = math.log(out_format.high + 1) - out_format.frac * math.log(2)
    if top is None:
        top = min(in_format.high, math.floor(largest * 2.0**in_format.frac) + 1)
    vanish = -(out_format.frac + 1) * math.log(2)
    span = top - max(in_format.low, math.floor(vanish * 2.0**in_format.frac))
    bits = max(span, 1).bit_length()
    low_bits = (bits + 1) // 2
    step = 2.0**-in_format.frac
    low = np.exp(-np.arange(1 << low_bits) * step)
    high = np.exp(-np.arange(1 << bits - low_bits) * step * (1 << low_bits))
    peak = top * step / math.log(2)
    # The factor exp(top) goes into the table, as a mantissa in (1/2, 1]; its exponent is shifted.
    exponent = math.ceil(peak)
    high *= 2.0 ** (peak - exponent)
    tables = (high * 2.0**operand, low * 2.0**OPERAND)
    first, second = (np.round(part).astype(np.int64) for part in tables)
    shift = operand + OPERAND - out_format.frac - exponent
    return TwoTableExp(in_format, out_format, top, first, second, shift)
