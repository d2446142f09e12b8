"""A queue of few words in distributed memory."""

from amaranth import Module, Signal, Value
from amaranth.hdl import ShapeLike
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

__all__ = ["SmallQueue"]


class SmallQueue(wiring.Component):
    """Queue up to ``depth`` words; the first one is read in the cycle in which it is offered.

    Latency: 1 cycle. Throughput: a word a cycle on either side. Back-pressure: no combinational
    path joins ``i`` and ``o``.

    Parameters
    ----------
    shape : ShapeLike
    depth : int
        A power of two, at most 32: what a look-up table holds.

    Members
    -------
    i : In(stream of ``shape``)
    o : Out(stream of ``shape``)
    """

    def __init__(self, shape: ShapeLike, depth: int):
        self.depth = depth
        super().__init__({
            "i": In(stream.Signature(shape)),
            "o": Out(stream.Signature(shape)),
        })

    def elaborate(self, platform):
        m = Module()
        width = len(Value.cast(self.i.payload))
        m.submodules.words = words = Memory(shape=width, depth=self.depth, init=[])
        write, read = words.write_port(), words.read_port(domain="comb")
        begin, end = Signal(range(self.depth), name="begin"), Signal(range(self.depth), name="end")
        level = Signal(range(self.depth + 1))
        push, pop = self.i.valid & self.i.ready, self.o.valid & self.o.ready
        m.d.comb += [
            self.i.ready.eq(level != self.depth),
            self.o.valid.eq(level != 0),
            Value.cast(self.o.payload).eq(read.data),
            write.addr.eq(end),
            write.data.eq(self.i.payload),
            write.en.eq(push),
            read.addr.eq(begin),
        ]
        m.d.sync += [level.eq(level + push - pop), begin.eq(begin + pop), end.eq(end + push)]
        return m
