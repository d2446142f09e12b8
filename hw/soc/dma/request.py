"""What the DMA is asked for, and what it hands over."""

from amaranth import unsigned
from amaranth.hdl import ShapeLike
from amaranth.lib import data, stream

__all__ = ["LENGTH_WIDTH", "read_stream", "request_layout", "write_done"]

LENGTH_WIDTH = 26
"""Bits of a request's length in bytes: a row of 2**24 elements of 4 bytes is one request."""


def request_layout(address_width: int) -> data.StructLayout:
    """Lay out ``length`` bytes, at least 1, from the byte ``address`` on: any of both."""
    return data.StructLayout({
        "address": unsigned(address_width),
        "length": unsigned(LENGTH_WIDTH),
    })


def read_stream(shape: ShapeLike) -> stream.Signature:
    """Describe the vectors that requests bring: ``ceil(length / bytes of a vector)`` each.

    ``last`` is on a request's last one, whose bytes beyond the length are of no meaning; ``error``
    on a vector of which a byte was answered by an error, or on one narrower than the bus, another
    byte of the same word of its request.
    """
    return stream.Signature(data.StructLayout({"data": shape, "last": 1, "error": 1}))


def write_done(address_width: int) -> data.StructLayout:
    """Lay out a pulse for each request whose bursts are all answered.

    ``error``: one was answered by an error, ``decode``: the first such by DECERR; ``address`` is
    that burst's.
    """
    return data.StructLayout({
        "valid": 1,
        "error": 1,
        "decode": 1,
        "address": unsigned(address_width),
    })
