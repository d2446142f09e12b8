"""How far the hardware's softmax may be from the exact one: a bound that holds for every row."""

import numpy as np

from gemmule.golden.common.formats import Format

from .softmax import DELTA_FRAC, EXP_FORMAT, Reciprocal, exp_unit

__all__ = ["error_bound", "greatest_result"]


def greatest_result(in_format: Format, out_format: Format, coefficients: str = "exact") -> int:
    """Return the greatest probability before the clamp: of a row of one entry, or nearly so.

    Examples
    --------
    >>> greatest_result(Format.parse("sq7.9"), Format.parse("uq0.8"))
    256
    """
    top = int(exp_unit(in_format, coefficients)(np.array([0]))[0])
    inverse = Reciprocal()(top + np.arange(1 << 12), 1 << DELTA_FRAC)
    shift = EXP_FORMAT.frac + Reciprocal().frac - out_format.frac
    return (top * int(inverse.max()) + (1 << shift >> 1)) >> shift


def error_bound(
    in_format: Format, out_format: Format, length: int, coefficients: str = "exact"
) -> float:
    """Bound the error, in steps of the result, of rows of up to ``length`` entries.

    It holds for any delta up to 1.

    An exponential E comes as e with ``|e - E| <= flat + steep * E``, a sum of them as S, its
    inverse with an error of at most r. With p = E / sum of E, S and every sum being at least 1,

    ``|e / S - p| <= ((length + 1) * flat + 2 * steep) / (1 - steep - length * flat)``

    and the result adds r and half a step; where it is clamped, at most the part of 1 that is cut
    off takes their place. All the errors are those of the whole domain; of the many pairs of
    ``flat`` and ``steep`` that hold, one with a small bound is taken.

    Examples
    --------
    >>> round(error_bound(Format.parse("sq7.9"), Format.parse("uq1.15"), 64), 2)
    4.29
    """
    unit = exp_unit(in_format, coefficients)
    distance = np.arange(1 << in_format.width)
    made = EXP_FORMAT.real(unit(-distance))
    true = np.exp(-in_format.real(distance))
    error = np.abs(made - true)
    found = []
    for steep in (0.0, *2.0 ** -np.arange(5, 22, 0.25)):
        flat = float(np.maximum(error - steep * true, 0).max())
        rest = 1 - steep - length * flat
        if rest > 0:
            found.append(((length + 1) * flat + 2 * steep) / rest)
    absolute = min(found) + float(made.max()) * _inverse_error()
    steps = 0.5 + absolute * 2.0**out_format.frac
    if greatest_result(in_format, out_format, coefficients) > out_format.high:
        steps = max(steps, 2.0**out_format.frac - out_format.high)
    return float(steps)


def _inverse_error() -> float:
    """Return the greatest error of all sums and deltas.

    It is that of sums in [1, 2), which are the least, and half a unit.
    """
    reciprocal = Reciprocal()
    step = 1 << EXP_FORMAT.frac - reciprocal.mantissa_bits
    low = (1 << EXP_FORMAT.frac) + step * np.arange(1 << reciprocal.mantissa_bits)
    inverse = reciprocal(low, 1 << DELTA_FRAC) * 2.0**-reciprocal.frac
    ends = (EXP_FORMAT.real(low), EXP_FORMAT.real(low + step - 1))
    worst = max(float(np.abs(inverse - 1 / end).max()) for end in ends)
    return worst + 0.5 * 2.0**-reciprocal.frac
