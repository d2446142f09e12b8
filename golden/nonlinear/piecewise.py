"""Piecewise polynomials in integers, and the search for the cheapest that is accurate enough."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .minimax import minimax

__all__ = ["DSP_IN_LUTS", "Piecewise", "fit"]

Integers = NDArray[np.int64]
SAMPLES = 65
DSP_IN_LUTS = 60
"""What a multiplier weighs against LUTs when the fitter compares degrees."""


@dataclass(frozen=True, eq=False)
class Piecewise:
    """``value = c0 + (c1 + (c2*u >> b) ...)*u >> b``, integers with ``frac`` fractional bits.

    The high bits of the position pick a row of ``coefficients`` [segments, degree + 1], the
    constant first; ``u`` is the rest, ``b = offset_bits`` wide, counted from the middle of the
    segment. ``>>`` is the floor.
    """

    offset_bits: int
    frac: int
    coefficients: Integers

    @property
    def degree(self) -> int:
        """The power that the last coefficient multiplies: the number of multipliers."""
        return self.coefficients.shape[1] - 1

    @property
    def segment_bits(self) -> int:
        """The bits of a position that pick the segment."""
        return (len(self.coefficients) - 1).bit_length()

    @property
    def made_of(self) -> str:
        """What computes, for the data sheet."""
        count = len(self.coefficients)
        if not self.degree:
            return f"a table of {count} entries"
        return f"polynomials of degree {self.degree} in {count} segments"

    def __call__(self, position: Integers) -> Integers:
        """Return the values at unsigned positions.

        Examples
        --------
        >>> line = Piecewise(2, 4, np.array([[8, 4], [24, -4]]))
        >>> line(np.arange(8))
        array([ 6,  7,  8,  9, 26, 25, 24, 23])
        """
        row = self.coefficients[position >> self.offset_bits]
        half = 1 << self.offset_bits >> 1
        offset = (position & (1 << self.offset_bits) - 1) - half
        value = row[..., -1]
        for power in reversed(range(self.degree)):
            value = row[..., power] + (value * offset >> self.offset_bits)
        return value

    @property
    def cost(self) -> float:
        """About how many LUTs it takes: coefficients in LUTs of six inputs, and multipliers."""
        spans = [(int(c.min()), int(c.max())) for c in self.coefficients.T if np.ptp(c)]
        bits = sum(max(abs(low), abs(high)).bit_length() + (low < 0) for low, high in spans)
        luts = 2.0 ** (self.segment_bits - 6) if self.segment_bits > 5 else 0.5
        return bits * luts + self.degree * DSP_IN_LUTS


def fit(
    function: Callable[[Integers], NDArray[np.float64]],
    bits: int,
    frac: int,
    tolerance: float,
    *,
    degrees: tuple[int, ...] = (0, 1, 2),
    segment_bits: tuple[int, int] = (0, 9),
) -> Piecewise:
    """Find the cheapest :class:`Piecewise` that is within ``tolerance`` at every position.

    ``function`` gives the real value at positions ``0 .. 2**bits - 1``; each candidate is measured
    at all of them, in integers as the hardware computes. Where none is good enough the most
    accurate is returned.

    Examples
    --------
    >>> square = fit(lambda p: (p / 4096) ** 2, 12, 16, 2**-14)
    >>> square.degree, square.segment_bits
    (1, 6)
    """
    positions = np.arange(1 << bits)
    truth = function(positions)
    found: list[tuple[bool, float, float, Piecewise]] = []
    low, high = segment_bits
    for degree in degrees:
        for segment in range(min(low, bits), min(high, bits) + 1):
            if found and found[0][0] and degree * DSP_IN_LUTS >= found[0][1]:
                break
            pieces = _quantized(truth, bits - segment, frac, degree)
            error = float(np.abs(pieces(positions) * 2.0**-frac - truth).max())
            good = error <= tolerance
            found.append((good, pieces.cost, error, pieces))
            found.sort(key=lambda f: (not f[0], f[1] if f[0] else f[2]))
            if good:
                break
    return found[0][3]


def _quantized(truth: NDArray[np.float64], offset_bits: int, frac: int, degree: int) -> Piecewise:
    """Return minimax coefficients of each segment, rounded to ``frac`` bits."""
    size = 1 << offset_bits
    nodes = (1 - np.cos(np.pi * np.arange(SAMPLES) / (SAMPLES - 1))) / 2
    chosen = np.unique(np.round(nodes * (size - 1)).astype(int))
    points = (chosen - (size >> 1)) / size
    rows = [minimax(points, part[chosen], degree)[0] for part in truth.reshape(-1, size)]
    return Piecewise(offset_bits, frac, np.round(np.array(rows) * 2.0**frac).astype(np.int64))
