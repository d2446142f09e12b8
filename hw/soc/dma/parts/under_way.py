"""Where the beats that arrive belong: the bursts under way, in the order in which they went out."""

from amaranth import Module, Mux, Signal, Value
from amaranth.hdl import ShapeLike
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

__all__ = ["UnderWay"]


class UnderWay(wiring.Component):
    """A queue of what is under way on a bus that answers in order.

    Latency: 1 cycle. Throughput: one entry a cycle on either side. Back-pressure: ``room`` comes
    from a register; ``o`` is of no meaning while it is ``empty``.

    Parameters
    ----------
    shape : ShapeLike
    depth : int
        Entries, a power of two.

    Members
    -------
    i : In(``shape``); push : In(1)
        Only where there is ``room``.
    o : Out(``shape``); pop : In(1)
        Only where it is not ``empty``.
    room, empty : Out(1)
    """

    def __init__(self, shape: ShapeLike, depth: int):
        self.shape, self.depth = shape, depth
        super().__init__({
            "i": In(shape),
            "push": In(1),
            "o": Out(shape),
            "pop": In(1),
            "room": Out(1, init=1),
            "empty": Out(1, init=1),
        })

    def elaborate(self, platform):
        m = Module()
        bits = Value.cast(self.i).shape()
        m.submodules.entries = entries = Memory(shape=bits, depth=self.depth, init=[])
        write, read = entries.write_port(), entries.read_port(domain="comb")
        level = Signal(range(self.depth + 1))
        after = Signal(range(self.depth + 1))
        head = Signal(range(self.depth))
        tail = Signal(range(self.depth))
        m.d.comb += [
            after.eq(level + Mux(self.push == self.pop, 0, Mux(self.push, 1, -1))),
            write.addr.eq(head),
            write.data.eq(self.i),
            write.en.eq(self.push),
            read.addr.eq(tail),
            Value.cast(self.o).eq(read.data),
        ]
        m.d.sync += [
            level.eq(after),
            head.eq(head + self.push),
            tail.eq(tail + self.pop),
            self.room.eq(after != self.depth),
            self.empty.eq(after == 0),
        ]
        return m
