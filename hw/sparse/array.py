"""The systolic array whose cells skip zeros: N multipliers for each M of K."""

from amaranth import Module, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from gemmule.hw.common.choose import one_of_at_once
from gemmule.hw.common.pipeline import delay, register
from gemmule.hw.common.shared import shared
from gemmule.hw.systolic.array.cell import Cell, Column, control_layout
from gemmule.hw.systolic.array.systolic_array import SystolicArray

from .params import SparseArrayParams
from .select import selectors_of

__all__ = ["Chain", "RowSums", "SparseArray", "SparseColumn"]


class _SelectedCell(Cell):
    """A cell whose ``a`` has been held already, by what selects it."""

    def elaborate(self, platform):
        m = Module()
        control = register(m, "control_held", self.control)
        m.d.comb += [self.a_out.eq(self.a), self.control_out.eq(control)]
        self._accumulate(m, self._product(m, self.a, self._weight(m)))
        return m


class Chain(Column):
    """One multiplier of each cell of a column: a column of a dense array, its ``a`` selected."""

    CELL = _SelectedCell
    CHOOSE = staticmethod(one_of_at_once)


class _SumCell(Cell):
    """A cell that sums the activations of its group, a cycle before it adds them to the others."""

    def elaborate(self, platform):
        m = Module()
        control = register(m, "control_held", self.control)
        group = register(m, "group", sum((each for each in self.a), start=0))
        m.d.comb += [
            self.a_out.eq(register(m, "a_held", self.a)),
            self.control_out.eq(control),
        ]
        self._accumulate(m, group)
        return m


class RowSums(Column):
    """The column that sums ``a``, whole groups at a time."""

    CELL = _SumCell
    CHOOSE = staticmethod(one_of_at_once)


class SparseColumn(wiring.Component):
    """A column of sparse cells: ``rows`` selectors in front of ``kept`` chains of multipliers.

    ``result = sum over r, s of a[r][indices[r, s]] * values[r, s]`` in either dataflow. Each of a
    cell's multipliers has a chain of sums of its own, and so exactly the logic of a dense cell; the
    chains are added once, at the bottom.

    Latency: one cycle more than a dense :class:`hw.systolic.array.cell.Column`.

    Members
    -------
    a : In([rows] x a_shape); a_out : Out(the same)
    control : In([rows] x control_layout); control_out : Out(the same)
    b : In(b_shape)
    result : Out(signed(psum_width))
    """

    def __init__(self, params: SparseArrayParams):
        self.params = params
        control = data.ArrayLayout(control_layout(params), params.rows)
        super().__init__({
            "a": In(data.ArrayLayout(params.a_shape, params.rows)),
            "a_out": Out(data.ArrayLayout(params.a_shape, params.rows)),
            "control": In(control),
            "control_out": Out(control),
            "b": In(params.b_shape),
            "result": Out(signed(params.psum_width)),
        })

    def elaborate(self, platform):
        m = Module()
        selectors = selectors_of(m, self, swaps="ws" in self.params.dataflows)
        chains = [Chain(self.params.dense) for _ in range(self.params.groups.kept)]
        for slot, chain in enumerate(chains):
            m.submodules[f"chain_{slot}"] = shared(chain, self.params.dense)
            m.d.comb += [chain.control.eq(self.control), chain.b.eq(self.b.values[slot])]
            for row, selector in enumerate(selectors):
                m.d.comb += chain.a[row].eq(selector.chosen[slot][0])
        total = sum((chain.result for chain in chains[1:]), chains[0].result)
        m.d.comb += [
            self.control_out.eq(chains[0].control_out),
            self.result.eq(register(m, "total", total)),
        ]
        return m


class SparseArray(SystolicArray):
    """A systolic array of R x C sparse cells that runs free: a slot a cycle.

    ``sums[c] = sum over r, s of a[r][indices[r, c, s]] * values[r, c, s]`` of one slot, where a row
    holds one group of K: a tile covers ``size * R`` of K with ``kept * R`` multipliers a column.
    The slots, the controls and both dataflows are those of
    :class:`hw.systolic.array.systolic_array.SystolicArray`. Values and indices travel and wait
    compressed.

    2:4 after the sparse tensor cores of NVIDIA's Ampere architecture (white paper, 2020), whose
    format this is; in a systolic array of either dataflow it is ours.

    Latency: ``params.array_latency``, one cycle more than a dense array of as many rows and
    columns.
    Throughput: one slot a cycle.
    Back-pressure: none.

    Parameters
    ----------
    params : SparseArrayParams
    row_sums : bool
        Adds a column that sums ``a`` itself.

    Members
    -------
    As :func:`gemmule.hw.systolic.array.signature.array_signature` has them.
    """

    COLUMN = SparseColumn

    def __init__(self, params: SparseArrayParams, *, row_sums: bool = False):
        super().__init__(params, row_sums=row_sums)

    def _sum_rows(self, m: Module, a: data.View, control: data.View) -> None:
        column = RowSums(self.params, unit=True)
        m.submodules.row_sums = column
        late = self.params.array_latency - self.params.column_latency
        m.d.comb += [
            column.a.eq(a),
            column.control.eq(control),
            self.row_sum[0].eq(delay(m, "row_sum", column.result, late)),
        ]
