"""Requests and their words to words of the bus, with addresses and strobes."""

from amaranth import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.hw.common.pipeline import wire
from gemmule.hw.common.stream.payload import packet_stream

from .arbiter import granted
from .funnel import Funnel
from .request import request_layout

__all__ = ["WriteWords", "placed_layout"]


def placed_layout(address_width: int, data_width: int, channels: int) -> data.StructLayout:
    """Lay out a word of the bus: ``number`` is its address in words, ``last`` that of a request."""
    size = data_width // 8
    return data.StructLayout({
        "data": data_width,
        "strobes": size,
        "number": unsigned(address_width - (size - 1).bit_length()),
        "channel": range(channels),
        "last": 1,
    })


class WriteWords(wiring.Component):
    """Shift a request's words to its address: word j of the bus is made of words j - 1 and j.

    Its last word leaves alone if it only holds what the shift pushed out of the one before.

    Latency: 1 cycle from a request to its first word, 0 from word to word. Throughput: one word of
    the bus a cycle, also across requests. Back-pressure: ``o.ready`` reaches ``i.ready``.

    Parameters
    ----------
    address_width, data_width, channels : int
    excess_width : int
        Bits of ``excess``.

    Members
    -------
    request : In(stream of ``granted`` requests)
    i : In(packet_stream(data_width))
        Of the ``channel`` whose request this is.
    channel : Out(range(channels))
    excess : Out(excess_width)
        The request's length less one, modulo the size of vectors.
    active : Out(1)
        There is a request.
    clear : In(1)
        Drop the request.
    o : Out(stream of ``placed_layout``)
    """

    def __init__(self, address_width: int, data_width: int, channels: int, excess_width: int):
        self.data_width = data_width
        placed = placed_layout(address_width, data_width, channels)
        super().__init__({
            "request": In(stream.Signature(granted(request_layout(address_width), channels))),
            "i": In(packet_stream(data_width)),
            "channel": Out(range(channels)),
            "excess": Out(excess_width),
            "active": Out(1),
            "clear": In(1),
            "o": Out(stream.Signature(placed)),
        })

    def elaborate(self, platform):
        m = Module()
        final = Signal()
        fresh, shift, end = self._count(m, final)
        size = self.data_width // 8
        m.submodules.funnel = funnel = Funnel(size)
        held = Signal(self.data_width, name="held", reset_less=True)
        spilling = Signal()
        spills = wire(m, "spills", end < shift)
        last = wire(m, "last", spilling | (self.i.payload.last & ~spills))
        take = wire(m, "take", self.i.valid & self.i.ready)
        upto = wire(m, "upto", end | (~last).replicate(len(end)))
        m.d.comb += [
            self.o.valid.eq(self.active & (self.i.valid | spilling)),
            self.i.ready.eq(self.active & self.o.ready & ~spilling),
            funnel.i.eq(Cat(held[8:], self.i.payload.data)),
            funnel.shift.eq(~shift),
            self.o.payload.data.eq(funnel.o),
            final.eq(last),
            self.o.payload.last.eq(last),
            self.o.payload.channel.eq(self.channel),
        ]
        for k, strobe in enumerate(self.o.payload.strobes):
            # A comparison that is always true would be warned of by who reads the Verilog.
            after = (k >= shift) if k < size - 1 else 1
            before = (k <= upto) if k else 1
            m.d.comb += strobe.eq((~fresh | after) & before)
        with m.If(take):
            m.d.sync += [held.eq(self.i.payload.data), spilling.eq(self.i.payload.last & spills)]
        with m.Elif(self.o.ready):
            m.d.sync += spilling.eq(0)
        with m.If(self.clear):
            m.d.sync += spilling.eq(0)
        return m

    def _count(self, m: Module, final: Signal) -> tuple[Signal, Signal, Signal]:
        """Hold the request and count its words.

        Return whether its first one is still to come, and the places of its first and last byte.
        """
        request, number = self.request.payload.request, self.o.payload.number
        bits = (self.data_width // 8 - 1).bit_length()
        fresh = Signal(name="fresh")
        shift, end = (Signal(bits, name=n, reset_less=True) for n in ("shift", "end"))
        counted = Signal.like(number, name="number", reset_less=True)
        load = wire(m, "load", self.request.valid & self.request.ready)
        step = wire(m, "step", self.o.valid & self.o.ready)
        m.d.comb += [
            number.eq(counted),
            self.request.ready.eq(~self.active | (step & final)),
        ]
        with m.If(self.request.ready):
            m.d.sync += self.active.eq(self.request.valid)
        with m.If(self.clear):
            m.d.sync += self.active.eq(0)
        with m.If(load):
            m.d.sync += [
                shift.eq(request.address[:bits]),
                end.eq(request.address[:bits] + request.length[:bits] - 1),
                self.channel.eq(self.request.payload.channel),
                self.excess.eq(request.length - 1),
                fresh.eq(1),
            ]
        with m.Elif(step):
            m.d.sync += fresh.eq(0)
        with m.If(load | step):
            m.d.sync += counted.eq(Mux(load, request.address[bits:], counted) + ~load)
        return fresh, shift, end
