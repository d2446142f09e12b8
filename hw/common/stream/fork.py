"""One stream to several."""

from amaranth import Cat, Module, Signal
from amaranth.hdl import ShapeLike
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Fork"]


class Fork(wiring.Component):
    """Hand each transfer to every output, to each as soon as it takes it.

    Latency: 0 cycles. Throughput: one transfer a cycle while all outputs take theirs.
    Back-pressure: ``i.ready`` rises in the cycle in which the last output takes its copy.

    Parameters
    ----------
    shape : ShapeLike
    count : int

    Members
    -------
    i : In(stream of ``shape``)
    o : Out([count] x stream of ``shape``)
    """

    def __init__(self, shape: ShapeLike, count: int):
        super().__init__({
            "i": In(stream.Signature(shape)),
            "o": Out(stream.Signature(shape)).array(count),
        })

    def elaborate(self, platform):
        m = Module()
        served = Signal(len(self.o))
        taken = Cat(out.valid & out.ready for out in self.o)
        m.d.comb += self.i.ready.eq((served | taken).all())
        for n, out in enumerate(self.o):
            m.d.comb += [out.valid.eq(self.i.valid & ~served[n]), out.payload.eq(self.i.payload)]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += served.eq(0)
        with m.Else():
            m.d.sync += served.eq(served | taken)
        return m
