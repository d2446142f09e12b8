"""Softmax over rows, as integers."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.common.codes import Code
from gemmule.golden.common.formats import Format

from .exponential import HeatvitExp, TwoTableExp, exponential
from .piecewise import Piecewise, fit
from .units import rounded

__all__ = [
    "CODES",
    "DELTA_FRAC",
    "EXP_FORMAT",
    "Reciprocal",
    "Refusal",
    "delta_code",
    "exp_unit",
    "softmax",
]

Integers = NDArray[np.int64]

EXP_FORMAT = Format(signed=False, width=21, frac=20)
"""An exponential, 0 to 1: so fine that 511 roundings to zero stay below a probability of 2**-11."""
DELTA_FRAC = 12
"""Fractional bits of delta."""
CODES = 16
"""Codes of the 4-bit logarithmic output."""


class Refusal(Code):
    """Why the hardware refuses a command."""

    NONE = 0, "carried out"
    ZERO_ROWS = 1, "rows is 0; such a command has no packets, and none is awaited"
    DELTA_TOO_LARGE = 2, "delta is above 4096, which stands for 1; the rows were thrown away"


@dataclass(frozen=True)
class Reciprocal:
    """``1 / sum`` with ``frac`` fractional bits, of a sum with ``EXP_FORMAT.frac``: 0 of 0.

    The sum is normalized to a mantissa in [1, 2) of ``mantissa_bits`` (what is below is cut off),
    a piecewise line gives its inverse, ``delta`` scales it, and the exponent shifts it, half up.
    """

    mantissa_bits: int = 16
    frac: int = 16

    @property
    def pieces(self) -> Piecewise:
        """The inverse of the mantissa, in (1/2, 1]."""
        return _inverse(self.mantissa_bits, self.frac)

    def __call__(self, total: Integers, delta: int) -> Integers:
        positive = np.maximum(total, 1)
        k = np.frexp(positive.astype(np.float64))[1].astype(np.int64) - 1
        # Below 1.0 no sum occurs: the greatest entry of a row contributes 1.
        mantissa = (positive << self.mantissa_bits >> k) - (1 << self.mantissa_bits)
        scaled = self.pieces(np.maximum(mantissa, 0)) * delta
        shift = k - EXP_FORMAT.frac + DELTA_FRAC
        inverse = scaled + (1 << np.maximum(shift, 1) >> 1) >> np.maximum(shift, 0)
        return np.where(total >= 1 << EXP_FORMAT.frac, inverse, 0)


@lru_cache(maxsize=4)
def _inverse(bits: int, frac: int) -> Piecewise:
    return fit(
        lambda p: 1 / (1 + p * 2.0**-bits), bits, frac, 0.0, degrees=(1,), segment_bits=(7, 7)
    )


@lru_cache(maxsize=64)
def exp_unit(in_format: Format, coefficients: str = "exact") -> TwoTableExp | HeatvitExp:
    """Build the exponential of the distance to the maximum.

    The distance is one bit wider than the input.
    """
    distance = Format(signed=True, width=in_format.width + 1, frac=in_format.frac)
    if coefficients == "heatvit":
        return HeatvitExp(distance, EXP_FORMAT)
    return exponential(distance, EXP_FORMAT, operand=EXP_FORMAT.frac, top=0)


def delta_code(delta: float, *, log2: bool = False) -> int:
    """Return ``delta`` as the hardware takes it; for logarithms divided by the square root of two.

    That moves the boundaries of the powers of two to where the logarithm rounds to the next.

    Examples
    --------
    >>> delta_code(0.5), delta_code(1.0, log2=True)
    (2048, 2896)
    """
    return round(delta / (math.sqrt(2) if log2 else 1) * (1 << DELTA_FRAC))


def softmax(
    x: Integers,
    in_format: Format,
    out_format: Format,
    *,
    mask: NDArray[np.bool_] | None = None,
    delta: float = 1.0,
    log2: bool = False,
    coefficients: str = "exact",
    code: int | None = None,
) -> Integers:
    """Return ``delta * exp(x - max) / sum`` of each row ``[rows, n]``, over what ``mask`` keeps.

    Masked entries are 0. With ``log2`` the result is ``clamp(round(-log2 p), 0, 15)``, the 4-bit
    code of Agile-Quant, and 15, the smallest, for masked entries. ``code`` is :func:`delta_code`'s
    result, instead of ``delta``.

    Examples
    --------
    >>> sq, uq = Format.parse("sq7.9"), Format.parse("uq1.15")
    >>> softmax(np.array([[0, 0]]), sq, uq)
    array([[16384, 16384]])
    >>> softmax(np.array([[0, 0, 512]]), sq, uq, log2=True)
    array([[2, 2, 1]])
    """
    kept = np.ones(x.shape, bool) if mask is None else np.broadcast_to(mask, x.shape).astype(bool)
    greatest = np.where(kept, x, in_format.low).max(axis=1, keepdims=True)
    powers = exp_unit(in_format, coefficients)(np.minimum(x - greatest, 0)) * kept
    reciprocal = Reciprocal()
    code = delta_code(delta, log2=log2) if code is None else code
    inverse = reciprocal(powers.sum(axis=1, keepdims=True), code)
    frac = EXP_FORMAT.frac + reciprocal.frac
    product = powers * inverse
    if not log2:
        return np.clip(rounded(product, frac - out_format.frac), out_format.low, out_format.high)
    leading = np.frexp(product.astype(np.float64))[1]
    return np.where(product == 0, CODES - 1, np.clip(frac - leading, 0, CODES - 1)).astype(np.int64)
