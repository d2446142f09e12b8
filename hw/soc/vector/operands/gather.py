"""Makes vectors of elements of the vectors of bytes that memory brings."""

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.golden.systolic.beats import DIM_WIDTH
from gemmule.hw.common.pipeline import register, wire
from gemmule.hw.soc.vector.layouts import elements_layout

__all__ = ["Gather"]


class Gather(wiring.Component):
    """Cut the bytes of rows to vectors of ``lanes`` elements of 1, 2 or 4 bytes.

    A row begins with a vector of bytes of its own; an element's low byte comes first.

    Latency: 1 cycle from the last of a vector's bytes. Throughput: a vector of bytes a cycle, so a
    vector of elements in as many cycles as an element has bytes. Back-pressure: ``i`` waits while
    ``o`` does.

    Parameters
    ----------
    lanes : int
        A power of two, and the bytes of a vector of bytes.
    most : int
        The exponent of the bytes of the largest element.

    Members
    -------
    start : In(1)
    columns : In(24); size : In(2); signed : In(1)
        Of a row: its elements, the exponent of their bytes, whether they are signed. Held from two
        cycles before the first byte on; ``start`` comes with them.
    i : In(stream of unsigned(8 * lanes))
    o : Out(stream of :func:`~.layouts.elements_layout`), a bit wider than the largest element
    """

    def __init__(self, lanes: int, most: int):
        self._lanes, self._most = lanes, most
        self.width = (8 << most) + 1
        super().__init__({
            "start": In(1),
            "columns": In(DIM_WIDTH),
            "size": In(2),
            "signed": In(1),
            "i": In(stream.Signature(8 * lanes)),
            "o": Out(stream.Signature(elements_layout(self.width, lanes))),
        })

    def elaborate(self, platform):
        m = Module()
        lanes, log = self._lanes, self._lanes.bit_length() - 1
        parts = 1 << self._most
        # A row's vectors less one, and of its last vector the elements and the parts less one.
        less = register(m, "less", (self.columns - 1)[:DIM_WIDTH])
        beats, rest = less[log:], less[:log]
        bytes_less = ((rest + 1) << self.size[: self._most.bit_length()]) - 1
        rest_parts = register(m, "rest_parts", (bytes_less >> log)[: self._most])
        rest_used = register(m, "rest_used", Cat(1, *(rest >= n for n in range(1, lanes))))
        all_parts = register(m, "all_parts", ((1 << self.size[: self._most.bit_length()]) - 1)[:3])
        octets = Signal(8 * lanes * parts, reset_less=True)
        left, begins, part = Signal(len(beats), reset_less=True), Signal(init=1), Signal(2)
        full, last = Signal(), Signal()
        take = wire(m, "take", self.i.valid & self.i.ready)
        now = wire(m, "now", Mux(begins, beats, left))
        final = wire(m, "final", ~now.any())
        done = wire(m, "done", part == Mux(final, rest_parts, all_parts))
        m.d.comb += [
            self.i.ready.eq(~full | self.o.ready),
            self.o.valid.eq(full),
            self.o.p.last.eq(last),
            self.o.p.keep.eq(Mux(last, rest_used, ~0)),
            *(self.o.p.data[n].eq(self._element(octets, n)) for n in range(lanes)),
        ]
        with m.If(self.start):
            m.d.sync += [begins.eq(1), part.eq(0), full.eq(0)]
        with m.Elif(self.i.ready):
            m.d.sync += full.eq(take & done)
        with m.If(take):
            for n in range(parts):
                with m.If(part == n):
                    m.d.sync += octets.word_select(n, 8 * lanes).eq(self.i.p)
            m.d.sync += [part.eq(part + 1), last.eq(final)]
            with m.If(done):
                m.d.sync += [part.eq(0), begins.eq(final), left.eq(now - 1)]
        return m

    def _element(self, octets: Value, lane: int) -> Value:
        """Return an element of the chosen size, with its sign."""
        found: Value = self._extended(octets.word_select(lane, 8))
        for size in range(1, self._most + 1):
            wide = self._extended(octets.word_select(lane, 8 << size))
            found = Mux(self.size == size, wide, found)
        return found

    def _extended(self, bits: Value) -> Value:
        sign = bits[-1] & self.signed
        return Cat(bits, sign.replicate(self.width - len(bits))).as_signed()
