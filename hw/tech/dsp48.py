"""The multiply-accumulate cell on a DSP48E1 or DSP48E2, as an instance of the primitive."""

from dataclasses import dataclass

from amaranth import Cat, ClockSignal, Const, Instance, Module, Signal, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from gemmule.golden.tech.chains import CELL_LATENCY

__all__ = ["A_WIDTH", "B_WIDTH", "P_WIDTH", "DspCell", "DspCellParams"]

A_WIDTH, B_WIDTH, P_WIDTH = 30, 18, 48
"""Bits of the ports A (the wide operand and its cascade), B (the narrow one) and P."""

D_WIDTH = {"dsp48e1": 25, "dsp48e2": 27}
OPMODE_WIDTH = {"dsp48e1": 7, "dsp48e2": 9}

X_Y_PRODUCT = 0b0101
Z_ABOVE, Z_CONSTANT = 0b001, 0b011
W_CONSTANT = 0b10

ENABLES = ("AD", "ALUMODE", "B1", "B2", "C", "CARRYIN", "CTRL", "D", "INMODE", "M", "P")
RESETS = ("A", "ALLCARRYIN", "ALUMODE", "B", "C", "CTRL", "D", "INMODE", "M", "P")
BYPASSED = ("ADREG", "ALUMODEREG", "CARRYINREG", "CARRYINSELREG", "CREG", "DREG", "INMODEREG")
UNUSED_INPUTS = {
    "ALUMODE": 4, "BCIN": 18, "CARRYCASCIN": 1, "CARRYIN": 1, "CARRYINSEL": 3, "INMODE": 5,
    "MULTSIGNIN": 1,
}  # fmt: skip
UNUSED_OUTPUTS = {
    "BCOUT": 18, "CARRYCASCOUT": 1, "CARRYOUT": 4, "MULTSIGNOUT": 1, "OVERFLOW": 1,
    "PATTERNBDETECT": 1, "PATTERNDETECT": 1, "UNDERFLOW": 1,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class DspCellParams:
    """Where a :class:`DspCell` stands in its column, and what it can do.

    ``cell`` is dsp48e1 or dsp48e2; ``cascaded``: the wide operand comes over the A cascade;
    ``above``: a sum comes over the P cascade, else ``constant`` is added; ``modes``: whether the
    adder's mode is chosen cycle by cycle or is fixed to adding what is above.
    """

    cell: str
    cascaded: bool
    above: bool
    modes: bool
    constant: int = 0


class DspCell(wiring.Component):
    """One DSP block: ``psum = base + narrow * weight``, its weight prefetched inside the block.

    ``base`` is, by the mode that comes one cycle behind ``narrow``: with ``keep`` the own sum,
    with ``chain`` the sum from above, with neither 0. Without modes it is the sum from above, or at
    a chain's top the constant, which is RND on W in a DSP48E2 and C on Z in a DSP48E1.

    ``shift`` moves the wide operand into A1, and so on to the cell below over the A cascade
    (ACASCREG = 1); ``swap`` copies A1 to A2, the multiplied weight. B, M and P have a register
    each. All bits are those of the primitive: UG579 (DSP48E2), UG479 (DSP48E1).

    Latency: 3 cycles from ``narrow`` to ``psum``; 2 from ``swap``.
    Throughput: one product a cycle. Back-pressure: none.

    Parameters
    ----------
    params : DspCellParams

    Members
    -------
    wide, wide_out : signed(30)
        ``wide`` is the port A, or ACIN where ``cascaded``; ``wide_out`` is ACOUT.
    narrow : signed(18)
    shift, swap, chain, keep : 1
    psum_above, psum_below : signed(48)
        PCIN and PCOUT.
    psum : signed(48)
        P.
    """

    LATENCY = CELL_LATENCY

    def __init__(self, params: DspCellParams):
        self.params = params
        super().__init__({
            "wide": In(signed(A_WIDTH)),
            "wide_out": Out(signed(A_WIDTH)),
            "narrow": In(signed(B_WIDTH)),
            "shift": In(1),
            "swap": In(1),
            **({"chain": In(1), "keep": In(1)} if params.modes else {}),
            **({"psum_above": In(signed(P_WIDTH))} if params.above else {}),
            "psum_below": Out(signed(P_WIDTH)),
            "psum": Out(signed(P_WIDTH)),
        })

    def elaborate(self, platform):
        m = Module()
        name = self.params.cell.upper()
        m.submodules[self.params.cell] = Instance(name, **self._attributes(), **self._pins())
        return m

    def _attributes(self) -> dict[str, object]:
        params = self.params
        values = {
            "AREG": 2, "ACASCREG": 1, "BREG": 1, "BCASCREG": 1, "MREG": 1, "PREG": 1,
            "OPMODEREG": int(params.modes), **dict.fromkeys(BYPASSED, 0),
            "A_INPUT": "CASCADE" if params.cascaded else "DIRECT", "USE_MULT": "MULTIPLY",
        }  # fmt: skip
        if params.cell == "dsp48e2" and not params.above and not params.modes:
            values["RND"] = Const(params.constant, P_WIDTH)
        return {f"p_{name}": value for name, value in values.items()}

    def _pins(self) -> dict[str, object]:
        params = self.params
        outputs = UNUSED_OUTPUTS | ({"XOROUT": 8} if params.cell == "dsp48e2" else {})
        return {
            "i_CLK": ClockSignal(),
            "i_A": Const(0, A_WIDTH) if params.cascaded else self.wide,
            "i_ACIN": self.wide if params.cascaded else Const(0, A_WIDTH),
            "i_B": self.narrow,
            "i_C": Const(params.constant, P_WIDTH),
            "i_D": Const(0, D_WIDTH[params.cell]),
            "i_PCIN": self.psum_above if params.above else Const(0, P_WIDTH),
            "i_OPMODE": self._opmode(),
            "i_CEA1": self.shift,
            "i_CEA2": self.swap,
            **{f"i_CE{name}": Const(1, 1) for name in ENABLES},
            **{f"i_RST{name}": Const(0, 1) for name in RESETS},
            **{f"i_{name}": Const(0, width) for name, width in UNUSED_INPUTS.items()},
            **{f"o_{name}": Signal(width, name=name) for name, width in outputs.items()},
            "o_ACOUT": self.wide_out,
            "o_PCOUT": self.psum_below,
            "o_P": self.psum,
        }

    def _opmode(self) -> Cat:
        params = self.params
        z, w = Const(0, 3), Const(0, OPMODE_WIDTH[params.cell] - 7)
        if params.modes:
            z = Cat(self.chain, self.keep, Const(0, 1))
        elif params.above:
            z = Const(Z_ABOVE, 3)
        elif params.constant and params.cell == "dsp48e2":
            w = Const(W_CONSTANT, 2)
        elif params.constant:
            z = Const(Z_CONSTANT, 3)
        return Cat(Const(X_Y_PRODUCT, unsigned(4)), z, w)
