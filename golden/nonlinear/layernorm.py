"""Layer and RMS normalization over rows, as integers."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.common.codes import Code
from gemmule.golden.common.formats import Format

from .piecewise import Piecewise, fit
from .units import rounded

__all__ = [
    "DEVIATION_FRAC",
    "EPSILON_FRAC",
    "MANTISSA_BITS",
    "ROOT_FRAC",
    "NormFormats",
    "Refusal",
    "RootReciprocal",
    "epsilon_code",
    "layernorm",
]

Integers = NDArray[np.int64]

EPSILON_FRAC = 8
"""Fractional bits of the variance, below its integers: they hold epsilon alone."""
MANTISSA_BITS = 16
ROOT_FRAC = 16
"""Fractional bits of a root's mantissa: 17 bits unsigned fill one port of a DSP block."""
DEVIATION_FRAC = 14
"""Fractional bits of a deviation in units of the standard deviation."""


class Refusal(Code):
    """Why the hardware refuses a command."""

    NONE = 0, "carried out"
    ZERO_SIZE = 1, "rows or length is 0; such a command has no packets, and none is awaited"
    LENGTH_TOO_LARGE = 2, "length is above the longest row; the packets were thrown away"


@dataclass(frozen=True)
class NormFormats:
    """The formats of a normalization."""

    x: Format
    gamma: Format
    beta: Format
    y: Format


class RootReciprocal:
    """``1 / sqrt(v)`` of a positive integer as a mantissa in (1/2, 1] and an exponent.

    ``v = m * 4**j`` with m in [1, 4), cut to 16 bits below its leading pair; the mantissa is within
    ``2**-14`` relative of ``m**-0.5``, with 16 fractional bits.
    """

    @property
    def pieces(self) -> Piecewise:
        """The root's reciprocal over [1, 2) and then [2, 4)."""
        return _root()

    def __call__(self, v: Integers) -> tuple[Integers, Integers]:
        """Return the mantissas, and the exponents ``j``; mantissa 0 of 0.

        ``v`` may fill 64 bits.
        """
        positive = np.maximum(v, 1).astype(np.uint64)
        k = _leading(positive)
        up, down = np.maximum(MANTISSA_BITS - k, 0), np.maximum(k - MANTISSA_BITS, 0)
        leading = (positive << up.astype(np.uint64) >> down.astype(np.uint64)).astype(np.int64)
        mantissa = self.pieces(leading - (1 << MANTISSA_BITS) + (k % 2 << MANTISSA_BITS))
        return np.where(v > 0, mantissa, 0), k >> 1


@lru_cache(maxsize=1)
def _root() -> Piecewise:
    def root(position: Integers) -> NDArray[np.float64]:
        fraction = (position & (1 << MANTISSA_BITS) - 1) * 2.0**-MANTISSA_BITS
        return ((1 + fraction) * 2.0 ** (position >> MANTISSA_BITS)) ** -0.5

    return fit(root, MANTISSA_BITS + 1, ROOT_FRAC, 2.0**-15, degrees=(2,), segment_bits=(1, 6))


def _leading(v: NDArray[np.uint64]) -> Integers:
    """Find the place of the highest one, exactly (a float64 would round values of 54 bits up)."""
    high, low = (v >> np.uint64(32)).astype(np.int64), (v & np.uint64(0xFFFFFFFF)).astype(np.int64)
    top = np.frexp(np.where(high > 0, high, low).astype(np.float64))[1].astype(np.int64)
    return top - 1 + np.where(high > 0, 32, 0)


def epsilon_code(epsilon: float, n: int, x_format: Format) -> int:
    """Return ``epsilon`` in the units of ``n**2 * variance``, with :data:`EPSILON_FRAC` bits below.

    Examples
    --------
    >>> epsilon_code(1e-5, 16, Format.parse("sq8.8"))
    42950
    """
    return round(epsilon * n * n * 4.0**x_format.frac * (1 << EPSILON_FRAC))


def layernorm(
    x: Integers,
    gamma: Integers,
    beta: Integers,
    formats: NormFormats,
    *,
    epsilon: float = 1e-5,
    kind: str = "layer",
    code: int | None = None,
) -> Integers:
    """Return ``gamma * (x - mean) / sqrt(variance + epsilon) + beta`` of each row ``[rows, n]``.

    Nothing is divided by n: ``n*x - sum(x)`` and ``n*sum(x**2) - sum(x)**2`` are n times the
    deviation and n**2 times the variance, exactly. ``kind="rms"`` has no mean. The deviation in
    standard deviations is rounded to :data:`DEVIATION_FRAC` bits twice, the result once, half up.
    ``code`` is :func:`epsilon_code`'s result, instead of ``epsilon``.

    Examples
    --------
    >>> formats = NormFormats(*map(Format.parse, ("sq8.8", "sq4.12", "sq4.12", "sq6.10")))
    >>> one, zero = np.full(2, 4096), np.zeros(2, int)
    >>> layernorm(np.array([[256, -256]]), one, zero, formats)
    array([[ 1024, -1024]])
    """
    n = x.shape[1]
    total = x.sum(axis=1, keepdims=True) if kind == "layer" else np.zeros((len(x), 1), np.int64)
    squares = (x * x).sum(axis=1, keepdims=True)
    variance = n * squares - total * total
    code = epsilon_code(epsilon, n, formats.x) if code is None else code
    # Up to 62 bits and up to 63: the sum of the longest rows of the widest x fills 64.
    value = (variance << EPSILON_FRAC).astype(np.uint64) + np.uint64(code)
    mantissa, exponent = RootReciprocal()(value)

    # deviation * 2**(EPSILON_FRAC/2 - exponent), still to be multiplied by the mantissa.
    left = EPSILON_FRAC // 2 + DEVIATION_FRAC + 1
    wide = (n * x - total << left >> exponent) + 1 >> 1
    deviation = wide * mantissa + (1 << ROOT_FRAC - 1) >> ROOT_FRAC

    product_frac = DEVIATION_FRAC + formats.gamma.frac
    frac = max(product_frac, formats.beta.frac, formats.y.frac)
    value = (deviation * gamma << frac - product_frac) + (beta << frac - formats.beta.frac)
    return np.clip(rounded(value, frac - formats.y.frac), formats.y.low, formats.y.high)
