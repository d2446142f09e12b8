"""From parameters to files: Verilog, packages, simulations, reports.

The Python interface is what the command line does: ``generate``, ``simulate``, ``synthesize``.
"""

from .cli.supervise import starting

with starting():  # it takes a second
    from .package.generate import generate
    from .simulation.simulate import GoldenMismatch, simulate
    from .synthesis.synth import synthesize

__all__ = ["GoldenMismatch", "generate", "simulate", "synthesize"]
