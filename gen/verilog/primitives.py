"""Behavioral models of the primitives that a netlist may instantiate: for simulation only."""

import re
from functools import cache
from importlib.resources import files

__all__ = ["PRIMITIVES", "model", "models"]

PRIMITIVES = ("DSP48E1", "DSP48E2")


@cache
def model(primitive: str) -> str:
    """The Verilog of one model."""
    return (files("gemmule.hw.tech") / f"{primitive.lower()}.v").read_text()


def models(verilog: str) -> dict[str, str]:
    """File name -> Verilog, of the models that ``verilog`` instantiates.

    Examples
    --------
    >>> sorted(models("DSP48E2 #(.AREG(2)) dsp48e2 (.CLK(clk));"))
    ['dsp48e2.v']
    >>> models("module m(); endmodule")
    {}
    """
    used = [name for name in PRIMITIVES if re.search(rf"^\s*{name} ", verilog, re.MULTILINE)]
    return {f"{name.lower()}.v": model(name) for name in used}
