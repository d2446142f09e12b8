"""From parameters to files: Verilog, packages, simulations, reports.

The Python interface is what the command line does: ``generate``, ``simulate``, ``synthesize``.
"""

from .package import generate
from .simulate import GoldenMismatch, simulate
from .synth import synthesize

__all__ = ["GoldenMismatch", "generate", "simulate", "synthesize"]
