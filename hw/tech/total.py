"""A lane's total: a tile's sums, those of the tiles before it, and what the settings add."""

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from gemmule.hw.common.pipeline import register
from gemmule.hw.common.requantize.params import RequantizerParams

from .primitive import A_WIDTH, B_WIDTH, P_WIDTH, primitive

__all__ = ["DspTotal", "GenericTotal", "total_of"]

SUBTRACT = 0b0011
"""ALUMODE of Z - (X + Y)."""

Z_ABOVE, Z_C = 0b001, 0b011
X_Y_PRODUCT = 0b0101


class _Total(wiring.Component):
    """``kept_sum = sums + (first ? 0 : kept)`` and
    ``total = kept_sum + offset - zero_point * row_sum``, one of which will be wanted.

    A port is sampled so many cycles after ``sums`` as ``params.times`` says for its name, ``kept``
    likewise; ``kept_sum`` and ``total`` are there at ``params.times["total"]``, ``kept_sum`` at
    ``params.times["kept_sum"]``.

    Throughput: one vector a cycle. Back-pressure: none.

    Members
    -------
    sums : In(signed(input_width))
    kept : In(signed(acc_width)); first : In(1), with ``keeps``
    final : In(1)
        Which: ``total``.
    offset : In(signed)
    zero_point, row_sum : In(signed), with a row sum
    kept_sum : Out(signed(acc_width)); total : Out(signed(sum_width))
    """

    def __init__(self, params: RequantizerParams):
        self.params = params
        lane = params.lane_layout
        kept = {"kept": In(signed(params.acc_width)), "first": In(1)} if params.keeps else {}
        row_sum = {}
        if params.row_sum_width:
            row_sum = {
                "zero_point": In(lane["b_zero_point"].shape),
                "row_sum": In(signed(params.row_sum_width)),
            }
        super().__init__({
            "sums": In(signed(params.input_width)),
            **kept,
            "final": In(1),
            "offset": In(lane["offset"].shape),
            **row_sum,
            "kept_sum": Out(signed(params.acc_width)),
            "total": Out(signed(params.total_width)),
        })


class GenericTotal(_Total):
    """Three adders, each with a register behind it: any tool's logic."""

    def elaborate(self, platform):
        m = Module()
        width = self.params.total_width
        before = Mux(self.first, 0, self.kept) if self.params.keeps else Const(0, 1)
        kept_sum = Signal(signed(self.params.acc_width), name="sum", reset_less=True)
        m.d.sync += kept_sum.eq(self.sums + before)
        offset = register(m, "offset_held", self.offset)
        total = register(m, "biased", (kept_sum + offset)[:width].as_signed())
        if self.params.row_sum_width:
            zero_point = register(m, "zero_point_held", self.zero_point)
            correction = register(m, "correction", zero_point * self.row_sum)
            total = register(m, "corrected", (total - correction)[:width].as_signed())
        m.d.comb += [self.kept_sum.eq(kept_sum), self.total.eq(total)]
        return m


class DspTotal(_Total):
    """Two DSP blocks: ``A:B + C + PCIN`` behind ``C - A * B``; the modes are chosen by row.

    The second block keeps its sum to itself where the row is not final. The product and the offset
    come over the cascade.
    """

    def elaborate(self, platform):
        m = Module()
        # Yosys reads a module again that connects a signed wire to a primitive: these have no sign.
        below = Signal(P_WIDTH)
        m.submodules.corrected = self._correction(below)
        p = Signal(P_WIDTH)
        sums = register(m, "sums_held", self.sums.as_unsigned())
        wide = _extended(sums.as_signed(), A_WIDTH + B_WIDTH)
        kept = Cat(~self.first, ~self.first) if self.params.keeps else Const(0, 2)
        pins = {
            "A": wide[B_WIDTH:], "B": wide[:B_WIDTH], "PCIN": below, "P": p,
            # X is A:B, Y is C or 0, Z is PCIN or 0.
            "OPMODE": Cat(Const(0b11, 2), kept, self.final, Const(0, 2)),
        }  # fmt: skip
        if self.params.keeps:
            pins["C"] = _extended(self.kept, P_WIDTH)
        m.submodules.summed = primitive(
            self.params.cell,
            attributes={
                "AREG": 2, "ACASCREG": 2, "BREG": 2, "BCASCREG": 2, "MREG": 0, "PREG": 1,
                "OPMODEREG": 1, "USE_MULT": "NONE",
            },
            pins=pins,
        )  # fmt: skip
        m.d.comb += [self.kept_sum.eq(p), self.total.eq(p)]
        return m

    def _correction(self, below: Signal):
        params = self.params
        pins = {"C": _extended(self.offset, P_WIDTH), "PCOUT": below}
        attributes = {"AREG": 0, "ACASCREG": 0, "BREG": 1, "BCASCREG": 1, "CREG": 1, "PREG": 1}
        if params.row_sum_width:
            pins |= {
                "A": _extended(self.row_sum, A_WIDTH),
                "B": _extended(self.zero_point, B_WIDTH),
                "ALUMODE": Const(SUBTRACT, 4),
                "OPMODE": Const(Z_C << 4 | X_Y_PRODUCT, 7),
            }
            attributes |= {"MREG": 1, "USE_MULT": "MULTIPLY"}
        else:
            pins["OPMODE"] = Const(Z_C << 4, 7)
            attributes |= {"MREG": 0, "USE_MULT": "NONE"}
        return primitive(params.cell, attributes=attributes, pins=pins)


def total_of(params: RequantizerParams) -> GenericTotal | DspTotal:
    """Build the total of the kind that ``params.total_cell`` names."""
    return (GenericTotal if params.total_cell == "generic" else DspTotal)(params)


def _extended(value: Value, width: int) -> Value:
    """Return ``value`` with its sign repeated up to ``width`` bits."""
    sign = value[-1].replicate(width - len(value))
    return Cat(value, sign) if len(value) < width else value[:width]
