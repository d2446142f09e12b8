"""The payloads that streams carry between blocks: vectors of lanes, packets, and their shapes."""

from amaranth import Shape, signed, unsigned
from amaranth.hdl import ShapeLike
from amaranth.lib import data, stream

from gemmule.golden.common.formats import Format

__all__ = ["packet", "packet_stream", "shape_of", "vector"]


def shape_of(fmt: Format) -> Shape:
    """Return the Amaranth shape of a number format."""
    return signed(fmt.width) if fmt.signed else unsigned(fmt.width)


def vector(fmt: Format, lanes: int) -> data.ArrayLayout:
    """Lay out ``[lanes] x fmt``, lane 0 in the low bits."""
    return data.ArrayLayout(shape_of(fmt), lanes)


def packet(shape: ShapeLike) -> data.StructLayout:
    """Lay out ``data`` in the low bits and ``last``, the end of a packet, above them."""
    return data.StructLayout({"data": shape, "last": 1})


def packet_stream(shape: ShapeLike) -> stream.Signature:
    """Describe a stream of packets whose beats are of ``shape``."""
    return stream.Signature(packet(shape))
