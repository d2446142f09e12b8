"""Requantization: wide accumulators to narrow results, rounded once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .codes import Code
from .errors import UsageError
from .formats import Format, check_array

__all__ = [
    "MAX_SHIFT",
    "ROUNDINGS",
    "STEP",
    "Requantization",
    "Rounding",
    "normalize_scale",
    "offset_width",
    "sum_width",
]


class Rounding(Code):
    """What happens to a quotient that lies halfway between two results."""

    HALF_EVEN = 0, "a tie goes to the even neighbor"
    HALF_UP = 1, "a tie goes to the greater neighbor"
    HALF_AWAY = 2, "a tie goes to the neighbor that is farther from zero"


ROUNDINGS = tuple(each.name.lower() for each in Rounding)

MAX_SHIFT = 63
"""The largest shift of any hardware, a row's added."""

BIAS = Format(True, 32)

STEP = 8
"""The hardware shifts by whole steps; :func:`normalize_scale` multiplies the rest of a shift in."""


@dataclass(frozen=True, kw_only=True)
class Requantization:
    """``y = clamp(round((acc + bias) * multiplier / 2**shift) + zero_point)``, column by column.

    The quotient is rounded once, to nearest; ``rounding`` says where ties go (:class:`Rounding`).
    The clamp is to ``low..high``, within ``format``. With settings by row too, the multiplier of an
    element is ``multiplier[n] * row_multiplier[m]`` and its shift ``shift[n] + row_shift[m]``.

    Made by :meth:`check` from what a user gives; ``bias``, ``multiplier`` and ``shift`` are int64
    ``[columns]``, ``row_multiplier`` and ``row_shift`` int64 ``[..., rows]`` or None.
    """

    bias: NDArray[np.int64]
    multiplier: NDArray[np.int64]
    shift: NDArray[np.int64]
    zero_point: int
    rounding: str
    format: Format
    low: int
    high: int
    row_multiplier: NDArray[np.int64] | None = None
    row_shift: NDArray[np.int64] | None = None

    @classmethod
    def check(
        cls,
        columns: int,
        *,
        bias: ArrayLike | None = None,
        multiplier: ArrayLike | None = None,
        shift: ArrayLike | None = None,
        zero_point: ArrayLike | None = None,
        row_multiplier: ArrayLike | None = None,
        row_shift: ArrayLike | None = None,
        rows: tuple[int, ...] = (),
        rounding: str = "half_even",
        c_format: Format | str | None = None,
        clamp: tuple[int, ...] | None = None,
        out_width: int = 32,
        multiplier_width: int = 16,
        max_shift: int = 47,
    ) -> "Requantization":
        """Return the requantization of ``columns`` columns.

        It raises :class:`UsageError` where it is not legal.
        ``rows`` is the shape of what is scaled less its columns: (M,) or (batch, M).

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
        scaled = _both(multiplier=multiplier, shift=shift)
        by_row = _both(row_multiplier=row_multiplier, row_shift=row_shift)
        if rounding not in ROUNDINGS:
            raise UsageError(f"--rounding must be one of {', '.join(ROUNDINGS)}, not {rounding!r}")
        fmt = _result_format(c_format, "s8" if scaled or by_row else "s32", out_width)
        low, high = _clamp(clamp, fmt)
        factors = Format(False, multiplier_width)
        column_shift = _shift("shift", 0 if shift is None else shift, max_shift, columns)
        rows_own = (
            _rows(row_multiplier, row_shift, rows, factors, max_shift, column_shift)
            if row_multiplier is not None and row_shift is not None
            else (None, None)
        )
        return cls(
            bias=_columns("bias", 0 if bias is None else bias, BIAS, columns, one=bias is None),
            multiplier=_columns(
                "multiplier", 1 if multiplier is None else multiplier, factors, columns
            ),
            shift=column_shift,
            zero_point=int(
                _columns("zero_point", 0 if zero_point is None else zero_point, fmt, 1)[0]
            ),
            rounding=rounding,
            format=fmt,
            low=low,
            high=high,
            row_multiplier=rows_own[0],
            row_shift=rows_own[1],
        )

    def __call__(self, acc: ArrayLike) -> NDArray[np.int64]:
        """Requantize ``acc`` ``[..., columns]`` of up to 62 bits; exact for every width."""
        total, multiplier, shift = np.asarray(acc, dtype=np.int64), self.multiplier, self.shift
        terms = {"total": total, "bias": self.bias, "multiplier": multiplier, "shift": shift}
        if self.row_multiplier is not None and self.row_shift is not None:
            terms["row_multiplier"] = self.row_multiplier[..., None]
            terms["row_shift"] = self.row_shift[..., None]
        if not _fits_int64(terms):
            terms = {name: value.astype(object) for name, value in terms.items()}
        multiplier = terms["multiplier"] * terms.get("row_multiplier", 1)
        shift = terms["shift"] + terms.get("row_shift", 0)
        product = (terms["total"] + terms["bias"]) * multiplier
        one = shift * 0 + 1
        half = (one << shift) >> 1
        raised = product + half
        rounded = raised >> shift
        tie = (half > 0) & (rounded << shift == raised)
        if self.rounding == "half_even":
            rounded = rounded - (tie & (rounded % 2 == 1))
        elif self.rounding == "half_away":
            rounded = rounded - (tie & (product < 0))
        return np.clip(rounded + self.zero_point, self.low, self.high).astype(np.int64)

    def normalized(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Normalize multipliers and shifts: what the hardware's requantizer is given."""
        return normalize_scale(self.multiplier, self.shift)


