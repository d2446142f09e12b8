"""Requantization: wide accumulators to narrow results, rounded once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import UsageError
from .formats import Format, check_array

__all__ = ["ROUNDINGS", "STEP", "Requantization", "fold", "offset_width", "sum_width"]

ROUNDINGS = ("half_even", "half_up")

BIAS = Format(True, 32)

STEP = 8
"""The hardware shifts by whole steps; the rest of a shift is multiplied in: see :func:`fold`."""


@dataclass(frozen=True, kw_only=True)
class Requantization:
    """``y = clamp(round((acc + bias) * multiplier / 2**shift) + zero_point)``, column by column.

    The quotient is rounded once, to nearest; a tie goes to the even neighbor (``half_even``) or
    to the greater one (``half_up``). The clamp is to ``low..high``, within ``format``.

    Made by :meth:`check` from what a user gives; ``bias``, ``multiplier`` and ``shift`` are int64
    ``[columns]``.
    """

    bias: NDArray[np.int64]
    multiplier: NDArray[np.int64]
    shift: NDArray[np.int64]
    zero_point: int
    rounding: str
    format: Format
    low: int
    high: int

    @classmethod
    def check(
        cls,
        columns: int,
        *,
        bias: ArrayLike | None = None,
        multiplier: ArrayLike | None = None,
        shift: ArrayLike | None = None,
        zero_point: ArrayLike | None = None,
        rounding: str = "half_even",
        c_format: Format | str | None = None,
        clamp: tuple[int, ...] | None = None,
        out_width: int = 32,
        multiplier_width: int = 16,
        max_shift: int = 47,
    ) -> "Requantization":
        """The requantization of ``columns`` columns; :class:`UsageError` where it is not legal.

        Examples
        --------
        >>> scale = Requantization.check(3, multiplier=[1], shift=[1])
        >>> scale([[1, 3, -1], [-3, 5, 1000]])  # to s8; ties to even
        array([[  0,   2,   0],
               [ -2,   2, 127]])
        >>> Requantization.check(3, shift=[1])
        Traceback (most recent call last):
        ...
        UsageError: shift was given without multiplier; give both or neither
        """
        given = {"multiplier": multiplier, "shift": shift}
        missing = [name for name, value in given.items() if value is None]
        if len(missing) == 1:
            (there,) = given.keys() - missing
            raise UsageError(f"{there} was given without {missing[0]}; give both or neither")
        if rounding not in ROUNDINGS:
            raise UsageError(f"--rounding must be one of {', '.join(ROUNDINGS)}, not {rounding!r}")
        scaled = not missing
        fmt = _result_format(c_format, "s8" if scaled else "s32", out_width)
        low, high = _clamp(clamp, fmt)
        factors = Format(False, multiplier_width)
        return cls(
            bias=_columns("bias", 0 if bias is None else bias, BIAS, columns, one=bias is None),
            multiplier=_columns("multiplier", multiplier if scaled else 1, factors, columns),
            shift=_shift(shift if scaled else 0, columns, max_shift),
            zero_point=int(
                _columns("zero_point", 0 if zero_point is None else zero_point, fmt, 1)[0]
            ),
            rounding=rounding,
            format=fmt,
            low=low,
            high=high,
        )

    def __call__(self, acc: ArrayLike) -> NDArray[np.int64]:
        """Requantize ``acc`` ``[..., columns]`` of up to 62 bits; exact for every width."""
        total = np.asarray(acc, dtype=np.int64) + self.bias
        largest = int(np.abs(total).max(initial=0)) * int(self.multiplier.max(initial=0))
        # Python's integers where the product and its rounding might pass 63 bits.
        wide = largest + (1 << int(self.shift.max(initial=0))) >= 1 << 62
        product = (total.astype(object) if wide else total) * self.multiplier
        half = (1 << self.shift) >> 1
        raised = product + half
        rounded = raised >> self.shift
        if self.rounding == "half_even":
            tie = (half > 0) & (rounded << self.shift == raised)
            rounded = rounded - (tie & (rounded % 2 == 1))
        return np.clip(rounded + self.zero_point, self.low, self.high).astype(np.int64)

    def folded(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """:func:`fold` of the multipliers and shifts: what the hardware's requantizer is given."""
        return fold(self.multiplier, self.shift)


def fold(multiplier: ArrayLike, shift: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """``(scaled, drop)`` with ``multiplier / 2**shift == scaled / 2**(STEP * (drop + 1))``.

    A fine shift to the left of the multiplier leaves only coarse ones to the right of the product:
    the multiplier's DSP block does most of the shifter's work, for ``STEP`` bits more.

    Examples
    --------
    >>> fold([5], [0]), fold([5], [11])
    ((array([1280]), array([0])), (array([160]), array([1])))
    """
    multiplier, shift = np.asarray(multiplier), np.asarray(shift)
    return multiplier << (STEP - shift % STEP), shift // STEP


def offset_width(acc_width: int) -> int:
    """Signed bits of a bias with the corrections of both operand zero points.

    Either correction is at most the accumulator's worst case, ``2**(acc_width - 1)``, and the bias
    has 32 bits.
    """
    return max(acc_width, 31) + 2


def sum_width(acc_width: int) -> int:
    """Signed bits of an accumulator with bias and corrections, which is what gets multiplied.

    Operands less their zero points are at most twice as large, products four times.
    """
    return max(acc_width, 30) + 3


def _result_format(c_format: Format | str | None, default: str, out_width: int) -> Format:
    fmt = Format.parse(default if c_format is None else c_format)
    if not 1 <= fmt.width <= out_width or fmt.frac > fmt.width:
        raise UsageError(
            f"--c-format {fmt} is {fmt.width} bits wide, but the hardware's --out-width allows"
            f" 1 to {out_width}"
        )
    return fmt


def _clamp(clamp: tuple[int, ...] | None, fmt: Format) -> tuple[int, int]:
    if clamp is None:
        return fmt.low, fmt.high
    clamp = tuple(clamp)
    if len(clamp) != 2 or not fmt.low <= clamp[0] <= clamp[1] <= fmt.high:
        given = ",".join(map(str, clamp))
        raise UsageError(
            f"--clamp must be LOW,HIGH with {fmt.low} <= LOW <= HIGH <= {fmt.high} ({fmt}),"
            f" not {given}"
        )
    return clamp[0], clamp[1]


def _shift(shift: ArrayLike, columns: int, max_shift: int) -> NDArray[np.int64]:
    values = np.atleast_1d(np.asarray(shift))
    if values.dtype.kind in "iub" and ((values < 0) | (values > max_shift)).any():
        bad = next(int(value) for value in values.flat if not 0 <= value <= max_shift)
        raise UsageError(f"shift must be in 0..{max_shift}, not {bad}")
    return _columns("shift", values, Format(False, 16), columns)


def _columns(
    name: str, values: ArrayLike, fmt: Format, columns: int, *, one: bool = True
) -> NDArray[np.int64]:
    """``values`` ``[columns]`` from ``[columns]`` or, if ``one`` will do, from ``[1]``."""
    values = np.atleast_1d(np.asarray(values))
    if values.shape != (columns,) and not (one and values.shape == (1,)):
        allowed = f"[{columns}]" if not one or columns == 1 else f"[1] or [{columns}]"
        raise UsageError(f"{name} must have shape {allowed}, not {list(values.shape)}")
    return np.broadcast_to(check_array(name, values, fmt), (columns,))
