"""Arrays where the hardware reaches them: used where they are, or copied to shared memory."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .buffers import Buffer, Pool

__all__ = ["LONGEST_STRIDE", "Operand", "placed", "shared"]

LONGEST_STRIDE = 1 << 31
"""Bytes from a row to the next are fewer."""


@dataclass
class Operand:
    """A matrix, or a batch of them, in shared memory.

    Attributes
    ----------
    array
        The elements, ``[M, N]`` or ``[batch, M, N]``, a view of shared memory.
    address
        Of the first element, as the hardware sees it.
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
        low, high = np.lib.array_utils.byte_bounds(self.array)
        return low - _start(self.pool), high - low


def shared(pool: Pool, array: NDArray, dtype: DTypeLike) -> Operand | None:
    """Return ``array`` as it lies in shared memory, None where it does not or not as needed."""
    if array.dtype != np.dtype(dtype) or array.ndim not in (2, 3) or not array.size:
        return None
    inside = _start(pool)
    low, high = np.lib.array_utils.byte_bounds(array)
    if low < inside or high > inside + pool.bus.memory.size:
        return None
    if array.shape[-1] > 1 and array.strides[-1] != array.itemsize:
        return None
    if abs(array.strides[-2]) >= LONGEST_STRIDE:
        return None
    first = array.__array_interface__["data"][0]
    return Operand(array, pool.bus.base + first - inside, pool)


def placed(pool: Pool, array: NDArray, dtype: DTypeLike) -> Operand:
    """Return ``array`` where it is if it can stay there, else a copy; the hardware's either way."""
    operand = shared(pool, array, dtype)
    if operand is None:
        buffer = pool.alloc(array.shape, dtype)
        buffer.array[...] = array
        operand = Operand(buffer.array, buffer.address, pool, [buffer])
    operand.for_device()
    return operand


def _start(pool: Pool) -> int:
    """Return where shared memory begins in this program."""
    return pool.bus.memory.__array_interface__["data"][0]
