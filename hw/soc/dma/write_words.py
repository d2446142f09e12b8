"""Requests and their words to words of the bus, with addresses and strobes."""

from amaranth import Cat, Module, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.hw.common.pipeline import wire
from gemmule.hw.common.stream.payload import packet_stream

from .parts.funnel import Funnel

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

    Latency: 0 cycles. Throughput: one word of the bus a cycle, also across requests. Back-pressure:
    ``o.ready`` reaches ``i.ready``.

    Parameters
    ----------
    address_width, data_width, channels : int

    Members
    -------
    i : In(packet_stream(data_width))
        Of the request's channel.
    runs, fresh, spills, number, first, end, inverse, channel : In
        As :class:`WritePlace` has them.
    step, final : Out(1)
    clear : In(1)
        Drop what is inside.
    o : Out(stream of ``placed_layout``)
    """

    def __init__(self, address_width: int, data_width: int, channels: int):
        self.data_width = data_width
        placed = placed_layout(address_width, data_width, channels)
        super().__init__({
            "i": In(packet_stream(data_width)),
            **dict.fromkeys(("runs", "fresh", "spills"), In(1)),
            "number": In(placed.members["number"]),
            **dict.fromkeys(("first", "end", "inverse"), In(range(data_width // 8))),
            "channel": In(range(channels)),
            **dict.fromkeys(("step", "final"), Out(1)),
            "clear": In(1),
            "o": Out(stream.Signature(placed)),
        })

    def elaborate(self, platform):
        m = Module()
        size = self.data_width // 8
        m.submodules.funnel = funnel = Funnel(size)
        held = Signal(self.data_width, name="held", reset_less=True)
        spilling = Signal()
        upto = wire(m, "upto", self.end | (~self.final).replicate(len(self.end)))
        valid = wire(m, "valid", self.runs & (self.i.valid | spilling))
        m.d.comb += [
            self.o.valid.eq(valid),
            self.step.eq(valid & self.o.ready),
            self.final.eq(spilling | (self.i.payload.last & ~self.spills)),
            self.i.ready.eq(self.runs & self.o.ready & ~spilling),
            funnel.i.eq(Cat(held[8:], self.i.payload.data)),
            # A request from the first byte on leaves its words as they are: the longest shift.
            funnel.shift.eq(self.inverse),
            funnel.inverse.eq(self.first),
            self.o.payload.data.eq(funnel.o),
            self.o.payload.number.eq(self.number),
            self.o.payload.last.eq(self.final),
            self.o.payload.channel.eq(self.channel),
        ]
        for k, strobe in enumerate(self.o.payload.strobes):
            # A comparison that is always true would be warned of by who reads the Verilog.
            after = (k >= self.first) if k < size - 1 else 1
            before = (k <= upto) if k else 1
            m.d.comb += strobe.eq((~self.fresh | after) & before)
        with m.If(self.step):
            m.d.sync += [
                held.eq(self.i.payload.data),
                spilling.eq(~spilling & self.i.payload.last & self.spills),
            ]
        with m.If(self.clear):
            m.d.sync += spilling.eq(0)
        return m
