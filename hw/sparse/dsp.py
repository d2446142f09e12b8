"""The sparse array made of DSP blocks."""

from amaranth import Module, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from gemmule.hw.common.choose import one_of_at_once
from gemmule.hw.common.pipeline import delay, register
from gemmule.hw.common.shared import shared
from gemmule.hw.tech.array import DspArray
from gemmule.hw.tech.column import DspColumn, row_control
from gemmule.hw.tech.dsp48 import P_WIDTH
from gemmule.hw.tech.unpack import unpacked

from .array import RowSums, SparseArray
from .params import SparseArrayParams
from .select import selectors_of

__all__ = ["DspChain", "SparseDspArray", "SparseDspColumn", "sparse_array_of_cells"]


class DspChain(DspColumn):
    """One multiplier of each cell of a column."""

    CHOOSE = staticmethod(one_of_at_once)


class SparseDspColumn(wiring.Component):
    """``rows`` selectors in front of ``kept`` columns of DSP blocks.

    Each multiplier of a cell stands in a column of its own, with its own cascades of weights and of
    sums. The selection takes a cycle: the blocks get their weights and controls a cycle later than
    the selectors do.

    Latency: one cycle more than :class:`hw.tech.column.DspColumn`.

    Members
    -------
    a : In([rows] x [m_lanes] x a_shape); a_out : Out(the same)
    control : In([rows] x row_control); control_out : Out(the same)
    b : In(b_shape)
    result : Out([kept] x [chains] x signed(48))
    """

    def __init__(self, params: SparseArrayParams):
        self.params = params
        a = data.ArrayLayout(data.ArrayLayout(params.a_shape, params.m_lanes), params.rows)
        control = data.ArrayLayout(row_control(params.dense), params.rows)
        sums = data.ArrayLayout(signed(P_WIDTH), len(params.chains.spans))
        super().__init__({
            "a": In(a),
            "a_out": Out(a),
            "control": In(control),
            "control_out": Out(control),
            "b": In(params.b_shape),
            "result": Out(data.ArrayLayout(sums, params.groups.kept)),
        })

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.control_out.eq(register(m, "control_held", self.control))
        # A block's weight passes two registers in either dataflow, and so do its indices.
        selectors = selectors_of(m, self, swaps=True)
        for slot in range(self.params.groups.kept):
            chain = DspChain(self.params.dense)
            m.submodules[f"chain_{slot}"] = shared(chain, self.params.dense)
            m.d.comb += [
                chain.control.eq(self.control_out),
                chain.b.eq(register(m, f"value_{slot}", self.b.values[slot])),
                self.result[slot].eq(chain.result),
            ]
            for row, selector in enumerate(selectors):
                m.d.comb += chain.a[row].eq(selector.chosen[slot])
        return m


class SparseDspArray(DspArray):
    """A sparse array of one device family: :class:`hw.tech.array.DspArray` with sparse columns.

    Packed products share a weight, and so its index: with ``--pack m`` two rows of ``a`` are
    selected from by each.

    Latency: ``params.array_latency``, two cycles more than a dense array of as many rows.
    Throughput: one slot a cycle.
    Back-pressure: none.

    Parameters
    ----------
    params : SparseArrayParams
    row_sums : bool

    Members
    -------
    As :func:`gemmule.hw.systolic.array.signature.array_signature` has them.
    """

    COLUMN = SparseDspColumn
    ROW_SUMS = RowSums

    def _moving_layout(self) -> data.ArrayLayout:
        return data.ArrayLayout(self.params.a_shape, self.params.m_lanes)

    def _weights(self, m: Module, group: int) -> Value:
        return delay(m, f"b_{group}", self.b[group], group)

    def _results(self, m: Module, group: int, column: SparseDspColumn) -> None:
        params, plan = self.params, self.plan
        width = params.dense.psum_width
        chains = [
            unpacked(m, plan, group, sums, width, name=f"unpack_{slot}")
            for slot, sums in enumerate(column.result)
        ]
        for parts in zip(*chains, strict=True):
            col, row, _value = parts[0]
            total = sum((value for _, _, value in parts[1:]), parts[0][2])
            total = register(m, f"total_{col}_{row}", total)
            straight = delay(m, f"sum_{col}_{row}", total, plan.groups - 1 - group + plan.spare)
            m.d.comb += self.sums[row][col].eq(straight)


def sparse_array_of_cells(
    params: SparseArrayParams, *, row_sums: bool = False
) -> SparseArray | SparseDspArray:
    """Build a systolic array of sparse cells of a kind of choice."""
    kind = SparseArray if params.cell == "generic" else SparseDspArray
    return kind(params, row_sums=row_sums)
