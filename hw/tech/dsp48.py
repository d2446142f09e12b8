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

INMODE_ADD_D = 0b00100

ENABLES = (
    "A1", "A2", "AD", "ALUMODE", "B1", "B2", "C", "CARRYIN", "CTRL", "D", "INMODE", "M", "P",
)  # fmt: skip
RESETS = ("A", "ALLCARRYIN", "ALUMODE", "B", "C", "CTRL", "D", "INMODE", "M", "P")
BYPASSED = ("ALUMODEREG", "CARRYINREG", "CARRYINSELREG", "CREG", "DREG", "INMODEREG")
UNUSED_INPUTS = {
    "ALUMODE": 4, "CARRYCASCIN": 1, "CARRYIN": 1, "CARRYINSEL": 3, "MULTSIGNIN": 1,
}  # fmt: skip
UNUSED_OUTPUTS = {
    "CARRYCASCOUT": 1, "CARRYOUT": 4, "MULTSIGNOUT": 1, "OVERFLOW": 1,
    "PATTERNBDETECT": 1, "PATTERNDETECT": 1, "UNDERFLOW": 1,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class DspCellParams:
    """Where a :class:`DspCell` stands in its column, and what it can do.

    ``cell`` is dsp48e1 or dsp48e2; ``cascaded``: the weight comes over the cascade from the cell
    above; ``above``: a sum comes over the P cascade, else ``constant`` is added; ``modes``: whether
    the adder's mode is chosen cycle by cycle or is fixed to adding what is above; ``pairs``: the
    moving operand is two numbers, joined by the pre-adder.
    """

    cell: str
    cascaded: bool
    above: bool
    modes: bool
    pairs: bool = False
    constant: int = 0


class DspCell(wiring.Component):
    """One DSP block: ``psum = base + (moving + added) * weight``, its weight prefetched inside.

    ``base`` is, by the mode that comes one cycle behind ``moving``: with ``keep`` the own sum,
    with ``chain`` the sum from above, with neither 0. Without modes it is the sum from above, or at
    a chain's top the constant, which is RND on W in a DSP48E2 and C on Z in a DSP48E1.

    The weight is the wide operand: ``shift`` moves it into A1, and so on to the cell below over the
    A cascade (ACASCREG = 1); ``swap`` copies A1 to A2, which is multiplied. With ``pairs`` it is
    the narrow operand instead, likewise in B1 and B2, and the wide one is ``moving + added`` from
    the pre-adder. The moving operand, M and P have a register each. All bits are those of the
    primitive: UG579 (DSP48E2), UG479 (DSP48E1).

    Latency: 3 cycles from ``moving`` to ``psum``; 2 from ``swap``.
    Throughput: one product a cycle. Back-pressure: none.

    Parameters
    ----------
    params : DspCellParams

    Members
    -------
    weight : In(signed(30)); weight_out : Out(the same), with ``pairs`` signed(18)
        ``weight`` is the port A, or ACIN where ``cascaded``; ``weight_out`` is ACOUT; or B's.
    moving : In(signed(18)), with ``pairs`` signed(30)
    added : In(signed(25 or 27)), only with ``pairs``
    shift, swap, chain, keep : In(1)
    psum_above : In(signed(48)); psum_below : Out(the same)
        PCIN and PCOUT.
    psum : Out(signed(48))
        P.
    """

    LATENCY = CELL_LATENCY

    def __init__(self, params: DspCellParams):
        self.params = params
        wide, narrow = signed(A_WIDTH), signed(B_WIDTH)
        weight, moving = (narrow, wide) if params.pairs else (wide, narrow)
        super().__init__({
            "weight": In(weight),
            "weight_out": Out(weight),
            "moving": In(moving),
            **({"added": In(signed(D_WIDTH[params.cell]))} if params.pairs else {}),
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
        weight, moving = ("B", "A") if params.pairs else ("A", "B")
        values = {
            f"{weight}REG": 2, f"{weight}CASCREG": 1,
            f"{weight}_INPUT": "CASCADE" if params.cascaded else "DIRECT",
            # The pre-adder's register is the moving operand's.
            f"{moving}REG": int(not params.pairs), f"{moving}CASCREG": int(not params.pairs),
            "ADREG": int(params.pairs), "MREG": 1, "PREG": 1, "OPMODEREG": int(params.modes),
            **dict.fromkeys(BYPASSED, 0), "USE_MULT": "MULTIPLY",
        }  # fmt: skip
        if params.pairs and params.cell == "dsp48e2":
            values["AMULTSEL"] = "AD"
        elif params.pairs:
            values["USE_DPORT"] = "TRUE"
        if params.cell == "dsp48e2" and not params.above and not params.modes:
            values["RND"] = Const(params.constant, P_WIDTH)
        return {f"p_{name}": value for name, value in values.items()}

    def _pins(self) -> dict[str, object]:
        params = self.params
        outputs = UNUSED_OUTPUTS | ({"XOROUT": 8} if params.cell == "dsp48e2" else {})
        weight, moving = ("B", "A") if params.pairs else ("A", "B")
        widths = {"A": A_WIDTH, "B": B_WIDTH}
        none = {name: Const(0, width) for name, width in widths.items()}
        enables = {name: Const(1, 1) for name in ENABLES}
        enables |= {f"{weight}1": self.shift, f"{weight}2": self.swap}
        return {
            "i_CLK": ClockSignal(),
            f"i_{weight}": none[weight] if params.cascaded else self.weight,
            f"i_{weight}CIN": self.weight if params.cascaded else none[weight],
            f"i_{moving}": self.moving,
            f"i_{moving}CIN": none[moving],
            "i_C": Const(params.constant, P_WIDTH),
            "i_D": self.added if params.pairs else Const(0, D_WIDTH[params.cell]),
            "i_INMODE": Const(INMODE_ADD_D if params.pairs else 0, 5),
            "i_PCIN": self.psum_above if params.above else Const(0, P_WIDTH),
            "i_OPMODE": self._opmode(),
            **{f"i_CE{name}": value for name, value in enables.items()},
            **{f"i_RST{name}": Const(0, 1) for name in RESETS},
            **{f"i_{name}": Const(0, width) for name, width in UNUSED_INPUTS.items()},
            **{f"o_{name}": Signal(width, name=name) for name, width in outputs.items()},
            f"o_{weight}COUT": self.weight_out,
            f"o_{moving}COUT": Signal(widths[moving], name=f"{moving}COUT"),
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
