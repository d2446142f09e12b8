"""Memory as the accelerator sees it: bytes from a base address on, and matrices among them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.common.formats import Format

from .commands import Cause

__all__ = ["BusError", "Matrix", "MemoryImage"]


class BusError(Exception):
    """An access was answered by an error."""

    def __init__(self, cause: Cause, address: int):
        super().__init__(f"{cause.text}: {address:#x}")
        self.cause = cause
        self.address = address


@dataclass(frozen=True)
class Matrix:
    """Rows of ``columns`` elements of ``octets`` bytes, ``stride`` bytes apart, maybe negative."""

    address: int
    stride: int
    rows: int
    columns: int
    octets: int

    @property
    def row_octets(self) -> int:
        """Bytes of a row."""
        return self.columns * self.octets

    @property
    def span(self) -> tuple[int, int]:
        """The addresses of the first byte of all and of the last one.

        Examples
        --------
        >>> Matrix(address=100, stride=-16, rows=3, columns=5, octets=2).span
        (68, 109)
        """
        end = self.address + (self.rows - 1) * self.stride
        return min(self.address, end), max(self.address, end) + self.row_octets - 1

    def row_addresses(self) -> Iterator[int]:
        """Yield the address of each row."""
        return (self.address + row * self.stride for row in range(self.rows))


class MemoryImage:
    """Bytes from the address ``base`` on; whatever else is accessed is answered by DECERR.

    Parameters
    ----------
    octets : uint8, ``[any]``
    base : address of the first
    """

    def __init__(self, octets: NDArray[np.uint8], base: int = 0):
        self.octets = octets
        self.base = base

    def read(self, address: int, count: int) -> bytes:
        """Return ``count`` bytes; :class:`BusError` names the first that is not there."""
        low = self._place(address, count, Cause.READ_DECODE)
        return self.octets[low : low + count].tobytes()

    def write(self, address: int, octets: bytes) -> None:
        """Write bytes; :class:`BusError` names the first that is not there, and none is written."""
        low = self._place(address, len(octets), Cause.WRITE_DECODE)
        self.octets[low : low + len(octets)] = np.frombuffer(octets, np.uint8)

    def read_matrix(self, matrix: Matrix, *, signed: bool, width: int) -> NDArray[np.int64]:
        """Return the elements' low ``width`` bits, ``[rows, columns]``."""
        rows = [self.read(address, matrix.row_octets) for address in matrix.row_addresses()]
        numbers = np.frombuffer(b"".join(rows), np.dtype(f"<u{matrix.octets}"))
        return Format(signed, width).wrapped(numbers).reshape(matrix.rows, matrix.columns)

    def write_matrix(self, matrix: Matrix, numbers: NDArray[np.int64]) -> None:
        """Write the low bytes of ``numbers``, row by row: where rows overlap, the last one wins."""
        cut = numbers.astype(np.dtype(f"<i{matrix.octets}"))
        for address, row in zip(matrix.row_addresses(), cut, strict=True):
            self.write(address, row.tobytes())

    def _place(self, address: int, count: int, cause: Cause) -> int:
        low = address - self.base
        if low < 0:
            raise BusError(cause, address)
        if low + count > self.octets.size:
            raise BusError(cause, max(address, self.base + self.octets.size))
        return low
