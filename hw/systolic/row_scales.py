"""Settings of requantization by row: held until their rows of results come."""

from amaranth import Module
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from gemmule.hw.common.stream.fifo import Fifo

from .params import ProductParams

__all__ = ["RowScales"]


class RowScales(wiring.Component):
    """Queue settings of rows, and count those whose rows are not yet under way.

    Rows under way cannot wait, so whoever issues them does it only while ``held`` covers them; the
    queue is deep enough that they never wait for settings that are offered in time.

    Latency: 1 cycle from ``take`` to ``held``, 2 to ``data``. Throughput: one row a cycle.
    Back-pressure: nothing is taken while ``params.row_scale_depth`` rows are inside.

    Parameters
    ----------
    params : ProductParams

    Members
    -------
    offered : In(1); settings : In([m_lanes] x ``params.requantizer.row_layout``); take : Out(1)
        From the operand.
    beside : In(1)
        Whether its command has settings by column as well.
    completed : In(range(rows + 1))
        Rows from now on under way.
    held : Out(range(params.row_scale_depth + 1))
        Rows that have their settings, and are not under way.
    data : Out([m_lanes] x ``params.requantizer.row_layout``); data_beside : Out(1); next : In(1)
        Of the oldest row; ``next`` goes on to the one after it.
    """

    def __init__(self, params: ProductParams):
        self.params = params
        layout = data.ArrayLayout(params.requantizer.row_layout, params.m_lanes)
        entry = data.StructLayout({"settings": layout, "beside": 1})
        self._fifo = Fifo(entry, params.row_scale_depth)
        super().__init__({
            "offered": In(1),
            "settings": In(layout),
            "beside": In(1),
            "take": Out(1),
            "completed": In(range(params.rows + 1)),
            "held": Out(range(params.row_scale_depth + 1)),
            "data": Out(layout),
            "data_beside": Out(1),
            "next": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.fifo = fifo = self._fifo
        m.d.comb += [
            self.take.eq(self.offered & fifo.i.ready),
            fifo.i.valid.eq(self.offered),
            fifo.i.payload.settings.eq(self.settings),
            fifo.i.payload.beside.eq(self.beside),
            self.data.eq(fifo.o.payload.settings),
            self.data_beside.eq(fifo.o.payload.beside),
            fifo.o.ready.eq(self.next),
        ]
        m.d.sync += self.held.eq(self.held + self.take - self.completed)
        return m
