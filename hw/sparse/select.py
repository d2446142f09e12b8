"""The part of a sparse cell that skips zeros: it picks the activations its weights meet."""

from amaranth import Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..common.pipeline import register
from ..systolic.cell import control_layout
from .params import SparseArrayParams

__all__ = ["GroupSelect"]


class GroupSelect(wiring.Component):
    """Hold a group of activations and pick those that the weights' indices name.

    ``chosen[s] = a[indices[s]]``, one cycle late as ``a_out`` is. Indices shift down and are taken
    over by the controls that move the weights of :class:`hw.systolic.Cell`: the two stay together.

    Latency: 1 cycle. Throughput: one group a cycle. Back-pressure: none.

    Members
    -------
    a, a_out : a_shape
    control : :func:`hw.systolic.cell.control_layout`
    indices, indices_out : [kept] x unsigned
    chosen : [kept] x a_format
    """

    def __init__(self, params: SparseArrayParams):
        self.params = params
        indices = params.b_shape["indices"].shape
        chosen = data.ArrayLayout(params.a_shape.elem_shape, params.groups.kept)
        super().__init__({
            "a": In(params.a_shape),
            "a_out": Out(params.a_shape),
            "control": In(control_layout(params)),
            "indices": In(indices),
            "indices_out": Out(indices),
            "chosen": Out(chosen),
        })

    def elaborate(self, platform):
        m = Module()
        held = register(m, "a_held", self.a)
        m.d.comb += self.a_out.eq(held)
        names = self._names(m)
        places = [held[place] for place in range(self.params.groups.size)]
        for slot in range(self.params.groups.kept):
            m.d.comb += self.chosen[slot].eq(_choose(places, names[slot]))
        return m

    def _names(self, m: Module) -> data.View:
        """The indices of the weights that multiply ``a_out``."""
        path = Signal(self.indices.shape(), name="index_held", reset_less=True)
        m.d.comb += self.indices_out.eq(path)
        if "ws" not in self.params.dataflows:
            m.d.sync += path.eq(self.indices)
            return path
        with m.If(self.control.shift):
            m.d.sync += path.eq(self.indices)
        return register(m, "index", path, self.control.swap)


def _choose(places: list[Value], index: Value) -> Value:
    """``places[index]``, for as many places as ``index`` has values: one LUT a bit for four."""
    if len(places) == 1:
        return places[0]
    half = len(places) // 2
    low, high = (_choose(part, index[:-1]) for part in (places[:half], places[half:]))
    return Mux(index[-1], high, low)
