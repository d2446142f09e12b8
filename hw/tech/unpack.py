"""From the packed sums of a column's chains to the sums of its columns and rows."""

from collections.abc import Iterator

from amaranth import Module, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from gemmule.golden.tech.chains import ChainPlan
from gemmule.hw.common.pipeline import register
from gemmule.hw.common.shared import shared

from .dsp48 import P_WIDTH
from .operands import signed_width, split, sum_shape

__all__ = ["Unpacker", "unpacked"]


class Unpacker(wiring.Component):
    """The fields of all chains of a column, added field by field and freed of their bias.

    ``results[f] = sum over chains of field f - bias`` by a tree with a register a level; the bias
    is known from the depths of the chains, and the uppermost field has none. The fields and their
    bounds are derived in :mod:`golden.tech.packing`, whose `Packing.unpack` defines every bit.

    Latency: the levels of the tree, and one cycle. Throughput: one vector a cycle.
    Back-pressure: none.

    Parameters
    ----------
    plan : ChainPlan

    Members
    -------
    sums : In([chains] x signed(48))
    results : Out([fields] x signed), as wide as the sum over all rows
    """

    def __init__(self, plan: ChainPlan):
        self.plan = plan
        self._result = signed(signed_width(sum_shape(plan.packing, plan.rows)))
        super().__init__({
            "sums": In(data.ArrayLayout(signed(P_WIDTH), len(plan.spans))),
            "results": Out(data.ArrayLayout(self._result, plan.packing.fields)),
        })

    def elaborate(self, platform):
        m = Module()
        plan, packing = self.plan, self.plan.packing
        depths = [end - start for start, end in plan.spans]
        chains = [
            split(each, packing, depth) for each, depth in zip(self.sums, depths, strict=True)
        ]
        bias = sum(map(packing.bias, depths))
        for field, terms in enumerate(zip(*chains, strict=True)):
            name = f"field_{field}"
            result = Signal(self._result, name=name, reset_less=True)
            offset = bias if field < packing.fields - 1 else 0
            m.d.sync += result.eq(_tree(m, name, list(terms)) - offset)
            m.d.comb += self.results[field].eq(result)
        return m


def unpacked(
    m: Module, plan: ChainPlan, group: int, sums: data.View, width: int, *, name: str = "unpack"
) -> Iterator[tuple[int, int, Value]]:
    """Give column, row of ``a`` in the slot, and sum, of each field of a column of DSPs.

    Latency: that of :class:`Unpacker`, none where there is one chain of one field.
    """
    packing = plan.packing
    if not plan.unpacks:
        yield group, 0, sums[0][:width].as_signed()
        return
    unpacker = Unpacker(plan)
    m.submodules[f"{name}_{group}"] = shared(unpacker, plan)
    m.d.comb += unpacker.sums.eq(sums)
    for field, result in enumerate(unpacker.results):
        yield group * packing.columns + field // packing.rows, field % packing.rows, result


def _tree(m: Module, name: str, terms: list[Value]) -> Value:
    level = 0
    while len(terms) > 1:
        level += 1
        pairs = [terms[i : i + 2] for i in range(0, len(terms), 2)]
        terms = [
            register(m, f"{name}_{level}_{index}", pair[0] + pair[1] if len(pair) > 1 else pair[0])
            for index, pair in enumerate(pairs)
        ]
    return terms[0]
