"""From parameters to files: Verilog, packages, simulations, reports.

The Python interface is what the command line does: ``generate``, ``simulate``, ``synthesize``.
"""

from .supervise import starting

with starting():  # it takes a second
    from .package import generate
    from .simulate import GoldenMismatch, simulate
    from .synth import synthesize

__all__ = ["GoldenMismatch", "generate", "simulate", "synthesize"]
