"""Requests within a region of memory: none leaves it."""

from amaranth import Module, Signal, unsigned
from amaranth.hdl import ShapeLike
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.hw.common.pipeline import wire
from gemmule.hw.common.request import request_layout
from gemmule.hw.soc.dma.request import request_layout as dma_request

__all__ = ["LENGTH", "Region"]

LENGTH = 32
"""Bits of the bytes of a region."""


class Region(wiring.Component):
    """Turn requests that count from a region's first byte to those of the DMA.

    One that ends beyond the region is dropped, and told of. Something may go with each request, and
    is dropped with it.

    Latency: 2 cycles. Throughput: a request a cycle. Back-pressure: ``o.ready`` reaches
    ``i.ready``.

    Parameters
    ----------
    address_width : int
    beside : ShapeLike
        Of what goes with a request.

    Members
    -------
    base : In(address_width); length : In(32)
        Of the region; they stay while requests are inside.
    i : In(stream of ``request``, :func:`~gemmule.hw.common.request.request_layout`, ``beside``)
    o : Out(stream of ``request``, the DMA's, and ``beside``)
    outside : Out(1)
        A request is dropped now.
    """

    def __init__(self, address_width: int, beside: ShapeLike = 0):
        self.beside = beside
        wanted = data.StructLayout({"request": request_layout(), "beside": beside})
        given = data.StructLayout({"request": dma_request(address_width), "beside": beside})
        super().__init__({
            "base": In(address_width),
            "length": In(unsigned(LENGTH)),
            "i": In(stream.Signature(wanted)),
            "o": Out(stream.Signature(given)),
            "outside": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        request, given = self.i.payload.request, self.o.payload
        sized = Signal(LENGTH + 1, name="end", reset_less=True)
        address = Signal.like(request.address, name="offset", reset_less=True)
        octets = Signal.like(given.request.length, name="octets", reset_less=True)
        beside = Signal(self.beside, name="held", reset_less=True)
        there, valid = Signal(name="there"), Signal(name="offers")
        free = wire(m, "free", ~valid | self.o.ready)
        wanted = wire(m, "wanted", (request.length << request.size)[: len(octets)])
        inside = wire(m, "inside", sized <= self.length)
        m.d.comb += [
            self.i.ready.eq(~there | free),
            self.o.valid.eq(valid),
            self.outside.eq(there & free & ~inside),
        ]
        with m.If(self.i.ready):
            m.d.sync += [
                there.eq(self.i.valid),
                address.eq(request.address),
                octets.eq(wanted),
                sized.eq(request.address + wanted),
                beside.eq(self.i.payload.beside),
            ]
        held = Signal.like(given, name="given", reset_less=True)
        m.d.comb += given.eq(held)
        with m.If(free):
            m.d.sync += [
                valid.eq(there & inside),
                held.request.address.eq(self.base + address),
                held.request.length.eq(octets),
                held.beside.eq(beside),
            ]
        return m
