"""A queue in a memory."""

from amaranth import Module, Mux, Signal, Value
from amaranth.hdl import ShapeLike
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.hw.common.ram import DualPortMemory

__all__ = ["Fifo"]


class Fifo(wiring.Component):
    """Queue up to ``depth`` transfers; the first one falls through to ``o``.

    ``o.payload`` is the memory's own output register. A producer that cannot stop counts credits:
    it starts nothing while ``depth`` transfers are on their way or inside.

    Latency: 2 cycles through an empty queue. Throughput: one transfer a cycle on either side.
    Back-pressure: no combinational path joins ``i`` and ``o``.

    Parameters
    ----------
    shape : ShapeLike
        Of the payload.
    depth : int
        Transfers, at least 2; any number.

    Members
    -------
    i : In(stream of ``shape``)
    o : Out(stream of ``shape``)
    level : Out(range(depth + 1))
        Transfers inside, the one at ``o`` included.
    """

    def __init__(self, shape: ShapeLike, depth: int):
        self.shape = shape
        self.depth = depth
        super().__init__({
            "i": In(stream.Signature(shape)),
            "o": Out(stream.Signature(shape)),
            "level": Out(range(depth + 1)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = DualPortMemory(self.shape, self.depth)
        write = Signal(range(self.depth))
        read = Signal(range(self.depth))
        push = self.i.valid & self.i.ready
        pop = self.o.valid & self.o.ready

        # A word can be read from the cycle after it was written: `level` counts it by then.
        in_memory = self.level != self.o.valid
        fetch = in_memory & (~self.o.valid | self.o.ready)
        m.d.comb += [
            self.i.ready.eq(self.level != self.depth),
            memory.write_enable.eq(push),
            memory.write_address.eq(write),
            memory.write_data.eq(self.i.payload),
            memory.read_enable.eq(fetch),
            memory.read_address.eq(read),
            self.o.payload.eq(memory.read_data),
        ]
        m.d.sync += self.level.eq(self.level + push - pop)
        with m.If(push):
            m.d.sync += write.eq(self._after(write))
        with m.If(fetch):
            m.d.sync += [read.eq(self._after(read)), self.o.valid.eq(1)]
        with m.Elif(pop):
            m.d.sync += self.o.valid.eq(0)
        return m

    def _after(self, address: Signal) -> Value:
        return Mux(address == self.depth - 1, 0, address + 1)
