"""Packets of any length, up to a greatest one."""

from amaranth import Module, Signal
from amaranth.hdl import ShapeLike
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from gemmule.hw.common.stream.payload import packet_stream

__all__ = ["PacketLimit"]


class PacketLimit(wiring.Component):
    """Cut packets to at most ``most`` beats; the rest is dropped up to and with its ``last``.

    Latency: 0 cycles. Throughput: one beat a cycle. Back-pressure: ``o.ready`` reaches ``i.ready``.

    Parameters
    ----------
    shape : ShapeLike
        Of ``data``.
    most : int
        At least 2.

    Members
    -------
    i : In(packet stream of ``shape``)
    o : Out(packet stream of ``shape``)
    late : Out(1)
        High when the last beat of a packet is taken that is cut.
    dropping : Out(1)
        Its rest has not all come yet.
    """

    def __init__(self, shape: ShapeLike, most: int):
        self.most = most
        super().__init__({
            "i": In(packet_stream(shape)),
            "o": Out(packet_stream(shape)),
            "late": Out(1),
            "dropping": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        place = Signal(range(self.most))
        full = place == self.most - 1
        moves = self.o.valid & self.o.ready
        m.d.comb += [
            self.o.valid.eq(self.i.valid & ~self.dropping),
            self.o.p.data.eq(self.i.p.data),
            self.o.p.last.eq(self.i.p.last | full),
            self.i.ready.eq(self.o.ready | self.dropping),
            self.late.eq(moves & full & ~self.i.p.last),
        ]
        with m.If(moves):
            m.d.sync += place.eq(place + 1)
            with m.If(self.o.p.last):
                m.d.sync += place.eq(0)
        with m.If(self.late):
            m.d.sync += self.dropping.eq(1)
        with m.Elif(self.i.valid & self.i.p.last):
            m.d.sync += self.dropping.eq(0)
        return m
