"""A lane's product: a wide signed number times a wide unsigned one, tile by tile."""

from amaranth import Cat, Const, Module, Signal, Value, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from gemmule.golden.tech.product import CHUNK, ProductPlan
from gemmule.hw.common.pipeline import delay, register

from .primitive import A_WIDTH, B_WIDTH, P_WIDTH, primitive

__all__ = ["DspProduct", "GenericProduct", "product_of"]

Z_ABOVE, Z_SHIFTED = 0b001, 0b101
"""Z is PCIN, or PCIN >> 17."""

X_Y_PRODUCT = 0b0101


class _Product(wiring.Component):
    """``product = number * factor`` by the tiles of ``plan``, one behind the other.

    Each tile multiplies a chunk of ``number`` by a piece of ``factor`` and adds what the tile
    before it carries on; its lowest bits are done when no other tile has bits there.

    Latency: ``plan.latency`` cycles from ``number``; ``factor`` is taken ``plan.lead`` cycles ahead
    of it. Throughput: one product a cycle. Back-pressure: none.

    Parameters
    ----------
    plan : ProductPlan

    Members
    -------
    number : In, the bits of a signed number; factor : In(unsigned)
    product : Out(signed), as wide as both
    """

    def __init__(self, plan: ProductPlan):
        self.plan = plan
        super().__init__({
            # Yosys reads a module again that connects part of a signed wire to a primitive.
            "number": In(unsigned(plan.number_width)),
            "factor": In(unsigned(plan.factor_width)),
            "product": Out(signed(plan.width)),
        })

    def _finished(self, m: Module, sums: list[Value]) -> None:
        """Put the digits together, each as late as the last of them."""
        plan, last = self.plan, len(self.plan.tiles) - 1
        digits = []
        for index, tile in enumerate(plan.tiles):
            if index == last:
                digits.append(sums[index][: plan.width - CHUNK * tile.place])
            elif plan.tiles[index + 1].place > tile.place:
                digits.append(delay(m, f"digit_{tile.place}", sums[index][:CHUNK], last - index))
        m.d.comb += self.product.eq(Cat(digits))


class GenericProduct(_Product):
    """A register behind each multiplier and behind each adder: any tool's logic."""

    def elaborate(self, platform):
        m = Module()
        plan = self.plan
        factor = register(m, "factor_held", self.factor)
        sums, carry = [], Const(0, 0)
        for index, tile in enumerate(plan.tiles):
            chunk = delay(m, f"chunk_{index}", plan.chunk(self.number, tile), index)
            piece = delay(m, f"piece_{index}", plan.piece(factor, tile), index)
            partial = register(m, f"partial_{index}", chunk * piece)
            if index and tile.place > plan.tiles[index - 1].place:
                carry = carry[CHUNK:].as_signed() if carry.shape().signed else carry[CHUNK:]
            total = partial + carry
            limit = plan.width - CHUNK * tile.place
            if len(total) > limit:
                total = total[:limit].as_signed()
            carry = register(m, f"added_{index}", total)
            sums.append(carry)
        self._finished(m, sums)
        return m


class DspProduct(_Product):
    """A DSP block a tile, whose sums come down the P cascade."""

    def elaborate(self, platform):
        m = Module()
        plan, above, sums = self.plan, Const(0, P_WIDTH), []
        for index, tile in enumerate(plan.tiles):
            # Two of the cycles that an operand waits are registers of the block.
            stages = 1 if not index else 2
            chunk = delay(m, f"chunk_{index}", plan.chunk(self.number, tile), max(index - 1, 0))
            piece = delay(m, f"piece_{index}", plan.piece(self.factor, tile), max(index - 1, 0))
            shifted = index and tile.place > plan.tiles[index - 1].place
            z = Z_SHIFTED if shifted else Z_ABOVE if index else 0
            p = Signal(P_WIDTH, name=f"p_{index}")
            below = Signal(P_WIDTH, name=f"below_{index}")
            m.submodules[f"tile_{index}"] = primitive(
                plan.cell,
                attributes={
                    "AREG": stages, "ACASCREG": stages, "BREG": stages, "BCASCREG": stages,
                    "MREG": 1, "PREG": 1, "USE_MULT": "MULTIPLY",
                },
                pins={
                    "A": Cat(piece, Const(0, A_WIDTH - len(piece))),
                    "B": _fitted(chunk), "PCIN": above, "P": p, "PCOUT": below,
                    "OPMODE": Const(z << 4 | X_Y_PRODUCT, 7),
                },
            )  # fmt: skip
            sums.append(p)
            above = below
        self._finished(m, sums)
        return m


def product_of(plan: ProductPlan) -> GenericProduct | DspProduct:
    """Build the product of the kind that ``plan.cell`` names."""
    return (GenericProduct if plan.cell == "generic" else DspProduct)(plan)


def _fitted(chunk: Value) -> Value:
    top = chunk[-1] if chunk.shape().signed else Const(0, 1)
    return Cat(chunk, top.replicate(B_WIDTH - len(chunk)))
