"""How wide a request to an external memory is, and how many a memory holds."""

__all__ = ["ADDRESS_WIDTH", "LENGTH_WIDTH", "QUEUE"]

ADDRESS_WIDTH = 32
"""Bits of an address, which counts bytes."""

LENGTH_WIDTH = 20
"""Bits of a length, which counts elements."""

QUEUE = 4
"""Vectors to write, of a stream, that the simulated memory holds while their bytes wait."""
