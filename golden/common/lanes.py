"""Vectors of lanes as packed words: lane 0 in the low bits, little-endian 32-bit words."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Field",
    "from_words",
    "last_of",
    "numbers_to_words",
    "rows_to_words",
    "to_words",
    "words",
]

Field = tuple[ArrayLike, int]
"""Integers ``[beats]`` or ``[beats, lanes]``, and the bits that each one takes."""

Number = tuple[int, int]
"""One integer, and the bits that it takes."""

BLOCK = 1 << 21
"""Bits that are handled at once: what lies between beats and arrays takes no more memory."""

CONTAINERS = (8, 16, 32, 64)


def words(width: int) -> int:
    """Return the number of 32-bit words that hold ``width`` bits."""
    return -(-width // 32)


def last_of(count: int) -> NDArray[np.bool_]:
    """Mark the last of ``count`` beats of a packet."""
    return np.arange(count) == count - 1


def to_words(*parts: Field) -> NDArray[np.uint32]:
    """Return beats ``[beats, words]`` of fields, the first in the low bits; two's complement.

    Examples
    --------
    >>> to_words(([[1, -1]], 8), ([1], 1))  # two lanes of eight bits, then `last`
    array([[130817]], dtype=uint32)
    """
    fields = [(_lanes_of(values), width) for values, width in parts]
    count = len(fields[0][0])
    width = sum(values.shape[1] * each for values, each in fields)
    octets = np.zeros((count, 4 * words(width)), np.uint8)
    step = max(1, BLOCK // max(width, 1))
    for low in range(0, count, step):
        part = slice(low, low + step)
        _pack(octets[part], [(values[part], each) for values, each in fields])
    return octets.view("<u4").reshape(count, words(width))  # beats may be none


def rows_to_words(rows: Sequence[Sequence[Number]]) -> NDArray[np.uint32]:
    """Call :func:`to_words` for beats that are listed one by one, as ``(number, width)`` pairs.

    Examples
    --------
    >>> rows_to_words([[(3, 2), (1, 1)], [(0, 2), (1, 1)]]).tolist()
    [[7], [4]]
    """
    widths = [width for _, width in rows[0]]
    return to_words(*(([row[n][0] for row in rows], width) for n, width in enumerate(widths)))


def numbers_to_words(numbers: Iterable[int], width: int) -> NDArray[np.uint32]:
    """Return beats ``[beats, words]``, each a number of ``width`` bits, none of them negative.

    Examples
    --------
    >>> numbers_to_words([1, 1 << 32], 33).tolist()
    [[1, 0], [0, 1]]
    """
    octets = b"".join(number.to_bytes(4 * words(width), "little") for number in numbers)
    return np.frombuffer(octets, "<u4").reshape(-1, words(width))


def from_words(
    beats: NDArray[np.uint32], offset: int, width: int, lanes: int, *, signed: bool
) -> NDArray[np.int64]:
    """Return ``[beats, lanes]`` integers of ``width`` bits (up to 64), lane 0 at bit ``offset``.

    Examples
    --------
    >>> from_words(to_words(([[1, -1]], 8), ([1], 1)), 0, 8, 2, signed=True)
    array([[ 1, -1]])
    """
    count = len(beats)
    octets = np.ascontiguousarray(beats, dtype="<u4").view(np.uint8)
    octets = octets.reshape(count, 4 * beats.shape[1])  # beats may be none
    values = np.empty((count, lanes), np.int64)
    first, end = offset // 8, -(-(offset + lanes * width) // 8)
    step = max(1, BLOCK // max(1, lanes * width))
    for low in range(0, count, step):
        part = np.ascontiguousarray(octets[low : low + step, first:end])
        values[low : low + step] = _unpack(part, offset % 8, width, lanes, signed=signed)
    return values


def _pack(octets: NDArray[np.uint8], fields: Sequence[tuple[NDArray, int]]) -> None:
    """Fill ``octets``: whole ones are copied, others are put together bit by bit."""
    pending: list[NDArray] = []
    at, loose = 0, 0
    for values, width in fields:
        if width in CONTAINERS and not pending:
            made = np.ascontiguousarray(values.astype(f"<i{width // 8}")).view(np.uint8)
            octets[:, at : at + made.shape[1]] = made
            at += made.shape[1]
            continue
        pending.append(_bits(values, width))
        loose += pending[-1].shape[1]
        if loose % 8 == 0:
            at = _flush(octets, at, pending)
            loose, pending = 0, []
    if pending:
        _flush(octets, at, pending)


def _flush(octets: NDArray[np.uint8], at: int, columns: Sequence[NDArray[np.uint8]]) -> int:
    made = np.packbits(np.concatenate(columns, axis=1), axis=1, bitorder="little")
    octets[:, at : at + made.shape[1]] = made
    return at + made.shape[1]


def _unpack(
    octets: NDArray[np.uint8], offset: int, width: int, lanes: int, *, signed: bool
) -> NDArray[np.integer]:
    count = len(octets)
    if width in CONTAINERS and offset == 0:
        return octets.view(f"<{'i' if signed else 'u'}{width // 8}").reshape(count, lanes)
    bits = np.unpackbits(octets, axis=1, bitorder="little")[:, offset : offset + lanes * width]
    bits = bits.reshape(count, lanes, width)
    container = next(each for each in CONTAINERS if each >= width)
    full = np.zeros((count, lanes, container), np.uint8)
    full[..., :width] = bits
    if signed:
        full[..., width:] = bits[..., -1:]
    kind = "i" if signed else "u"
    made = np.packbits(full, axis=2, bitorder="little").view(f"<{kind}{container // 8}")
    return made.reshape(count, lanes)


def _lanes_of(values: ArrayLike) -> NDArray[np.integer]:
    """Return ``[beats, lanes]``, whatever a beat's values were shaped like."""
    values = np.atleast_1d(np.asarray(values))
    values = values if values.dtype.kind in "iub" else values.astype("<i8")
    values = values[:, None] if values.ndim == 1 else values
    return values.reshape(len(values), math.prod(values.shape[1:]))


def _bits(values: NDArray[np.integer], width: int) -> NDArray[np.uint8]:
    """Return ``[beats, lanes * width]``; widths beyond 64 bits are extended with the sign."""
    beats, lanes = values.shape
    container = next((each for each in CONTAINERS if each >= width), 64)
    made = np.ascontiguousarray(values.astype(f"<i{container // 8}"))
    octets = made.view(np.uint8).reshape(beats, lanes, container // 8)
    bits = np.unpackbits(octets, axis=2, bitorder="little")
    if width > 64:
        sign = np.repeat(bits[..., -1:], width - 64, axis=2)
        bits = np.concatenate([bits, sign], axis=2)
    return bits[..., :width].reshape(beats, lanes * width)
