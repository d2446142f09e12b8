"""A ring of vectors, filled in order, walked block by block as often as wanted."""

from amaranth import Cat, Const, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.hw.common.nested import NestedCounter
from gemmule.hw.common.pipeline import wire
from gemmule.hw.common.ram import DualPortMemory
from gemmule.hw.common.stream.skid import SkidBuffer

from .layouts import walk_layout

__all__ = ["Scratchpad"]


class Scratchpad(wiring.Component):
    """Hold the vectors of an operand, and hand out those of each block in the order of its walk.

    A vector is handed out as soon as it is there, so a block is multiplied while it still loads.
    Blocks lie behind each other in a ring; a walk frees its block, or it is walked again.

    Latency: 2 cycles from a vector that arrives to its beat, 4 from a walk to its first.
    Throughput: a vector in and a beat out each cycle, from walk to walk as well.
    Back-pressure: ``o`` waits alone; whoever writes knows from ``freed`` what has room.

    Parameters
    ----------
    depth : int
        Vectors, a power of 2.
    bits : int
        Of a vector.
    share : int
        Vectors that come at once, a power of two; a block's rows begin with such a word.
    times : int
        How often a walk passes its block, at most.

    Members
    -------
    write : In(1), vector : In(bits)
    walk : In(stream of :func:`walk_layout`)
    o : Out(stream of ``data``, ``last``)
    freed : Out(range(depth + 1))
        Vectors of a block whose last walk ended two cycles before.
    """

    def __init__(self, depth: int, bits: int, share: int, times: int):
        self._depth = depth
        self._times = times
        self._share = share
        super().__init__({
            "write": In(1),
            "vector": In(bits * share),
            "walk": In(stream.Signature(walk_layout(depth, times))),
            "o": Out(stream.Signature(data.StructLayout({"data": unsigned(bits), "last": 1}))),
            "freed": Out(range(depth + 1)),
        })

    def elaborate(self, platform):
        m = Module()
        log = self._depth.bit_length() - 1
        # Places of the ring are counted on, to four times its size: so differences have a sign.
        width = log + 2
        part = self._share.bit_length() - 1
        bits = len(self.vector) // self._share
        m.submodules.memory = memory = DualPortMemory(
            unsigned(len(self.vector)), self._depth // self._share
        )
        m.submodules.counter = counter = NestedCounter(
            levels=3,
            count_width=max(log + 1, self._times.bit_length()),
            address_width=width,
        )
        m.submodules.skid = skid = SkidBuffer(self.o.p.shape())
        walk = Signal(self.walk.p.shape(), reset_less=True)
        # Where vectors come, where the walk began, and the first block that is not free.
        head, block, first = (Signal(width, name=name) for name in ("head", "at", "first"))
        # The beat that is read next, and whether its vector is there, which is known by then.
        ahead = Signal(self._ahead(width), reset_less=True)
        waits, there = Signal(), Signal()
        step, moves = Signal(), Signal()
        ends = wire(m, "ends", moves & counter.final)
        behind = wire(m, "behind", Cat(Const(0, part), (counter.address[part:] + 1))[:width])
        after = wire(m, "after", Mux(ends, Mux(walk.rewind, first, behind), block))
        gap = wire(m, "gap", (head[part:] - counter.address[part:])[: width - part])
        comes = wire(m, "comes", self.write & (head[part:] == ahead.address[part:]))
        m.d.comb += [
            memory.write_enable.eq(self.write),
            memory.write_address.eq(head[part:log]),
            memory.write_data.eq(self.vector),
            self.walk.ready.eq(~counter.active | ends),
            counter.load.eq(self.walk.valid & self.walk.ready),
            counter.base.eq(after),
            counter.counts[0].eq(walk.inner),
            counter.strides[0].eq(walk.step),
            counter.counts[1].eq(walk.middle),
            counter.strides[1].eq(1),
            counter.counts[2].eq(walk.outer),
            counter.strides[2].eq(walk.skip),
        ]
        with m.If(counter.load):
            given = self.walk.p
            m.d.comb += [
                counter.counts[0].eq(given.inner),
                counter.counts[1].eq(given.middle),
                counter.counts[2].eq(given.outer),
            ]
            m.d.sync += walk.eq(given)
        with m.If(~waits | step):
            m.d.sync += [
                waits.eq(counter.active),
                there.eq(~gap[-1] & (gap.any() | self.write)),
                ahead.address.eq(counter.address),
                ahead.behind.eq(behind),
                ahead.last.eq(counter.final & walk.last),
                ahead.frees.eq(counter.final & walk.free),
            ]
        with m.Elif(comes):
            m.d.sync += there.eq(1)
        # A beat is read into the memory's own output register, and waits there.
        full, last = Signal(), Signal(reset_less=True)
        place = Signal(range(self._share), reset_less=True)
        # The first vector that is not free, as whoever writes knows it.
        frees, edge, known = Signal(), Signal(width), Signal(width)
        m.d.comb += [
            step.eq(waits & there & (~full | skid.i.ready)),
            moves.eq(counter.active & (~waits | step)),
            counter.step.eq(moves),
            memory.read_enable.eq(step),
            memory.read_address.eq(ahead.address[part:log]),
            skid.i.valid.eq(full),
            skid.i.p.data.eq(memory.read_data.word_select(place, bits)),
            skid.i.p.last.eq(last),
        ]
        with m.If(~full | skid.i.ready):
            m.d.sync += full.eq(step)
        with m.If(step):
            m.d.sync += [last.eq(ahead.last), place.eq(ahead.address[:part])]
        with m.If(step & ahead.frees):
            m.d.sync += edge.eq(ahead.behind)
        m.d.sync += [
            head.eq(head + (self.write << part)),
            block.eq(after),
            frees.eq(step & ahead.frees),
            known.eq(edge),
            self.freed.eq(Mux(frees, edge - known, 0)),
        ]
        with m.If(ends & walk.free):
            m.d.sync += first.eq(behind)
        wiring.connect(m, skid.o, wiring.flipped(self.o))
        return m

    def _ahead(self, width: int) -> data.StructLayout:
        """Lay out a beat to read: its place, and what is freed ``behind`` it if it ``frees``."""
        return data.StructLayout({"address": width, "behind": width, "last": 1, "frees": 1})
