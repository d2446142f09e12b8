"""A register for a stream, both of whose sides are registered."""

from amaranth import Module, Mux, Signal, Value
from amaranth.hdl import ShapeLike
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["SkidBuffer"]


class SkidBuffer(wiring.Component):
    """Two places for a stream's payload: no combinational path joins its input and its output.

    Latency: 1 cycle. Throughput: 1 transfer a cycle. Back-pressure: ``i.ready`` is a register, and
    falls only while the second place is taken.

    Parameters
    ----------
    shape : ShapeLike

    Members
    -------
    i : In(stream of ``shape``)
    o : Out(stream of ``shape``)
    """

    def __init__(self, shape: ShapeLike):
        super().__init__({
            "i": In(stream.Signature(shape)),
            "o": Out(stream.Signature(shape)),
        })

    def elaborate(self, platform):
        m = Module()
        held = Signal.like(self.o.payload, reset_less=True)
        spare = Signal.like(self.i.payload, reset_less=True)
        full, waiting = Signal(), Signal()
        m.d.comb += [
            self.i.ready.eq(~waiting),
            self.o.valid.eq(full),
            self.o.payload.eq(held),
        ]
        arrives = self.i.valid & ~waiting
        with m.If(~full | self.o.ready):
            m.d.sync += [
                full.eq(waiting | self.i.valid),
                waiting.eq(0),
                Value.cast(held).eq(Mux(waiting, Value.cast(spare), Value.cast(self.i.payload))),
            ]
        with m.Elif(arrives):
            m.d.sync += [waiting.eq(1), spare.eq(self.i.payload)]
        return m
