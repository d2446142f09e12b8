"""The N:M format: of each M consecutive weights along K, at most N, each with its place.

Bit by bit, for 2:4 and weights of ``w`` bits, group ``g`` of column ``n`` is ``2 * w + 4`` bits:

====================  =====================================================
bits                  hold
====================  =====================================================
``w - 1 : 0``         ``values[2 * g, n]``, two's complement or unsigned
``2w - 1 : w``        ``values[2 * g + 1, n]``
``2w + 1 : 2w``       ``indices[2 * g, n]``: its row is ``4 * g`` plus this
``2w + 3 : 2w + 2``   ``indices[2 * g + 1, n]``
====================  =====================================================

Indices ascend within a group. A group with fewer than two non-zeros is filled with the value 0 at
the lowest free places, so that a matrix has one encoding. With ``w`` = 8 a group of four weights
travels in 20 bits in place of 32: 0.625 of dense.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gemmule.golden.common.errors import UsageError

__all__ = ["TWO_FOUR", "Pattern", "compress", "expand", "gather", "group_words", "normalize"]


@dataclass(frozen=True)
class Pattern:
    """At most ``kept`` non-zeros in each group of ``size`` along K.

    Examples
    --------
    >>> Pattern.parse("4:8")
    Pattern(kept=4, size=8)
    >>> str(TWO_FOUR), TWO_FOUR.index_width, TWO_FOUR.groups(70)
    ('2:4', 2, 18)
    """

    kept: int
    size: int

    @classmethod
    def parse(cls, text: str) -> "Pattern":
        """Return the pattern that ``text``, as ``"2:4"``, names."""
        kept, _, size = text.partition(":")
        return cls(int(kept), int(size))

    def __str__(self) -> str:
        return f"{self.kept}:{self.size}"

    @property
    def index_width(self) -> int:
        """The bits of an index."""
        return (self.size - 1).bit_length()

    def groups(self, k: int) -> int:
        """Count the groups that cover ``k`` rows."""
        return -(-k // self.size)

    def group_width(self, width: int) -> int:
        """Count the bits of one group of weights of ``width`` bits."""
        return self.kept * (width + self.index_width)


TWO_FOUR = Pattern(2, 4)

Compressed = tuple[NDArray[np.int64], NDArray[np.int64]]
"""``values`` and ``indices``, both ``[..., groups * kept, N]``."""


def compress(b: ArrayLike, pattern: Pattern = TWO_FOUR) -> Compressed:
    """Return the values and indices of ``b`` ``[..., K, N]``; refuse one non-zero too many.

    Examples
    --------
    >>> values, indices = compress([[0], [7], [0], [-3], [5]])
    >>> values.ravel(), indices.ravel()
    (array([ 7, -3,  5,  0]), array([1, 3, 0, 1]))
    >>> compress([[1, 0], [2, 0], [0, 0], [3, 0]])
    Traceback (most recent call last):
    ...
    UsageError: b[3, 0] is 3, a non-zero too many: 2:4 keeps 2 of rows 0..3 in column 0
    """
    groups = _grouped(np.asarray(b, dtype=np.int64), pattern)
    filled = groups != 0
    excess = filled & (np.cumsum(filled, axis=-2) > pattern.kept)
    if excess.any():
        *batch, group, place, column = (int(i) for i in np.argwhere(excess)[0])
        first = group * pattern.size
        where = ", ".join(str(i) for i in (*batch, first + place, column))
        raise UsageError(
            f"b[{where}] is {groups[(*batch, group, place, column)]}, a non-zero too many: "
            f"{pattern} keeps {pattern.kept} of rows {first}..{first + pattern.size - 1} "
            f"in column {column}"
        )
    # A stable sort puts the non-zeros first, then the free places, each in ascending order.
    return gather(b, np.argsort(~filled, axis=-2, kind="stable")[..., : pattern.kept, :], pattern)


def gather(b: ArrayLike, places: NDArray, pattern: Pattern = TWO_FOUR) -> Compressed:
    """Return ``b`` at ``places`` ``[..., groups, kept, N]``, and these, both ascending."""
    places = np.sort(places, axis=-2)
    values = np.take_along_axis(_grouped(np.asarray(b), pattern), places, axis=-2)
    *lead, groups, kept, columns = places.shape
    shape = (*lead, groups * kept, columns)
    return values.reshape(shape), places.reshape(shape).astype(np.int64)


def expand(
    values: ArrayLike, indices: ArrayLike, pattern: Pattern = TWO_FOUR, *, k: int | None = None
) -> NDArray:
    """Return the matrix ``[..., K, N]``, of ``k`` rows if given, that the format stands for.

    Examples
    --------
    >>> expand([[7], [-3]], [[1], [3]]).ravel()
    array([ 0,  7,  0, -3])
    """
    values, indices = np.asarray(values), np.asarray(indices)
    *lead, rows, columns = values.shape
    split = (*lead, rows // pattern.kept, pattern.kept, columns)
    full = np.zeros((*lead, split[-3], pattern.size, columns), values.dtype)
    np.put_along_axis(full, indices.reshape(split), values.reshape(split), axis=-2)
    return full.reshape(*lead, -1, columns)[..., :k, :]


def normalize(values: ArrayLike, indices: ArrayLike, pattern: Pattern = TWO_FOUR) -> Compressed:
    """Return the one encoding of a compressed matrix given in any order, after checks.

    Examples
    --------
    >>> normalize([[5], [0]], [[3], [1]])
    (array([[0],
           [5]]), array([[0],
           [3]]))
    >>> normalize([[5], [6]], [[3], [3]])
    Traceback (most recent call last):
    ...
    UsageError: indices[1, 0] is 3 again: the 2 indices of a group must be distinct
    """
    values, indices = np.asarray(values, dtype=np.int64), np.asarray(indices)
    if indices.shape != values.shape:
        raise UsageError(
            f"indices must have the shape of values, {list(values.shape)}, "
            f"not {list(indices.shape)}"
        )
    if values.ndim < 2 or values.shape[-2] % pattern.kept:
        raise UsageError(
            f"values must have a multiple of {pattern.kept} rows, not shape {list(values.shape)}"
        )
    if indices.dtype.kind not in "iub":
        raise UsageError(f"indices must hold integers, not {indices.dtype}")
    indices = indices.astype(np.int64)
    _refuse(
        (indices < 0) | (indices >= pattern.size),
        indices,
        f"but an index must be 0..{pattern.size - 1}",
    )
    *lead, rows, columns = indices.shape
    split = indices.reshape(*lead, rows // pattern.kept, pattern.kept, columns)
    again = np.zeros(split.shape, bool)
    for late in range(1, pattern.kept):
        again[..., late, :] = (split[..., :late, :] == split[..., late : late + 1, :]).any(axis=-2)
    _refuse(
        again.reshape(indices.shape),
        indices,
        f"again: the {pattern.kept} indices of a group must be distinct",
    )
    return compress(expand(values, indices, pattern), pattern)


def group_words(
    values: ArrayLike, indices: ArrayLike, width: int, pattern: Pattern = TWO_FOUR
) -> NDArray[np.uint64]:
    """Return the bits of each group ``[..., groups, N]``, laid out as this module's head says.

    Examples
    --------
    >>> [hex(word) for word in group_words([[7], [-3]], [[1], [3]], 8).ravel()]
    ['0xdfd07']
    """
    parts = [(np.asarray(values), width), (np.asarray(indices), pattern.index_width)]
    word: NDArray[np.uint64] = np.zeros((), np.uint64)
    offset = 0
    for array, bits in parts:
        *lead, _, columns = array.shape
        split = array.astype(np.int64).reshape(*lead, -1, pattern.kept, columns)
        field = split.astype(np.uint64) & np.uint64((1 << bits) - 1)
        for place in range(pattern.kept):
            word = word | (field[..., place, :] << np.uint64(offset)).astype(np.uint64)
            offset += bits
    return word


def _grouped(b: NDArray, pattern: Pattern) -> NDArray:
    """Return ``[..., groups, size, N]``, rows added as zeros where K is no multiple of ``size``."""
    *lead, k, columns = b.shape
    groups = pattern.groups(k)
    missing = groups * pattern.size - k
    b = np.pad(b, [(0, 0)] * len(lead) + [(0, missing), (0, 0)]) if missing else b
    return b.reshape(*lead, groups, pattern.size, columns)


def _refuse(bad: NDArray, indices: NDArray, allowed: str) -> None:
    if bad.any():
        index = tuple(int(i) for i in np.argwhere(bad)[0])
        raise UsageError(f"indices[{', '.join(map(str, index))}] is {indices[index]} {allowed}")
