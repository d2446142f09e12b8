"""A square of registers that turns rows into columns while the next square enters."""

from amaranth import Module, Mux, Signal, Value
from amaranth.hdl import ShapeLike
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .pipeline import wire
from .stream.payload import packet_stream

__all__ = ["Transposer"]


class Transposer(wiring.Component):
    """Transpose packets of up to ``size`` vectors of ``size`` lanes: ``o[j][i] = i[i][j]``.

    Each packet leaves as ``size`` vectors; lanes for vectors that it lacked are 0. A square enters
    along the rows and leaves along the columns, the next one the other way, so that each shift
    takes a vector in and gives one out.

    Latency: ``size`` cycles from a packet's first vector to its first one out. Throughput: one
    vector a cycle, from packet to packet, too; a packet that is short takes as long as a whole
    one. Back-pressure: while a square leaves and another enters, each waits for the other's stream;
    one that leaves alone waits for ``o`` only.

    Parameters
    ----------
    shape : ShapeLike
        Of a lane.
    size : int

    Members
    -------
    i : In(packet stream of [size] x shape)
    o : Out(packet stream of [size] x shape)
        ``last`` on the last vector of each square.
    idle : Out(1)
        No square is inside.
    """

    def __init__(self, shape: ShapeLike, size: int):
        self.shape = shape
        self.size = size
        vectors = packet_stream(data.ArrayLayout(shape, size))
        super().__init__({"i": In(vectors), "o": Out(vectors), "idle": Out(1)})

    def elaborate(self, platform):
        m = Module()
        size = self.size
        lanes = range(size)
        step, downward = Signal(), Signal()
        count = Signal(range(size))
        leaving, entering, ended = Signal(), Signal(), Signal()
        first, final = count == 0, count == size - 1
        # A vector at the first step decides that a square enters; after its last one, none does.
        wanted = wire(m, "wanted", Mux(first, self.i.valid, entering & ~ended))
        able = wire(m, "able", Mux(wanted, self.i.valid, ~first | leaving))
        m.d.comb += [
            self.idle.eq(~leaving & first),
            self.o.valid.eq(leaving & able),
            self.o.payload.last.eq(final),
            self.i.ready.eq(wanted & (~leaving | self.o.ready)),
            step.eq(able & (~leaving | self.o.ready)),
        ]
        with m.If(step):
            m.d.sync += [
                count.eq(Mux(final, 0, count + 1)),
                ended.eq(~final & (ended | (wanted & self.i.payload.last))),
                entering.eq(Mux(first, wanted, entering)),
            ]
            with m.If(final):
                m.d.sync += [leaving.eq(Mux(first, wanted, entering)), downward.eq(~downward)]
        cells = [
            [Signal(self.shape, name=f"cell_{row}_{col}", reset_less=True) for col in lanes]
            for row in lanes
        ]
        given = [
            wire(m, f"given_{lane}", Mux(wanted, Value.cast(self.i.payload.data[lane]), 0))
            for lane in lanes
        ]
        for row in lanes:
            for col in lanes:
                left = cells[row][col - 1] if col else given[size - 1 - row]
                above = cells[row - 1][col] if row else given[size - 1 - col]
                with m.If(step):
                    m.d.sync += cells[row][col].eq(Mux(downward, above, left))
        for lane in lanes:
            across, down = cells[size - 1 - lane][-1], cells[-1][size - 1 - lane]
            m.d.comb += self.o.payload.data[lane].eq(Mux(downward, down, across))
        return m
