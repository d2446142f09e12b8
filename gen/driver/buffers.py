"""Buffers in the memory that the hardware shares, and who has which part of it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike, NDArray

from gemmule.golden.common.errors import UsageError

from .buses.bus import Bus

__all__ = ["ALIGNMENT", "Buffer", "Pool"]

ALIGNMENT = 64
"""Bytes: buffers begin and end between cache lines, so that none shares a line with another."""


class Buffer:
    """An array in shared memory. As a context manager it is given back at the end.

    What the program writes to ``array`` is the hardware's after :meth:`for_device`; what the
    hardware wrote is the program's after :meth:`for_host`.

    Attributes
    ----------
    array : NDArray, a view of the bus's memory
    address : int, of its first byte as the hardware sees it
    """

    def __init__(self, pool: "Pool", offset: int, length: int, array: NDArray):
        self._pool: Pool | None = pool
        self._offset = offset
        self._length = length
        self._bus = pool.bus
        self.array = array
        self.address = pool.bus.base + offset

    def __enter__(self) -> "Buffer":
        return self

    def __exit__(self, *_: object) -> None:
        self.free()

    def for_device(self, start: int = 0, length: int | None = None) -> None:
        """Hand the buffer to the hardware, or ``length`` bytes of it from ``start`` on."""
        self._bus.for_device(self._offset + start, self.array.nbytes if length is None else length)

    def for_host(self, start: int = 0, length: int | None = None) -> None:
        """Hand the buffer to the program, or ``length`` bytes of it from ``start`` on."""
        self._bus.for_host(self._offset + start, self.array.nbytes if length is None else length)

    def free(self) -> None:
        """Give the memory back; the hardware must have done with it. Twice does no harm."""
        if self._pool is not None:
            self._pool.release(self._offset, self._length)
            self._pool = None


class Pool:
    """The shared memory of a bus, given out first fit."""

    def __init__(self, bus: Bus):
        self.bus = bus
        self.size = bus.memory.size
        first = -bus.base % ALIGNMENT
        self._free = [(first, (bus.memory.size - first) // ALIGNMENT * ALIGNMENT)]

    def alloc(self, shape: int | Sequence[int], dtype: DTypeLike) -> Buffer:
        """Return a buffer for an array; its bytes are whatever was there."""
        dtype = np.dtype(dtype)
        sides = (shape,) if isinstance(shape, int) else tuple(shape)
        octets = int(np.prod(sides, dtype=object)) * dtype.itemsize if sides else dtype.itemsize
        length = max(ALIGNMENT, -(-octets // ALIGNMENT) * ALIGNMENT)
        for index, (offset, room) in enumerate(self._free):
            if room < length:
                continue
            rest = [(offset + length, room - length)] if room > length else []
            self._free[index : index + 1] = rest
            view = self.bus.memory[offset : offset + octets]
            return Buffer(self, offset, length, np.asarray(view).view(dtype).reshape(sides))
        most = max((room for _, room in self._free), default=0)
        raise UsageError(
            f"a buffer of {length} bytes does not fit: of {self.bus.memory.size} bytes of shared"
            f" memory at most {most} are free in one piece"
        )

    def release(self, offset: int, length: int) -> None:
        """Take memory back, and join it with what is free beside it."""
        joined: list[tuple[int, int]] = []
        for start, room in sorted([*self._free, (offset, length)]):
            if joined and sum(joined[-1]) == start:
                joined[-1] = joined[-1][0], joined[-1][1] + room
            else:
                joined.append((start, room))
        self._free = joined
