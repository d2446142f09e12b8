"""Writes results: packed to elements of 1, 2 or 4 bytes, each row or piece at its place."""

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.golden.systolic.beats import DIM_WIDTH
from gemmule.hw.common.pipeline import register, wire
from gemmule.hw.common.stream.fifo import Fifo
from gemmule.hw.common.stream.payload import packet_stream
from gemmule.hw.common.stream.skid import SkidBuffer
from gemmule.hw.soc.dma.request import request_layout, write_done
from gemmule.hw.soc.vector.layouts import elements_layout
from gemmule.hw.soc.vector.params import WHOLE, VectorUnitParams

from .places import place_layout

__all__ = ["RowWriter"]

SIZES = 3
"""An element has 1, 2 or 4 bytes."""

WORDS = 4
"""Vectors of bytes that wait while the DMA works out where the first one of a row goes."""

UNDER_WAY = 10
"""Bits of the number of writes under way; the DMA takes far fewer."""


class RowWriter(wiring.Component):
    """Write rows, each where its place says, by a request.

    What stands beside a row in memory is not touched. From the row on that begins with ``void``,
    rows are dropped, and so is one whose place is none.

    Latency: 2 cycles from a vector to its first bytes. Throughput: a vector in as many cycles as
    an element has bytes. Back-pressure: vectors wait for the DMA.

    Parameters
    ----------
    params : VectorUnitParams

    Members
    -------
    start : In(1)
    columns : In(24), size : In(2)
        Of a row; held from ``start`` until it is ``over``.
    place : In(stream of :func:`~.places.place_layout`)
    void : In(1)
    i : In(stream of :func:`~.layouts.elements_layout`)
    request : Out(stream of ``request_layout``), data : Out(packet stream of [lanes] x 8 bits)
    done : In(``write_done``)
    over : Out(1)
        All rows came, and all that were written are answered.
    """

    def __init__(self, params: VectorUnitParams):
        self.params = params
        lanes, width = params.lanes, params.address_width
        super().__init__({
            "start": In(1),
            "columns": In(DIM_WIDTH),
            "size": In(2),
            "place": In(stream.Signature(place_layout(width))),
            "void": In(1),
            "i": In(stream.Signature(elements_layout(WHOLE, lanes))),
            "request": Out(stream.Signature(request_layout(width))),
            "data": Out(packet_stream(8 * lanes)),
            "done": In(write_done(width)),
            "over": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        log = self.params.lanes.bit_length() - 1
        m.submodules.requests = requests = SkidBuffer(self.request.p.shape())
        m.submodules.words = words = Fifo(self.data.p.shape(), WORDS)
        wiring.connect(m, requests.o, wiring.flipped(self.request))
        wiring.connect(m, words.o, wiring.flipped(self.data))
        # The last vector of a row may have fewer bytes; the same of all rows.
        rest = (self.columns - 1)[:log]
        rest_parts = register(m, "rest_parts", ((((rest + 1) << self.size) - 1) >> log)[:2])
        all_parts = register(m, "all_parts", ((1 << self.size) - 1)[:2])
        begins, dropping, part = Signal(init=1), Signal(), Signal(2)
        place, there = self.place.p, self.place.valid
        final = wire(m, "final", part == Mux(self.i.p.last, rest_parts, all_parts))
        first = wire(m, "first", begins & (part == 0))
        drop = wire(m, "drop", Mux(first, self.void | place.none, dropping))
        taken = wire(m, "taken", drop | (words.i.ready & (~first | requests.i.ready)))
        goes = wire(m, "goes", self.i.valid & (~first | there) & taken)
        final_row, ended = Signal(name="final_row"), Signal(name="ended")
        under_way = Signal(UNDER_WAY)
        ends = wire(m, "ends", goes & final & self.i.p.last & Mux(first, place.last, final_row))
        asks = wire(m, "asks", goes & first & ~drop)
        m.d.comb += [
            self.place.ready.eq(goes & first),
            requests.i.valid.eq(asks),
            requests.i.p.address.eq(place.address),
            requests.i.p.length.eq(place.length),
            words.i.valid.eq(goes & ~drop),
            words.i.p.data.eq(self._part(part)),
            words.i.p.last.eq(self.i.p.last & final),
            self.i.ready.eq(goes & final),
        ]
        m.d.sync += [
            under_way.eq(under_way + asks - self.done.valid),
            self.over.eq(ended & ~under_way.any() & ~self.start),
        ]
        with m.If(self.start):
            m.d.sync += ended.eq(0)
        with m.Elif(ends):
            m.d.sync += ended.eq(1)
        with m.If(goes):
            m.d.sync += [
                part.eq(Mux(final, 0, part + 1)),
                begins.eq(Mux(final, self.i.p.last, 0)),
                dropping.eq(drop),
            ]
        with m.If(goes & first):
            m.d.sync += final_row.eq(place.last)
        return m

    def _part(self, part: Value) -> Value:
        """Return a vector of bytes of the elements, of the size that is asked for."""
        lanes = self.params.lanes
        found: Value = Cat(each[:8] for each in self.i.p.data)
        for size in range(1, SIZES):
            packed = Cat(each[: 8 << size] for each in self.i.p.data)
            found = Mux(self.size == size, packed.word_select(part[:size], 8 * lanes), found)
        return found
