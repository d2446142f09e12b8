"""A DSP48E1 or DSP48E2 as an instance of the primitive, all of whose pins are connected."""

from collections.abc import Mapping

from amaranth import Cat, ClockSignal, Const, Instance, Signal, Value
from amaranth.hdl import ValueLike

__all__ = ["A_WIDTH", "B_WIDTH", "D_WIDTH", "OPMODE_WIDTH", "P_WIDTH", "primitive"]

A_WIDTH, B_WIDTH, P_WIDTH = 30, 18, 48
"""Bits of the ports A (the wide operand and its cascade), B (the narrow one) and P."""

D_WIDTH = {"dsp48e1": 25, "dsp48e2": 27}
"""Bits of the port D, and of what the multiplier takes of A."""

OPMODE_WIDTH = {"dsp48e1": 7, "dsp48e2": 9}


ENABLES = (
    "A1", "A2", "AD", "ALUMODE", "B1", "B2", "C", "CARRYIN", "CTRL", "D", "INMODE", "M", "P",
)  # fmt: skip
RESETS = ("A", "ALLCARRYIN", "ALUMODE", "B", "C", "CTRL", "D", "INMODE", "M", "P")
INPUTS = {
    "A": A_WIDTH, "ACIN": A_WIDTH, "ALUMODE": 4, "B": B_WIDTH, "BCIN": B_WIDTH, "C": P_WIDTH,
    "CARRYCASCIN": 1, "CARRYIN": 1, "CARRYINSEL": 3, "INMODE": 5, "MULTSIGNIN": 1, "PCIN": P_WIDTH,
}  # fmt: skip
OUTPUTS = {
    "ACOUT": A_WIDTH, "BCOUT": B_WIDTH, "CARRYCASCOUT": 1, "CARRYOUT": 4, "MULTSIGNOUT": 1,
    "OVERFLOW": 1, "P": P_WIDTH, "PATTERNBDETECT": 1, "PATTERNDETECT": 1, "PCOUT": P_WIDTH,
    "UNDERFLOW": 1,
}  # fmt: skip
BYPASSED = (
    "ADREG", "ALUMODEREG", "CARRYINREG", "CARRYINSELREG", "CREG", "DREG", "INMODEREG", "OPMODEREG",
)  # fmt: skip


def primitive(
    cell: str, *, attributes: Mapping[str, object], pins: Mapping[str, ValueLike]
) -> Instance:
    """Instantiate one block of the kind ``cell`` (dsp48e1 or dsp48e2), all its enables high.

    ``attributes`` and ``pins`` are by the names of UG479 and UG579. Registers that no attribute
    mentions are those of A, B, M and P; inputs that no pin connects are 0, as are bits that a
    connected one leaves out.
    """
    inputs = INPUTS | {"D": D_WIDTH[cell], "OPMODE": OPMODE_WIDTH[cell]}
    outputs = OUTPUTS | ({"XOROUT": 8} if cell == "dsp48e2" else {})
    connected = {
        **{f"i_{name}": Const(0, width) for name, width in inputs.items()},
        **{f"i_CE{name}": Const(1, 1) for name in ENABLES},
        **{f"i_RST{name}": Const(0, 1) for name in RESETS},
        **{f"o_{name}": Signal(width, name=name) for name, width in outputs.items()},
        "i_CLK": ClockSignal(),
    }
    ways = {key[2:]: key for key in connected}
    given = {
        name: _padded(Value.cast(value), inputs[name]) if name in inputs else value
        for name, value in pins.items()
    }
    return Instance(
        cell.upper(),
        **{f"p_{name}": value for name, value in (dict.fromkeys(BYPASSED, 0) | attributes).items()},
        **connected | {ways[name]: value for name, value in given.items()},
    )


def _padded(value: Value, width: int) -> Value:
    return Cat(value, Const(0, width - len(value))) if len(value) < width else value
