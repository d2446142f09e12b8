"""Requests to an external memory: how wide they are, how many a memory holds, what they count."""

from dataclasses import dataclass
from typing import Protocol

__all__ = ["ADDRESS_WIDTH", "LENGTH_WIDTH", "QUEUE", "Octets", "Region", "element_size"]

ADDRESS_WIDTH = 32
"""Bits of an address, which counts bytes."""

LENGTH_WIDTH = 20
"""Bits of a length, which counts elements."""

QUEUE = 4
"""Vectors to write, of a stream, that the simulated memory holds while their bytes wait."""


def element_size(width: int) -> int:
    """Return the power of 2 of the bytes that an element of so many bits takes in memory.

    Examples
    --------
    >>> element_size(4), element_size(9), element_size(32)
    (0, 1, 2)
    """
    return max(0, (width - 1).bit_length() - 3)


class Octets(Protocol):
    """A memory of bytes."""

    def read(self, address: int, count: int) -> bytes:
        """Return the bytes from an address on."""

    def write(self, address: int, octets: bytes) -> None:
        """Write bytes from an address on."""


@dataclass(frozen=True)
class Region:
    """The ``length`` bytes of a memory from ``base`` on; addresses within count from there."""

    memory: Octets
    base: int
    length: int

    def holds(self, address: int, count: int) -> bool:
        """Return whether all of ``count`` bytes are inside.

        Examples
        --------
        >>> region = Region(memory=..., base=1000, length=8)
        >>> region.holds(4, 4), region.holds(5, 4)
        (True, False)
        """
        return address + count <= self.length

    def read(self, address: int, count: int) -> bytes:
        """Return the bytes from an address on."""
        return self.memory.read(self.base + address, count)

    def write(self, address: int, octets: bytes) -> None:
        """Write bytes from an address on."""
        self.memory.write(self.base + address, octets)
