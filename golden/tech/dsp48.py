"""One DSP48 as integers, cycle by cycle: what the behavioral Verilog models are checked against.

Written from the equations of UG579 and UG479 on Python's unbounded integers, with a wrap to the
width of each register: no code and no structure in common with ``hw/tech/dsp48e*.v``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Dsp48", "wrap"]

Pins = Mapping[str, int]

UNUSED: Any = None
"""What a multiplexer selects that we never select: no arithmetic takes it."""


def wrap(value: int, width: int) -> int:
    """Return ``value`` as a two's complement number of ``width`` bits.

    Examples
    --------
    >>> wrap(130, 8), wrap(-129, 8)
    (-126, 127)
    """
    return (value + (1 << width - 1)) % (1 << width) - (1 << width - 1)


@dataclass
class Dsp48:
    """A DSP48E2, or with ``port=25`` a DSP48E1; ``registers`` counts AREG, BREG and so on.

    :meth:`step` takes the pins of one cycle and gives P as it was *before* the clock's edge.

    Examples
    --------
    >>> cell = Dsp48(port=27, registers={"A": 1, "B": 1, "M": 1})
    >>> pins = {"A": 7, "B": -3, "OPMODE": 0b000000101}
    >>> [cell.step(pins) for _ in range(4)]
    [0, 0, 0, -21]
    """

    port: int = 27
    registers: Mapping[str, int] = field(default_factory=dict)
    rounding: int = 0
    preadder: bool = False
    state: dict[str, int] = field(default_factory=dict)

    def step(self, pins: Pins) -> int:
        """Advance by one clock. Pins that are left out are 0, enables that are left out are 1."""
        now, after = self.state, dict(self.state)

        def stage(name: str, value: int, enable: str, reset: str) -> int:
            after[name] = (
                0 if pins.get(reset) else value if pins.get(enable, 1) else now.get(name, 0)
            )
            return now.get(name, 0)

        def single(name: str, enable: str, reset: str, value: int) -> int:
            held = stage(name, value, enable, reset)
            return held if self.registers.get(name) else value

        def double(name: str, value: int) -> tuple[int, int]:
            count = self.registers.get(name, 0)
            first = stage(f"{name}1", value, f"CE{name}1", f"RST{name}")
            before = first if count == 2 else value
            second = stage(f"{name}2", before, f"CE{name}2", f"RST{name}")
            return before, second if count else value

        a1, a2 = double("A", wrap(pins.get("A", 0), 30))
        b1, b2 = double("B", wrap(pins.get("B", 0), 18))
        c = single("C", "CEC", "RSTC", pins.get("C", 0))
        d = single("D", "CED", "RSTD", wrap(pins.get("D", 0), self.port))
        inmode = single("INMODE", "CEINMODE", "RSTINMODE", pins.get("INMODE", 0))
        opmode = single("OPMODE", "CECTRL", "RSTCTRL", pins.get("OPMODE", 0))
        alumode = single("ALUMODE", "CEALUMODE", "RSTALUMODE", pins.get("ALUMODE", 0))
        carry = single("CARRYIN", "CECARRYIN", "RSTALLCARRYIN", pins.get("CARRYIN", 0))

        left = 0 if inmode & 2 else wrap(a1 if inmode & 1 else a2, self.port)
        right = d if inmode & 4 else 0
        both = wrap(right - left if inmode & 8 else right + left, self.port)
        both = single("AD", "CEAD", "RSTD", both)
        product = (both if self.preadder else left) * (b1 if inmode & 16 else b2)
        product = single("M", "CEM", "RSTM", product)

        p, above = now.get("P", 0), pins.get("PCIN", 0)
        x = (0, product, p, wrap(a2, 30) * (1 << 18) + b2 % (1 << 18))[opmode & 3]
        y = (0, 0, UNUSED, c)[opmode >> 2 & 3]
        z = (0, above, p, c, UNUSED, above >> 17, p >> 17)[opmode >> 4 & 7]
        w = (0, p, self.rounding, c)[opmode >> 7]
        total = w + x + y + carry
        result = (z + total, total - z - 1, -(z + total) - 1, z - total)[alumode]
        stage("P", wrap(result, 48), "CEP", "RSTP")
        self.state = after
        return p
