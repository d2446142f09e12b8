"""How often an operand is read: once, or column by column of squares."""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from gemmule.golden.systolic.beats import DIM_WIDTH
from gemmule.hw.common.pipeline import register, wire
from gemmule.hw.common.wide import Stepper
from gemmule.hw.soc.vector.params import VectorUnitParams

__all__ = ["Passes"]


class Passes(wiring.Component):
    """Read a matrix as it is, or ``lanes`` of its columns after the other.

    A pass over columns begins when all rows of the one before were taken.

    Latency: 0 cycles to the first pass, 4 to each that follows.

    Parameters
    ----------
    params : VectorUnitParams

    Members
    -------
    start : In(1); turned : In(1)
    base : In(address_width); rows : In(24); columns : In(24); size : In(2)
        Held from ``start`` on.
    taken : In(1)
        A vector was taken; when ``turned``, each row is one.
    begins : Out(1); at : Out(address_width); of : Out(24)
        A pass over so many columns begins here.
    """

    def __init__(self, params: VectorUnitParams):
        self._lanes = params.lanes
        super().__init__({
            "start": In(1),
            "turned": In(1),
            "base": In(params.address_width),
            "rows": In(DIM_WIDTH),
            "columns": In(DIM_WIDTH),
            "size": In(2),
            "taken": In(1),
            "begins": Out(1),
            "at": Out(params.address_width),
            "of": Out(DIM_WIDTH),
        })

    def elaborate(self, platform):
        m = Module()
        lanes = self._lanes
        m.submodules.stepper = stepper = Stepper(len(self.base))
        stride = register(m, "stride", lanes << self.size)
        columns, rows = (Signal(DIM_WIDTH, name=name, reset_less=True) for name in ("more", "left"))
        later, ends = Signal(), wire(m, "ends", self.taken & (rows == 1))
        again = wire(m, "again", self.turned & ends & (columns > lanes))
        begins = Signal()
        m.d.comb += [
            stepper.load.eq(self.start),
            stepper.base.eq(self.base),
            stepper.stride.eq(stride),
            stepper.step.eq(again),
            self.begins.eq(self.start | begins),
            self.at.eq(Mux(later & ~self.start, stepper.address, self.base)),
            self.of.eq(Mux(self.turned & (columns > lanes), lanes, columns)),
        ]
        m.d.sync += begins.eq(again)
        with m.If(self.start):
            m.d.sync += [columns.eq(self.columns), rows.eq(self.rows), later.eq(0)]
        with m.Elif(self.taken):
            m.d.sync += rows.eq(Mux(ends, self.rows, rows - 1))
            with m.If(again):
                m.d.sync += [columns.eq(columns - lanes), later.eq(1)]
        return m
