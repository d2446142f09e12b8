"""The settings of a program's products: one packet a program, one beat a product."""

from amaranth import Module, Signal
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from gemmule.hw.common.pipeline import wire
from gemmule.hw.common.stream.payload import packet_stream
from gemmule.hw.common.stream.status import FaultLayout

__all__ = ["Scales"]

OWED = 15
"""Products that can be on their way to the array and have no settings yet: it holds fewer."""


class Scales(Component):
    """Give each product its beat of a program's packet.

    Latency: 0 cycles. Throughput: a beat a cycle. Back-pressure: ``o.ready`` reaches ``i.ready``;
    after the packet's end, nothing is taken until the program's.

    Parameters
    ----------
    layout : ``StructLayout``
        Of a beat.

    Members
    -------
    i : In(packet stream of layout)
        A packet a program.
    o : Out(packet stream of layout)
        A packet of one beat a product.
    product : In(1)
        A product was handed to the array.
    drop : In(1)
        The program needs no more beats: drop those that are left.
    over : Out(1)
        The packet has ended.
    waits : Out(1)
        A product has no settings, and none are offered.
    report : In(1)
        The program is over.
    faults : Out(FaultLayout)
        A product finds the packet at its end; a beat is dropped that no product wanted, and that is
        not the only one.
    """

    def __init__(self, layout: data.Layout):
        self.layout = layout
        super().__init__({
            "i": In(packet_stream(layout)),
            "o": Out(packet_stream(layout)),
            **dict.fromkeys(("product", "drop", "report"), In(1)),
            **dict.fromkeys(("over", "waits"), Out(1)),
            "faults": Out(FaultLayout),
        })

    def elaborate(self, platform):
        m = Module()
        owed, some = Signal(range(OWED + 1)), Signal()
        taken = wire(m, "taken", self.i.valid & self.i.ready)
        given = wire(m, "given", self.o.valid & self.o.ready)
        m.d.comb += [
            self.o.valid.eq(self.i.valid & ~self.over & ~self.drop),
            self.o.payload.data.eq(self.i.payload.data),
            self.o.payload.last.eq(1),
            self.i.ready.eq((self.o.ready | self.drop) & ~self.over),
            self.waits.eq((owed != 0) & ~self.i.valid),
            self.faults.early.eq(self.over & (owed != 0)),
            self.faults.late.eq(taken & self.drop & (some | ~self.i.payload.last)),
        ]
        m.d.sync += [
            owed.eq(owed + self.product - given),
            some.eq((some | taken) & ~self.report),
            self.over.eq((self.over | (taken & self.i.payload.last)) & ~self.report),
        ]
        with m.If(self.report):
            m.d.sync += owed.eq(0)
        return m
