"""Streams of packets made wider or narrower."""

from amaranth import Module, Mux, Signal, Value
from amaranth.hdl import ShapeLike
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .payload import packet_stream

__all__ = ["Narrow", "Widen"]


class Widen(wiring.Component):
    """Gather ``factor`` beats to one, the first in the low bits.

    A packet of another length ends with a beat whose upper parts are zero.

    Latency: 1 cycle from a beat's last part to it. Throughput: one part a cycle.
    Back-pressure: ``i.ready`` follows ``o.ready`` while a beat is offered.

    Parameters
    ----------
    shape : ShapeLike
        Of a part.
    factor : int
        Parts of a beat.

    Members
    -------
    i : In(packet stream of ``shape``)
    o : Out(packet stream of [factor] x ``shape``)
    """

    def __init__(self, shape: ShapeLike, factor: int):
        self._factor = factor
        super().__init__({
            "i": In(packet_stream(shape)),
            "o": Out(packet_stream(data.ArrayLayout(shape, factor))),
        })

    def elaborate(self, platform):
        m = Module()
        place = Signal(range(self._factor))
        parts = Signal.like(self.o.payload.data, reset_less=True)
        last = Signal(reset_less=True)
        m.d.comb += [
            self.i.ready.eq(~self.o.valid | self.o.ready),
            self.o.payload.data.eq(parts),
            self.o.payload.last.eq(last),
        ]
        full = self.i.payload.last | (place == self._factor - 1)
        with m.If(self.i.ready):
            m.d.sync += self.o.valid.eq(self.i.valid & full)
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [place.eq(Mux(full, 0, place + 1)), last.eq(self.i.payload.last)]
            for n in range(self._factor):
                part = Value.cast(parts[n])
                with m.If(place == n):
                    m.d.sync += part.eq(Value.cast(self.i.payload.data))
                with m.Elif(place == 0):
                    m.d.sync += part.eq(0)
        return m


class Narrow(wiring.Component):
    """Send a beat's ``factor`` parts one by one, that of the low bits first.

    Latency: 0 cycles. Throughput: one part a cycle, without a bubble between beats.
    Back-pressure: ``i.ready`` follows ``o.ready`` at a beat's last part.

    Parameters
    ----------
    shape : ShapeLike
        Of a part.
    factor : int
        Parts of a beat.

    Members
    -------
    i : In(packet stream of [factor] x ``shape``)
    o : Out(packet stream of ``shape``)
    """

    def __init__(self, shape: ShapeLike, factor: int):
        self._factor = factor
        super().__init__({
            "i": In(packet_stream(data.ArrayLayout(shape, factor))),
            "o": Out(packet_stream(shape)),
        })

    def elaborate(self, platform):
        m = Module()
        place = Signal(range(self._factor))
        final = place == self._factor - 1
        part = self.i.payload.data[place]
        m.d.comb += [
            self.o.valid.eq(self.i.valid),
            Value.cast(self.o.payload.data).eq(Value.cast(part)),
            self.o.payload.last.eq(self.i.payload.last & final),
            self.i.ready.eq(self.o.ready & final),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += place.eq(Mux(final, 0, place + 1))
        return m
