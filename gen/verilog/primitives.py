"""Behavioral models of the primitives that a netlist may instantiate: for simulation only."""

import re
from functools import cache
from importlib.resources import files

__all__ = ["PRIMITIVES", "primitive", "primitives_in"]

PRIMITIVES = ("DSP48E1", "DSP48E2")


@cache
def primitive(name: str) -> str:
    """Return the Verilog that models one primitive."""
    return (files("gemmule.hw.tech") / f"{name.lower()}.v").read_text()


def primitives_in(verilog: str) -> dict[str, str]:
    """Return file name -> Verilog of the primitives that ``verilog`` instantiates.

    Examples
    --------
    >>> sorted(primitives_in("DSP48E2 #(.AREG(2)) dsp48e2 (.CLK(clk));"))
    ['dsp48e2.v']
    >>> primitives_in("module m(); endmodule")
    {}
    """
    used = [name for name in PRIMITIVES if re.search(rf"^\s*{name} ", verilog, re.MULTILINE)]
    return {f"{name.lower()}.v": primitive(name) for name in used}
