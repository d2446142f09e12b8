"""Arrays where the hardware reaches them: used where they are, or copied to shared memory."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from gemmule.golden.common.errors import UsageError

from .buffers import Buffer, Pool

__all__ = [
    "LARGEST_SIDE",
    "LONGEST_STRIDE",
    "Operand",
    "array_of",
    "has_rows",
    "overlap",
    "placed",
    "shared",
    "span_of",
    "target_of",
]

LARGEST_SIDE = (1 << 24) - 1
"""Of a matrix."""

LONGEST_STRIDE = 1 << 31
"""Bytes from a row to the next are fewer."""


@dataclass
class Operand:
    """An array in shared memory: of products a matrix, or a batch of them.

    Attributes
    ----------
    array
        The elements, a view of shared memory.
    address
        Of the first element, as the hardware sees it.
    own
        What was made for it.
    """

    array: NDArray
    address: int
    pool: Pool
    own: list[Buffer] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.array) if self.array.ndim == 3 else 1

    @property
    def stride(self) -> int:
        """Bytes from a row to the next."""
        return self.array.strides[-2] if self.array.shape[-2] > 1 else 0

    def matrix(self, index: int) -> int:
        """Return the address of a matrix of the batch; one alone is in all places."""
        return self.address + (self.array.strides[0] * index if len(self) > 1 else 0)

    def for_device(self) -> None:
        """Hand it to the hardware."""
        self.pool.bus.for_device(*self.span)

    def for_host(self) -> None:
        """Hand it to the program."""
        self.pool.bus.for_host(*self.span)

    def free(self) -> None:
        """Give back what was made for it."""
        while self.own:
            self.own.pop().free()

    @property
    def span(self) -> tuple[int, int]:
        """The offset of its first byte in shared memory, and the bytes up to its last one."""
        found = span_of(self.pool, self.array)
        assert found is not None
        return found


def array_of(given: Any) -> NDArray:
    """Return what a user gives as an array."""
    return given.array if isinstance(given, Buffer) else np.asarray(given)


def span_of(pool: Pool, array: NDArray) -> tuple[int, int] | None:
    """Return the offset of an array's first byte in shared memory, and the bytes to its last one.

    None where it has none there, or not all of them.
    """
    if not array.size:
        return None
    low, high = np.lib.array_utils.byte_bounds(array)
    inside = _start(pool)
    return (low - inside, high - low) if inside <= low and high <= inside + pool.size else None


def shared(pool: Pool, array: NDArray, dtype: DTypeLike) -> Operand | None:
    """Return ``array`` as it lies in shared memory, None where it does not or is of other type."""
    if array.dtype != np.dtype(dtype) or span_of(pool, array) is None:
        return None
    first = array.__array_interface__["data"][0]
    return Operand(array, pool.bus.base + first - _start(pool), pool)


def placed(pool: Pool, array: NDArray, dtype: DTypeLike) -> Operand:
    """Return matrices where they are if they can stay there, else a copy; the hardware's."""
    operand = shared(pool, array, dtype) if has_rows(array) else None
    if operand is None:
        buffer = pool.alloc(array.shape, dtype)
        buffer.array[...] = array
        operand = Operand(buffer.array, buffer.address, pool, [buffer])
    operand.for_device()
    return operand


def has_rows(array: NDArray) -> bool:
    """Return whether matrices have whole rows, no further apart than commands can tell."""
    if array.ndim < 2:
        return False
    whole = array.shape[-1] == 1 or array.strides[-1] == array.itemsize
    return whole and abs(array.strides[-2]) < LONGEST_STRIDE


def target_of(
    pool: Pool,
    out: Any,
    shape: tuple[int, ...],
    dtype: np.dtype,
    usable: Callable[[NDArray], bool] = has_rows,
) -> Operand:
    """Return where a result goes: ``out`` if it is ``usable``, or memory of its own where None."""
    if out is None:
        buffer = pool.alloc(shape, dtype)
        target = Operand(buffer.array, buffer.address, pool, [buffer])
    else:
        array = array_of(out)
        good = array.shape == shape and usable(array)
        there = shared(pool, array, dtype) if good else None
        if there is None:
            raise UsageError(
                f"out must be an array of {list(shape)} {dtype} in shared memory with whole"
                f" rows, not of {list(array.shape)} {array.dtype}"
            )
        target = there
    target.for_device()  # no line of a cache may fall on what the hardware will have written
    return target


def overlap(first: Operand, second: Operand) -> bool:
    """Return whether two arrays have a byte in common, as far as that can be told soon."""
    work: Any = 10_000  # NumPy's types know only the two special ones
    with suppress(np.exceptions.TooHardError):
        return np.shares_memory(first.array, second.array, max_work=work)
    return False


def _start(pool: Pool) -> int:
    """Return where shared memory begins in this program."""
    return pool.bus.memory.__array_interface__["data"][0]
