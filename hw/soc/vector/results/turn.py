"""Transposes results on their way out, square by square, or lets them by."""

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.golden.systolic.beats import DIM_WIDTH
from gemmule.hw.common.pipeline import wire
from gemmule.hw.common.transposer import Transposer
from gemmule.hw.soc.vector.layouts import elements_layout
from gemmule.hw.soc.vector.params import WHOLE, VectorUnitParams

__all__ = ["Turn"]

BYTE = 8


class Turn(wiring.Component):
    """Transpose vectors of 1-byte elements, of which each is a row of a pass over columns.

    Latency: 0 cycles, or ``lanes`` where it is ``turned``. Throughput: a vector a cycle; the last
    rows of a pass take as long as a whole square. Back-pressure: that of the `Transposer`.

    Parameters
    ----------
    params : VectorUnitParams

    Members
    -------
    start : In(1); turned : In(1); rows : In(24)
        Held from ``start`` on; ``rows`` are those of a pass.
    i, o : In, Out(stream of :func:`~.layouts.elements_layout`)
        Of a square come ``lanes`` vectors, each a row of its own.
    """

    def __init__(self, params: VectorUnitParams):
        self._lanes = params.lanes
        elements = stream.Signature(elements_layout(WHOLE, params.lanes))
        super().__init__({
            "start": In(1),
            "turned": In(1),
            "rows": In(DIM_WIDTH),
            "i": In(elements),
            "o": Out(elements),
        })

    def elaborate(self, platform):
        m = Module()
        lanes = self._lanes
        m.submodules.square = square = Transposer(signed(BYTE), lanes)
        left = Signal(DIM_WIDTH, reset_less=True)
        place = Signal(range(max(lanes, 2)))
        takes = wire(m, "takes", self.turned & self.i.valid & self.i.ready)
        ends = wire(m, "ends", left == 1)
        m.d.comb += [
            square.i.valid.eq(self.i.valid & self.turned),
            square.i.p.last.eq(ends | (place == lanes - 1)),
            square.o.ready.eq(self.o.ready & self.turned),
            *(square.i.p.data[n].eq(self.i.p.data[n]) for n in range(lanes)),
        ]
        with m.If(self.turned):
            m.d.comb += [
                self.i.ready.eq(square.i.ready),
                self.o.valid.eq(square.o.valid),
                self.o.p.last.eq(1),
                self.o.p.keep.eq(~0),
                *(self.o.p.data[n].eq(square.o.p.data[n]) for n in range(lanes)),
            ]
        with m.Else():
            wiring.connect(m, wiring.flipped(self.i), wiring.flipped(self.o))
        with m.If(self.start):
            m.d.sync += [left.eq(self.rows), place.eq(0)]
        with m.Elif(takes):
            m.d.sync += [
                left.eq(Mux(ends, self.rows, left - 1)),
                place.eq(Mux(square.i.p.last, 0, place + 1)),
            ]
        return m
