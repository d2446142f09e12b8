"""Number formats: integers ``s8``, ``u4``; fixed point ``sq4.12``, ``uq1.15``."""

import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import UsageError

__all__ = [
    "Format",
    "accumulator_width",
    "check_array",
    "check_values",
    "product_range",
    "signed_bits",
]


@dataclass(frozen=True)
class Format:
    """A two's complement or unsigned integer, read as ``integer * 2**-frac``.

    ``SQ(i, f)`` has ``i + f`` bits, the sign counted among the ``i`` (Amaranth RFC 41).

    Examples
    --------
    >>> Format.parse("s8").low, Format.parse("s8").high
    (-128, 127)
    >>> Format.parse("uq1.15")
    Format(signed=False, width=16, frac=15)
    >>> str(Format.parse("sq4.12")), str(Format(False, 4))
    ('sq4.12', 'u4')
    """

    signed: bool
    width: int
    frac: int = 0

    @classmethod
    def parse(cls, text: "str | Format") -> "Format":
        """Return the format that ``text`` names; :class:`UsageError` where it names none."""
        if isinstance(text, Format):
            return text
        match = re.fullmatch(r"([su])(?:(\d{1,3})|q(\d{1,3})\.(\d{1,3}))", str(text))
        if not match:
            raise UsageError(
                f"a format is written like s8, u4, sq4.12 or uq1.15, not {str(text)!r}"
            )
        sign, width, integer, frac = match.groups()
        if width is None:
            return cls(sign == "s", int(integer) + int(frac), int(frac))
        return cls(sign == "s", int(width))

    def __str__(self) -> str:
        sign = "s" if self.signed else "u"
        return (
            f"{sign}q{self.width - self.frac}.{self.frac}" if self.frac else f"{sign}{self.width}"
        )

    @property
    def low(self) -> int:
        """The least integer."""
        return -(1 << self.width - 1) if self.signed else 0

    @property
    def high(self) -> int:
        """The greatest integer."""
        return (1 << self.width - self.signed) - 1

    @property
    def dtype(self) -> np.dtype:
        """The smallest NumPy integer type that holds every value."""
        bits = next(bits for bits in (8, 16, 32, 64) if bits >= self.width)
        return np.dtype(f"{'' if self.signed else 'u'}int{bits}")

    def wrapped(self, integers: ArrayLike) -> NDArray[np.int64]:
        """Return the integers of this format whose bits are the low ones of ``integers``.

        Examples
        --------
        >>> Format.parse("s4").wrapped([7, 8, -9]), Format.parse("u4").wrapped(-1)
        (array([ 7, -8,  7]), array(15))
        """
        codes = np.asarray(integers, np.int64) & (1 << self.width) - 1
        return np.asarray(codes - (codes >> self.width - 1 << self.width) * self.signed)

    def real(self, integers: ArrayLike) -> NDArray[np.float64]:
        """Return the real values that ``integers`` stand for."""
        return np.asarray(integers) * 2.0**-self.frac


def product_range(a: Format | str, b: Format | str) -> tuple[int, int]:
    """Return the least and the greatest product of a value of ``a`` and one of ``b``.

    Examples
    --------
    >>> product_range("s8", "s8"), product_range("u8", "s8")
    ((-16256, 16384), (-32640, 32385))
    """
    a, b = Format.parse(a), Format.parse(b)
    corners = [x * y for x in (a.low, a.high) for y in (b.low, b.high)]
    return min(corners), max(corners)


def accumulator_width(a: Format | str, b: Format | str, products: int) -> int:
    """Return the bits of the narrowest signed sum that holds any ``products`` products.

    Examples
    --------
    >>> accumulator_width("s8", "s8", 131071), accumulator_width("s8", "s8", 131072)
    (32, 33)
    """
    return signed_bits(*(products * product for product in product_range(a, b)))


def signed_bits(low: int, high: int) -> int:
    """Return the bits of the narrowest two's complement number that holds ``low`` and ``high``.

    Examples
    --------
    >>> signed_bits(-128, 127), signed_bits(-129, 0), signed_bits(0, 128)
    (8, 9, 9)
    """
    return 1 + max((~low).bit_length(), high.bit_length())


def check_values(
    name: str, array: Any, fmt: Format, *, shape: tuple[int | None, ...] | None = None
) -> None:
    """Refuse ``array`` if its type, its (``None``: any length) shape or a value is not legal.

    Nothing is copied. An array that is not in memory yet tells its ``shape`` and ``dtype``, and
    its values in ``pieces()``: pairs of the flat index of the first one and the values, the first
    axis the fastest if it is ``fortran``.
    """
    array = array if hasattr(array, "pieces") else np.asarray(array)
    if array.dtype.kind not in "iub":
        raise UsageError(f"{name} must hold integers, not {array.dtype}")
    if shape is not None:
        wanted = "[" + ", ".join("any" if n is None else str(n) for n in shape) + "]"
        if array.ndim != len(shape) or any(
            want not in (None, got) for want, got in zip(shape, array.shape, strict=True)
        ):
            raise UsageError(f"{name} must have shape {wanted}, not {list(array.shape)}")
    if _holds(fmt, array.dtype):
        return
    for first, piece in array.pieces() if hasattr(array, "pieces") else [(0, array)]:
        if piece.size and (int(piece.min()) < fmt.low or int(piece.max()) > fmt.high):
            place, value = _first_bad(piece, fmt)
            order: Literal["C", "F"] = "F" if getattr(array, "fortran", False) else "C"
            sides: tuple[int, ...] = tuple(array.shape)
            index = np.unravel_index(first + place, sides, order) if sides else ()
            where = f"[{', '.join(str(int(i)) for i in index)}]" if sides else ""
            raise UsageError(f"{name}{where} is {value}, but {fmt} holds {fmt.low}..{fmt.high}")


def check_array(
    name: str, array: ArrayLike, fmt: Format, *, shape: tuple[int | None, ...] | None = None
) -> NDArray[np.int64]:
    """Return ``array`` as int64, once its type, values and (``None``: any length) shape pass.

    Examples
    --------
    >>> check_array("a", [[1, 2]], Format.parse("s8"), shape=(None, 2))
    array([[1, 2]])
    >>> check_array("a", [1, 200], Format.parse("s8"))
    Traceback (most recent call last):
    ...
    UsageError: a[1] is 200, but s8 holds -128..127
    """
    check_values(name, array, fmt, shape=shape)
    return np.asarray(array).astype(np.int64)


def _holds(fmt: Format, dtype: np.dtype) -> bool:
    """Return whether every value of ``dtype`` is one of ``fmt``."""
    if dtype.kind == "b":
        return fmt.high >= 1
    limits = np.iinfo(dtype)
    return fmt.low <= int(limits.min) and int(limits.max) <= fmt.high


def _first_bad(piece: NDArray[np.integer], fmt: Format) -> tuple[int, int]:
    """Return the flat index of the first value that ``fmt`` does not hold, and the value."""
    flat, step = piece.reshape(-1), 1 << 20
    for low in range(0, flat.size, step):
        part = flat[low : low + step]
        if (bad := (part < fmt.low) | (part > fmt.high)).any():
            place = int(bad.argmax())
            return low + place, int(part[place])
    raise AssertionError("no value is out of range")
