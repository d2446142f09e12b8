"""A column of DSP blocks: chains of cells, and what their sums come out as."""

from itertools import pairwise

from amaranth import Const, Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from gemmule.hw.common.choose import one_of
from gemmule.hw.common.pipeline import delay, register
from gemmule.hw.common.shared import shared
from gemmule.hw.systolic.params import ArrayParams

from .dsp48 import A_WIDTH, B_WIDTH, P_WIDTH, DspCell, DspCellParams
from .operands import moving_layout

__all__ = ["DspColumn", "row_control"]


def row_control(params: ArrayParams) -> data.StructLayout:
    """Lay out what travels along a row beside ``a``.

    See :class:`DspCell`, and ``busy`` is ``~clear``.

    ``chain``, ``keep`` and ``busy`` come one cycle behind their ``a``.
    """
    ws = {"shift": 1, "swap": 1} if "ws" in params.dataflows else {}
    modes = {"chain": 1, "keep": 1} if params.dataflow != "ws" else {}
    busy = {"busy": 1} if params.drains_apart else {}
    return data.StructLayout({**ws, **modes, **busy})


class DspColumn(wiring.Component):
    """``rows`` DSP blocks over one A cascade, their sums in one P cascade or in several chains.

    Where output-stationary sums drain without a bubble, each cell's sum is copied when it is
    finished (``busy`` low) into a register that is 0 in every other cycle, and the column ors them
    with the sum of the chain. Otherwise the chain's sum is all there is.

    Latency: 3 cycles from ``a`` in front of a chain's last row to ``result``; where the drain
    is apart, one more and ``params.drain_latency``. Throughput: one slot a cycle.
    Back-pressure: none.

    Parameters
    ----------
    params : ArrayParams

    Members
    -------
    a : In([rows] x :func:`moving_layout`); a_out : Out(the same)
    control : In([rows] x :func:`row_control`); control_out : Out(the same)
        As they pass to the next column, one cycle later.
    b : In(signed(30)), with ``--pack m`` signed(18)
    result : Out([chains] x signed(48))
    """

    CHOOSE = staticmethod(one_of)

    def __init__(self, params: ArrayParams):
        self.params = params
        self.plan = params.chains
        a = data.ArrayLayout(moving_layout(self.plan.packing), params.rows)
        control = data.ArrayLayout(row_control(params), params.rows)
        super().__init__({
            "a": In(a),
            "a_out": Out(a),
            "control": In(control),
            "control_out": Out(control),
            "b": In(signed(B_WIDTH if params.pack == "m" else A_WIDTH)),
            "result": Out(data.ArrayLayout(signed(P_WIDTH), len(self.plan.spans))),
        })

    def elaborate(self, platform):
        m = Module()
        m.d.comb += [
            self.a_out.eq(register(m, "moving_held", self.a.as_value())),
            self.control_out.eq(register(m, "control_held", self.control.as_value())),
        ]
        cells = [
            self._cell(m, row, start, end)
            for start, end in self.plan.spans
            for row in range(start, end)
        ]
        for above, below in pairwise(cells):
            m.d.comb += below.weight.eq(above.weight_out)
            if below.params.above:
                m.d.comb += below.psum_above.eq(above.psum_below)
        m.d.comb += cells[0].weight.eq(self.b)
        self._collect(m, cells)
        return m

    def _cell(self, m: Module, row: int, start: int, end: int) -> DspCell:
        params = DspCellParams(
            cell=self.params.cell,
            cascaded=row > 0,
            above=row > start,
            modes=self.params.dataflow != "ws",
            pairs=self.params.pack == "m",
            constant=self.plan.packing.constant(end - start) if row == start else 0,
        )
        cell = DspCell(params)
        m.submodules[f"cell_{row}"] = shared(cell, params)
        if params.pairs:
            low, high = self.a[row]
            m.d.comb += [cell.added.eq(low), cell.moving.eq(high << self.plan.packing.spacing)]
        else:
            m.d.comb += cell.moving.eq(self.a[row][0])
        control = self.control[row]
        for name in ("shift", "swap", "chain", "keep"):
            if name in cell.signature.members:
                held = name in row_control(self.params).members
                m.d.comb += getattr(cell, name).eq(control[name] if held else Const(1))
        return cell

    def _collect(self, m: Module, cells: list[DspCell]) -> None:
        if not self.params.drains_apart:
            for index, (_start, end) in enumerate(self.plan.spans):
                m.d.comb += self.result[index].eq(cells[end - 1].psum)
            return
        width = self.params.psum_width
        drained = [self._drained(m, row, cell, width) for row, cell in enumerate(cells)]
        collected = self.CHOOSE(m, drained)
        if self.params.dataflow == "both":
            # The bottom row's sum counts only in the cycle behind one in which it was chained.
            chained = register(m, "chained", self.control_out[-1].chain)
            psum = Signal(width, name="chosen", reset_less=True)
            with m.If(chained):
                m.d.comb += psum.eq(cells[-1].psum)
            collected = collected | delay(m, "bottom", psum, self.params.drain_latency)
        result = Signal(signed(width), name="collected", reset_less=True)
        m.d.sync += result.eq(collected)
        m.d.comb += self.result[0].eq(result)

    def _drained(self, m: Module, row: int, cell: DspCell, width: int) -> Signal:
        drained = Signal(width, name=f"drained_{row}", reset_less=True)
        m.d.sync += drained.eq(cell.psum)
        with m.If(self.control_out[row].busy):
            m.d.sync += drained.eq(0)
        return drained
