"""Words cut to smaller ones, of which a packet's last word may have fewer."""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from gemmule.hw.common.stream.payload import packet_stream

__all__ = ["Split"]


class Split(wiring.Component):
    """Send a word's ``factor`` parts one by one, that of the low bits first.

    Of a packet's last word go the parts up to and with number ``tail``.

    Latency: 0 cycles. Throughput: one part a cycle, without a bubble between words.
    Back-pressure: ``i.ready`` follows ``o.ready`` at a word's last part.

    Parameters
    ----------
    width : int
        Bits of a part.
    factor : int
        Parts of a word, a power of two.

    Members
    -------
    i : In(packet stream of ``factor * width`` bits)
    tail : In(range(factor))
        Stable while a word with ``last`` is offered.
    clear : In(1)
        Begin with the first part.
    o : Out(packet stream of ``width`` bits)
    """

    def __init__(self, width: int, factor: int):
        self.width, self.factor = width, factor
        super().__init__({
            "i": In(packet_stream(factor * width)),
            "tail": In(range(factor)),
            "clear": In(1),
            "o": Out(packet_stream(width)),
        })

    def elaborate(self, platform):
        m = Module()
        place = Signal(range(self.factor))
        final = Signal()
        last = self.i.payload.last
        m.d.comb += [
            final.eq(place == Mux(last, self.tail, self.factor - 1)),
            self.o.valid.eq(self.i.valid),
            self.o.payload.data.eq(self.i.payload.data.word_select(place, self.width)),
            self.o.payload.last.eq(last & final),
            self.i.ready.eq(self.o.ready & final),
        ]
        with m.If(self.clear):
            m.d.sync += place.eq(0)
        with m.Elif(self.o.valid & self.o.ready):
            m.d.sync += place.eq(Mux(final, 0, place + 1))
        return m
