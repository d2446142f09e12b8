"""Vectors of lanes as packed words: lane 0 in the low bits, little-endian 32-bit words."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Field", "last_of", "pack", "pack_rows", "unpack", "words"]

Field = tuple[ArrayLike, int]
"""Integers ``[beats]`` or ``[beats, lanes]``, and the bits that each one takes."""


def words(width: int) -> int:
    """How many 32-bit words hold ``width`` bits."""
    return -(-width // 32)


def last_of(count: int) -> NDArray[np.bool_]:
    """Marks the last of ``count`` beats of a packet."""
    return np.arange(count) == count - 1


def pack(*parts: Field) -> NDArray[np.uint32]:
    """Beats ``[beats, words]`` from fields, the first in the low bits; two's complement.

    Examples
    --------
    >>> pack(([[1, -1]], 8), ([1], 1))  # two lanes of eight bits, then `last`
    array([[130817]], dtype=uint32)
    """
    columns = [_bits(values, width) for values, width in parts]
    bits = np.concatenate(columns, axis=1)
    beats, width = bits.shape
    bits = np.pad(bits, ((0, 0), (0, 32 * words(width) - width)))
    octets = np.packbits(bits, axis=1, bitorder="little")
    return octets.view("<u4").reshape(beats, words(width))  # beats may be none


def pack_rows(rows: Sequence[Sequence[tuple[int, int]]]) -> NDArray[np.uint32]:
    """:func:`pack` of beats told one by one: of each its numbers and their widths.

    Examples
    --------
    >>> pack_rows([[(3, 2), (1, 1)], [(0, 2), (1, 1)]]).tolist()
    [[7], [4]]
    """
    widths = [width for _, width in rows[0]]
    return pack(*(([row[n][0] for row in rows], width) for n, width in enumerate(widths)))


def unpack(
    beats: NDArray[np.uint32], offset: int, width: int, lanes: int, *, signed: bool
) -> NDArray[np.int64]:
    """``[beats, lanes]`` integers of ``width`` bits (up to 64), lane 0 at bit ``offset``.

    Examples
    --------
    >>> unpack(pack(([[1, -1]], 8), ([1], 1)), 0, 8, 2, signed=True)
    array([[ 1, -1]])
    """
    count = len(beats)
    octets = np.ascontiguousarray(beats, dtype="<u4").view(np.uint8)
    octets = octets.reshape(count, 4 * beats.shape[1])  # beats may be none
    bits = np.unpackbits(octets, axis=1, bitorder="little")[:, offset : offset + lanes * width]
    bits = bits.reshape(count, lanes, width)
    fill = bits[..., -1:] if signed else np.zeros_like(bits[..., -1:])
    full = np.concatenate([bits, np.repeat(fill, 64 - width, axis=2)], axis=2)
    return np.packbits(full, axis=2, bitorder="little").view("<i8").reshape(count, lanes)


def _bits(values: ArrayLike, width: int) -> NDArray[np.uint8]:
    values = np.atleast_1d(np.asarray(values)).astype("<i8")
    values = values[:, None] if values.ndim == 1 else values
    values = values.reshape(len(values), math.prod(values.shape[1:]))
    beats, lanes = values.shape
    octets = np.ascontiguousarray(values).view(np.uint8).reshape(beats, lanes, 8)
    bits = np.unpackbits(octets, axis=2, bitorder="little")
    if width > 64:
        sign = np.repeat(bits[..., -1:], width - 64, axis=2)
        bits = np.concatenate([bits, sign], axis=2)
    return bits[..., :width].reshape(beats, lanes * width)
