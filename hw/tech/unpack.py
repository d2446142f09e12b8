"""From the packed sums of a column's chains to the sums of its columns and rows."""

from collections.abc import Iterator

from amaranth import Module, Signal, Value, signed
from amaranth.lib import data

from gemmule.golden.tech.chains import ChainPlan

from ..common.pipeline import register
from .operands import signed_width, split, sum_shape

__all__ = ["unpacked"]


def unpacked(
    m: Module, plan: ChainPlan, group: int, sums: data.View, width: int
) -> Iterator[tuple[int, int, Value]]:
    """Column, row of ``a`` in the slot, and sum, of each field of a column of DSP blocks.

    The fields of all chains are added in a tree with a register a level; then the bias, known from
    the depths of the chains, leaves all fields but the uppermost, which has none.

    Latency: the levels of the tree, and one cycle more where products are packed.
    """
    packing = plan.packing
    if not plan.unpacks:
        yield group, 0, sums[0][:width].as_signed()
        return
    chains = [split(sums[i], packing, end - start) for i, (start, end) in enumerate(plan.spans)]
    bias = sum(packing.bias(end - start) for start, end in plan.spans)
    shape = sum_shape(packing, plan.rows)
    for field, terms in enumerate(zip(*chains, strict=True)):
        name = f"field_{group}_{field}"
        total = _tree(m, name, list(terms))
        offset = bias if field < packing.fields - 1 else 0
        result = Signal(signed(signed_width(shape)), name=name, reset_less=True)
        m.d.sync += result.eq(total - offset)
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
