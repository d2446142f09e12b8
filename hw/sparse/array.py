"""The systolic array whose cells skip zeros: N multipliers for each M of K."""

from amaranth import Module, Mux, Value

from ..common.pipeline import wire
from ..systolic.array import SystolicArray
from ..systolic.cell import Cell, Column
from .params import SparseArrayParams

__all__ = ["SparseArray", "SparseCell", "SparseColumn"]


class SparseCell(Cell):
    """A cell for one group along K: it picks the activations that its weights meet.

    ``psum = (ws ? psum_above : clear ? 0 : psum) + sum over s of a[indices[s]] * values[s]``

    ``a`` is the group's ``size`` activations, a weight its ``kept`` values and indices; with 2:4,
    two of four and two multipliers. Values and indices travel and wait compressed. With ``unit``
    the cell sums its ``size`` activations. Everything else is :class:`hw.systolic.Cell`'s, both
    dataflows included; ``golden.sparse.gemm.multiply`` defines the sum.

    2:4 after the sparse tensor cores of NVIDIA's Ampere architecture (white paper, 2020), whose
    format this is; the cell in a systolic array of either dataflow is ours.

    Latency: that of :class:`hw.systolic.Cell`; the selection is combinational.
    """

    def _product(self, m: Module, a: Value, weight: Value | None) -> Value:
        pattern = self.params.groups
        if weight is None:
            return sum((a[place] for place in range(1, pattern.size)), a[0])
        products = []
        for slot in range(pattern.kept):
            places = [a[place] for place in range(pattern.size)]
            chosen = wire(m, f"chosen_{slot}", _choose(places, weight.indices[slot]))
            products.append(chosen * weight.values[slot])
        return sum(products[1:], products[0])


class SparseColumn(Column):
    """A column of :class:`SparseCell`."""

    CELL = SparseCell


class SparseArray(SystolicArray):
    """A systolic array of R x C sparse cells that runs free: a slot a cycle.

    ``sums[c] = sum over r, s of a[r][indices[r, c, s]] * values[r, c, s]`` of one slot, where a row
    holds one group of K: a tile covers ``size * R`` of K with ``kept * R`` multipliers a column.
    The slots, the controls and both dataflows are those of :class:`hw.systolic.SystolicArray`.

    Latency: that of :class:`hw.systolic.SystolicArray`. Throughput: one slot a cycle.
    Back-pressure: none.

    Parameters
    ----------
    params : SparseArrayParams
    row_sums : bool
        Adds a column that sums ``a`` itself.

    Members
    -------
    a : [rows] x [size] x a_format
    b : [cols] x b_shape
    shift : [rows]; only with the weight-stationary dataflow, as ``swap``
    ws : only with both dataflows
    clear : only with the output-stationary dataflow
    sums : [cols] x signed(psum_width)
    row_sum : signed, with ``row_sums``
    """

    COLUMN = SparseColumn

    def __init__(self, params: SparseArrayParams, *, row_sums: bool = False):
        super().__init__(params, row_sums=row_sums)


def _choose(places: list[Value], index: Value) -> Value:
    """``places[index]``, for as many places as ``index`` has values: one LUT a bit for four."""
    if len(places) == 1:
        return places[0]
    half = len(places) // 2
    low, high = (_choose(part, index[:-1]) for part in (places[:half], places[half:]))
    return Mux(index[-1], high, low)
