"""Results on their way to memory: each vector with its request, or neither."""

from amaranth import Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.hw.common.pipeline import wire
from gemmule.hw.common.request import request_layout
from gemmule.hw.common.stream.payload import packet_stream
from gemmule.hw.soc.dma.request import request_layout as dma_request

from .region import LENGTH, Region

__all__ = ["ELEMENT", "Results"]

ELEMENT = 4
"""Bytes of a lane here: the most that an element of a result has."""


class Results(wiring.Component):
    """Pack the lanes of a vector to elements in memory, and write it within the region.

    Latency: 2 cycles. Throughput: a vector a cycle, where memory takes as many requests.
    Back-pressure: a vector waits for its request, and a request for its vector; both for memory.

    Parameters
    ----------
    address_width : int
    vector : ``ArrayLayout``
        Of lanes of up to `ELEMENT` bytes.

    Members
    -------
    base : In(address_width); length : In(32)
    request : In(stream of ``request_layout``); vector : In(packet stream of ``vector``)
        As the engine gives them: a vector a request.
    o_request : Out(stream of the DMA's requests); o : Out(packet stream of all lanes' bytes)
    outside : Out(1)
        A request, and its vector, is dropped now.
    """

    def __init__(self, address_width: int, vector: data.ArrayLayout):
        self.address_width, self.lanes = address_width, vector.length
        super().__init__({
            "base": In(address_width),
            "length": In(LENGTH),
            "request": In(stream.Signature(request_layout())),
            "vector": In(packet_stream(vector)),
            "o_request": Out(stream.Signature(dma_request(address_width))),
            "o": Out(packet_stream(unsigned(8 * ELEMENT * self.lanes))),
            "outside": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.region = region = Region(self.address_width, self.o.payload.data.shape())
        both = wire(m, "both", self.request.valid & self.vector.valid)
        m.d.comb += [
            region.base.eq(self.base),
            region.length.eq(self.length),
            region.i.valid.eq(both),
            region.i.payload.request.eq(self.request.payload),
            region.i.payload.beside.eq(self._packed()),
            self.request.ready.eq(both & region.i.ready),
            self.vector.ready.eq(both & region.i.ready),
            self.outside.eq(region.outside),
        ]
        # The DMA takes a request and its vector when it likes.
        asked, gave = Signal(name="asked"), Signal(name="gave")
        asks = asked | self.o_request.ready
        gives = gave | self.o.ready
        m.d.comb += [
            self.o_request.valid.eq(region.o.valid & ~asked),
            self.o_request.payload.eq(region.o.payload.request),
            self.o.valid.eq(region.o.valid & ~gave),
            self.o.payload.data.eq(region.o.payload.beside),
            self.o.payload.last.eq(1),
            region.o.ready.eq(asks & gives),
        ]
        with m.If(region.o.valid):
            m.d.sync += [asked.eq(asks & ~gives), gave.eq(gives & ~asks)]
        return m

    def _packed(self) -> Value:
        """Put elements of 1, 2 or 4 bytes side by side."""
        lanes = [Value.cast(lane) for lane in self.vector.payload.data]
        sizes = [Cat(lane[: 8 << size] for lane in lanes) for size in range(3)]
        size = self.request.payload.size
        return Mux(size[1], sizes[2], Mux(size[0], sizes[1], sizes[0]))
