"""Requests to an external memory: how wide they are, how many a memory holds, what they count."""

__all__ = ["ADDRESS_WIDTH", "LENGTH_WIDTH", "QUEUE", "element_size"]

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
