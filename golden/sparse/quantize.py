"""int8 and FP8 (E4M3) weights with one scale a row."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gemmule.golden.common.errors import UsageError

__all__ = ["E4M3_MAX", "TARGETS", "dequantize", "from_e4m3", "row_scales", "to_codes", "to_e4m3"]

E4M3_MAX = 448.0
"""The greatest value of E4M3 without infinities."""

TARGETS = {"int8": 127.0, "fp8": E4M3_MAX}
"""What the largest weight of a row becomes."""


def to_e4m3(x: ArrayLike) -> NDArray[np.uint8]:
    """Return the nearest E4M3 codes of ``x``: ties to even, saturating at 448 in place of NaN.

    The code is sign, four bits of exponent with bias 7, three of mantissa: bits 31, 30 to 23 and 22
    to 20 of a rounded float32 with its exponent moved by 120; below 2**-6 in steps of 2**-9.

    Examples
    --------
    >>> [hex(code) for code in to_e4m3([1.0, -448.0, 1e9, 2.0**-9, 17.0, 19.0])]
    ['0x38', '0xfe', '0x7e', '0x1', '0x58', '0x5a']
    """
    x = np.asarray(x, dtype=np.float32)
    size = np.minimum(np.abs(x), np.float32(E4M3_MAX))
    bits = size.view(np.uint32)
    normal = (bits + (0x7FFFF + (bits >> 20 & 1)) >> 20).astype(np.int32) - (120 << 3)
    small = np.rint(size * np.float32(512)).astype(np.int32)
    code = np.where(size < np.float32(2.0**-6), small, normal)
    return (code | np.signbit(x).astype(np.int32) << 7).astype(np.uint8)


def from_e4m3(codes: ArrayLike) -> NDArray[np.float32]:
    """Return the values of E4M3 codes.

    Examples
    --------
    >>> from_e4m3(np.array([0x38, 0xFE, 0x01], np.uint8)).tolist()
    [1.0, -448.0, 0.001953125]
    """
    codes = np.asarray(codes, dtype=np.int32)
    exponent, mantissa = codes >> 3 & 15, codes & 7
    size = np.where(
        exponent > 0, np.ldexp(1 + mantissa / 8, exponent - 7), np.ldexp(mantissa / 8, -6)
    )
    return np.where(codes & 128, -size, size).astype(np.float32)


def row_scales(w: NDArray, target: str) -> NDArray[np.float32]:
    """Return what one unit stands for in each row ``[out]``.

    The row's largest weight meets the limit.

    Examples
    --------
    >>> row_scales(np.array([[127.0, -254.0]]), "int8")
    array([2.], dtype=float32)
    """
    if target not in TARGETS:
        raise UsageError(f"target must be one of {', '.join(TARGETS)}, not {target!r}")
    largest = np.maximum(w.max(axis=-1), -w.min(axis=-1)).astype(np.float32)
    scales: NDArray[np.float32] = np.where(largest > 0, largest, np.float32(1))
    return scales / np.float32(TARGETS[target])


def to_codes(scaled: NDArray, target: str) -> NDArray:
    """Return codes of weights that have been divided by their scale: int8, or E4M3 in uint8."""
    if target == "fp8":
        return to_e4m3(scaled)
    return np.clip(np.rint(scaled), -127, 127).astype(np.int8)


def dequantize(codes: NDArray, scales: NDArray, target: str) -> NDArray[np.float32]:
    """Return the weights ``[out, in]`` that ``codes`` and ``scales`` ``[out]`` stand for.

    Examples
    --------
    >>> dequantize(np.array([[3]], np.int8), np.array([0.5]), "int8")
    array([[1.5]])
    """
    values = from_e4m3(codes) if target == "fp8" else codes
    return values * scales[:, None]
