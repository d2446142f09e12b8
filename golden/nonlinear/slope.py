"""A straight line between two limits: hard sigmoid with any slope."""

from dataclasses import dataclass
from fractions import Fraction
from math import floor

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.common.formats import Format

from .piecewise import DSP_IN_LUTS
from .units import Datapath, every

__all__ = ["Slope", "exact_line", "fit_slope"]

Integers = NDArray[np.int64]

FACTOR_BITS = 24
"""Bits of the factor: unsigned, what one port of a DSP block takes."""


@dataclass(frozen=True, eq=False)
class Slope(Datapath):
    """``y = clamp(floor((factor * x + offset) / 2**shift), 0, 2**frac)``, by one product.

    :func:`fit_slope` chooses the three numbers so that this is ``alpha * x + beta``, rounded once.
    """

    factor: int
    offset: int
    shift: int

    @property
    def made_of(self) -> str:
        """What computes, for the data sheet."""
        return f"a line, floor(({self.factor} * x + {self.offset}) / 2**{self.shift})"

    @property
    def cost(self) -> float:
        """About how many LUTs it takes: a multiplier and the limits."""
        return DSP_IN_LUTS + self.in_format.width + self.out_format.width

    def unclamped(self, x: Integers) -> Integers:
        return np.clip(x * self.factor + self.offset >> self.shift, 0, 1 << self.out_format.frac)


def exact_line(
    alpha: Fraction, beta: Fraction, in_format: Format, out_format: Format, x: Integers
) -> Integers:
    """Return ``alpha * x + beta`` between 0 and 1 as exact fractions, rounded once, ties up.

    Not yet clamped to the output's format.

    Examples
    --------
    >>> fmt = Format(signed=True, width=8, frac=4)
    >>> exact_line(Fraction("0.2"), Fraction("0.5"), fmt, fmt, np.array([-128, 0, 16, 128]))
    array([ 0,  8, 11, 16])
    """
    one = 1 << out_format.frac
    slope, middle = alpha * Fraction(one, 1 << in_format.frac), beta * one + Fraction(1, 2)
    whole = slope.denominator * middle.denominator
    step, start = slope.numerator * middle.denominator, middle.numerator * slope.denominator
    return np.array([min(max((step * v + start) // whole, 0), one) for v in x.tolist()])


def fit_slope(alpha: Fraction, beta: Fraction, in_format: Format, out_format: Format) -> Slope:
    """Find the line of the fewest bits that equals :func:`exact_line` at every input.

    Where ``FACTOR_BITS`` are not enough for that, the nearest one.
    """
    x = every(in_format)
    wanted = exact_line(alpha, beta, in_format, out_format, x)
    one = 1 << out_format.frac
    scale = alpha * Fraction(one, 1 << in_format.frac)
    shift, factor = 0, round(scale)
    while True:
        # What the offset must be at least for results that are not 0, at most for those below 1.
        beyond = (wanted << shift) - factor * x
        least = beyond[wanted > 0].max(initial=-(1 << 62))
        most = (beyond + ((1 << shift) - 1))[wanted < one].min(initial=1 << 62)
        if least <= most:
            break
        finer = round(scale * (2 << shift))
        if finer >> FACTOR_BITS:
            least = most = floor((beta * one + Fraction(1, 2)) * (1 << shift))
            break
        shift, factor = shift + 1, finer
    ideal = floor((beta * one + Fraction(1, 2)) * (1 << shift))
    return Slope(in_format, out_format, factor, int(np.clip(ideal, least, most)), shift)
