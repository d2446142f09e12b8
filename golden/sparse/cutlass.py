"""2:4 weights in the layout of CUTLASS, as PyTorch's ``_semi_structured_conversions`` gives it.

CUTLASS stores the transpose of our ``b``: row ``n`` of ``kept`` ``[N, K/2]`` holds column ``n``.
Indices travel in ``meta`` ``[N, K / (2 * q)]`` of signed words, ``q`` = 8 groups in an int32 beside
8-bit weights and 4 in an int16 beside 16-bit ones: the group ``g`` of a row is the nibble
``g mod q``, its first index the low two bits. These words are then permuted: with the rows written
as ``block, s, t`` (``t`` of 8, ``s`` of 2 or 4), bit 0 of ``s`` and bit 0 of the word's column
change places, ``t`` moves above ``s``, and pairs of columns lie one after the other.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gemmule.golden.common.errors import UsageError

from .format import Compressed, expand, gather, normalize

__all__ = ["from_cutlass", "to_cutlass"]

_META: dict[int, tuple[type[np.signedinteger], int]] = {8: (np.int32, 16), 16: (np.int16, 32)}
"""Weight width to the type of a word of indices, and the rows that its permutation spans."""


def to_cutlass(values: ArrayLike, indices: ArrayLike, width: int = 8) -> tuple[NDArray, NDArray]:
    """Return ``kept`` and ``meta`` for our ``values`` and ``indices`` ``[K/2, N]``.

    Groups with fewer than two non-zeros are filled as PyTorch fills them, not as we do, so the
    result equals ``sparse_semi_structured_from_dense_cutlass`` word by word.

    Examples
    --------
    >>> values, indices = np.ones((32, 16), int), np.tile([[0], [1]], (16, 16))
    >>> kept, meta = to_cutlass(values, indices)
    >>> kept.shape, meta.shape, hex(meta[0, 0])
    ((16, 32), (16, 2), '0x44444444')
    """
    dtype, span = _layout(width)
    b = expand(*normalize(values, indices))
    per_word = dtype().itemsize * 2
    k, n = b.shape
    if n % span or k % (8 * per_word):
        raise UsageError(
            f"CUTLASS's layout of {width}-bit weights needs N a multiple of {span} and K of "
            f"{8 * per_word}, not N = {n} and K = {k}"
        )
    kept, places = gather(b, _torch_places(b != 0))
    pairs = places.T.reshape(n, k // 4, 2)
    nibbles = (pairs[..., 0] | pairs[..., 1] << 2).reshape(n, -1, per_word)
    words = (nibbles << 4 * np.arange(per_word)).sum(axis=-1)
    mixed = words.reshape(n // span, span // 16, 2, 8, -1, 2).transpose(4, 0, 3, 1, 5, 2)
    return kept.T.copy(), mixed.reshape(n, -1).astype(dtype)


def from_cutlass(kept: ArrayLike, meta: ArrayLike, width: int = 8) -> Compressed:
    """Return our ``values`` and ``indices`` for a matrix in CUTLASS's layout.

    Examples
    --------
    >>> values, indices = np.ones((32, 16), int), np.tile([[1], [3]], (16, 16))
    >>> all(np.array_equal(x, y) for x, y in
    ...     zip(from_cutlass(*to_cutlass(values, indices)), (values, indices)))
    True
    """
    dtype, span = _layout(width)
    kept, meta = np.asarray(kept), np.asarray(meta)
    n, per_word = len(meta), dtype().itemsize * 2
    if meta.ndim != 2 or n % span or meta.shape[1] % 2:
        raise UsageError(
            f"meta must have a multiple of {span} rows and an even number of columns, "
            f"not shape {list(meta.shape)}"
        )
    if kept.shape != (n, meta.shape[1] * per_word * 2):
        raise UsageError(
            f"kept must have shape {[n, meta.shape[1] * per_word * 2]}, not {list(kept.shape)}"
        )
    mixed = meta.astype(np.int64).reshape(-1, n // span, 8, span // 16, 2, 2)
    words = mixed.transpose(1, 3, 5, 2, 0, 4).reshape(n, -1, 1)
    nibbles = (words >> 4 * np.arange(per_word)).reshape(n, -1)
    places = np.stack([nibbles & 3, nibbles >> 2 & 3], axis=-1).reshape(n, -1)
    return normalize(kept.T, places.T)


def _torch_places(filled: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the two places ``[groups, 2, N]`` that PyTorch keeps: empty slots go to the back."""
    first, second, _, fourth = filled.reshape(-1, 4, filled.shape[-1]).swapaxes(0, 1)
    low = np.where(first, 0, np.where(second, 1, 2))
    high = np.where(first & second, 1, np.where(fourth | (low == 2), 3, 2))
    return np.stack([low, high], axis=1)


def _layout(width: int) -> tuple[type[np.signedinteger], int]:
    if width not in _META:
        raise UsageError(f"CUTLASS's layout is for weights of 8 or 16 bits, not {width}")
    return _META[width]