def normalize_scale(
    multiplier: ArrayLike, shift: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return ``(scaled, drop)`` with ``multiplier / 2**shift == scaled / 2**(STEP * (drop + 1))``.

    A fine shift to the left of the multiplier leaves only coarse ones to the right of the product:
    the multiplier's DSP block does most of the shifter's work, for ``STEP`` bits more.

    Examples
    --------
    >>> normalize_scale([5], [0]), normalize_scale([5], [11])
    ((array([1280]), array([0])), (array([160]), array([1])))
    """
    multiplier, shift = np.asarray(multiplier, np.int64), np.asarray(shift, np.int64)
    return multiplier << (STEP - shift % STEP), shift // STEP


def offset_width(acc_width: int) -> int:
    """Count the signed bits of a bias with the corrections of both operand zero points.

    Either correction is at most the accumulator's worst case, ``2**(acc_width - 1)``, and the bias
    has 32 bits.
    """
    return max(acc_width, 31) + 2


def sum_width(acc_width: int) -> int:
    """Count the signed bits of an accumulator with bias and corrections: what gets multiplied.

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


def _both(**given: ArrayLike | None) -> bool:
    """Return whether two inputs are there that need each other; refuse one without the other."""
    missing = [name for name, value in given.items() if value is None]
    if len(missing) == 1:
        (there,) = given.keys() - missing
        raise UsageError(f"{there} was given without {missing[0]}; give both or neither")
    return not missing


def _fits_int64(terms: dict[str, NDArray[np.int64]]) -> bool:
    """Tell whether 64 bits hold the product and its rounding; else they are Python's integers."""

    def largest(name: str, otherwise: int) -> int:
        value = terms.get(name)
        if value is None or not value.size:
            return otherwise
        return max(abs(int(value.min())), abs(int(value.max())))

    factor = largest("multiplier", 1) * largest("row_multiplier", 1)
    half = 1 << largest("shift", 0) + largest("row_shift", 0)
    return (largest("total", 0) + largest("bias", 0)) * factor + half < 1 << 62


def _shift(name: str, shift: ArrayLike, max_shift: int, columns: int) -> NDArray[np.int64]:
    _check_shift(name, shift, max_shift)
    return _columns(name, shift, Format(False, 16), columns)


def _check_shift(name: str, shift: ArrayLike, max_shift: int) -> None:
    values = np.asarray(shift)
    if values.dtype.kind in "iub" and ((values < 0) | (values > max_shift)).any():
        bad = next(int(value) for value in values.flat if not 0 <= value <= max_shift)
        raise UsageError(f"{name} must be in 0..{max_shift}, not {bad}")


def _rows(
    multiplier: ArrayLike,
    shift: ArrayLike,
    rows: tuple[int, ...],
    factors: Format,
    max_shift: int,
    column_shift: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Check settings by row and spread them to ``rows``, from ``[M]`` or ``[batch, M]``."""
    found = []
    for name, values, fmt in (
        ("row_multiplier", multiplier, factors),
        ("row_shift", shift, Format(False, 16)),
    ):
        values = np.asarray(values)
        if values.shape not in {rows, rows[-1:]}:
            allowed = " or ".join(str(list(each)) for each in dict.fromkeys((rows[-1:], rows)))
            raise UsageError(f"{name} must have shape {allowed}, not {list(values.shape)}")
        if name == "row_shift":
            _check_shift(name, values, max_shift)
        found.append(np.broadcast_to(check_array(name, values, fmt), rows))
    most = int(found[1].max(initial=0)) + int(column_shift.max(initial=0))
    if most > max_shift:
        raise UsageError(
            f"shift and row_shift must add up to at most {max_shift}, not {most}: --max-shift sets"
            " the hardware's"
        )
    return found[0], found[1]


def _columns(
    name: str, values: ArrayLike, fmt: Format, columns: int, *, one: bool = True
) -> NDArray[np.int64]:
    """Return ``values`` ``[columns]`` from ``[columns]`` or, if ``one`` will do, from ``[1]``."""
    values = np.atleast_1d(np.asarray(values))
    if values.shape != (columns,) and not (one and values.shape == (1,)):
        allowed = f"[{columns}]" if not one or columns == 1 else f"[1] or [{columns}]"
        raise UsageError(f"{name} must have shape {allowed}, not {list(values.shape)}")
    return np.broadcast_to(check_array(name, values, fmt), (columns,))
