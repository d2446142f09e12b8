"""How a block asks an external memory for data, or hands data to it."""

from amaranth import unsigned
from amaranth.lib import data

from gemmule.golden.common.memory import ADDRESS_WIDTH, LENGTH_WIDTH

__all__ = ["request_layout"]


def request_layout() -> data.StructLayout:
    """Lay out ``length`` elements of ``2**size`` bytes from the byte ``address`` on.

    A stream of requests has a stream of vectors beside it. Read: the vectors of all lanes that the
    elements fill, in order, ``last`` on a request's last one. Write: the next vector's first
    ``length`` lanes. Elements lie in memory with the low byte first.
    """
    return data.StructLayout({
        "address": unsigned(ADDRESS_WIDTH),
        "length": unsigned(LENGTH_WIDTH),
        "size": unsigned(2),
    })
