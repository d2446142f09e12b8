"""The part of a sparse cell that skips zeros: it picks the activations its weights meet."""

from amaranth import Module, Mux, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from gemmule.hw.common.pipeline import register
from gemmule.hw.common.shared import shared

from .params import SparseArrayParams

__all__ = ["GroupSelect", "selectors_of"]


class GroupSelect(wiring.Component):
    """Hold a group of activations and pick those that the weights' indices name.

    ``chosen[s] = a[indices[s]]``, one cycle late as ``a_out`` is. ``shift`` moves indices down and
    ``swap`` makes them the ones in use, as the weights that they belong to are moved: the two stay
    together. Of packed products along M, both activations follow the same index.

    Latency: 1 cycle.
    Throughput: one group a cycle.
    Back-pressure: none.

    Parameters
    ----------
    params : SparseArrayParams
    swaps : bool
        Indices wait in a register of their own until ``swap``; else they are used as they come.

    Members
    -------
    a : In([m_lanes] x a_shape); a_out : Out(the same)
    shift, swap : In(1)
    indices : In([kept] x unsigned); indices_out : Out(the same)
    chosen : Out([kept] x [m_lanes] x a_format)
    """

    def __init__(self, params: SparseArrayParams, *, swaps: bool):
        self.params = params
        self._swaps = swaps
        indices = params.b_shape["indices"].shape
        groups = data.ArrayLayout(params.a_shape, params.m_lanes)
        chosen = data.ArrayLayout(params.a_shape.elem_shape, params.m_lanes)
        super().__init__({
            "a": In(groups),
            "a_out": Out(groups),
            "shift": In(1),
            "swap": In(1),
            "indices": In(indices),
            "indices_out": Out(indices),
            "chosen": Out(data.ArrayLayout(chosen, params.groups.kept)),
        })

    def elaborate(self, platform):
        m = Module()
        held = register(m, "a_held", self.a)
        path = register(m, "index_held", self.indices, self.shift)
        used = register(m, "index", path, self.swap) if self._swaps else path
        m.d.comb += [self.a_out.eq(held), self.indices_out.eq(path)]
        for lane in range(self.params.m_lanes):
            places = [held[lane][place] for place in range(self.params.groups.size)]
            for slot in range(self.params.groups.kept):
                m.d.comb += self.chosen[slot][lane].eq(_choose(places, used[slot]))
        return m


def selectors_of(m: Module, column: wiring.Component, *, swaps: bool) -> list[GroupSelect]:
    """Add the selectors of a sparse ``column``, between its ``a`` and ``a_out``, and return them.

    The indices of ``b`` come in at the top and move as ``control`` says; what the selectors choose
    is left to connect.
    """
    params = column.params
    selectors = [GroupSelect(params, swaps=swaps) for _ in range(params.rows)]
    weight_stationary = "ws" in params.dataflows
    indices = column.b.indices
    for row, selector in enumerate(selectors):
        m.submodules[f"select_{row}"] = shared(selector, (params, swaps))
        m.d.comb += [
            selector.indices.eq(indices),
            Value.cast(selector.a).eq(column.a[row]),
            Value.cast(column.a_out[row]).eq(selector.a_out),
            selector.shift.eq(column.control[row].shift if weight_stationary else 1),
            selector.swap.eq(column.control[row].swap if weight_stationary else 1),
        ]
        indices = selector.indices_out
    return selectors


def _choose(places: list[Value], index: Value) -> Value:
    """Pick ``places[index]``, of as many places as ``index`` has values: a LUT a bit for four."""
    if len(places) == 1:
        return places[0]
    half = len(places) // 2
    low, high = (_choose(part, index[:-1]) for part in (places[:half], places[half:]))
    return Mux(index[-1], high, low)
