"""From parameters to files: Verilog, packages, simulations, reports.

The Python interface is what the command line does: ``generate``, ``simulate``, ``synthesize``. They
are loaded when they are first asked for: :mod:`~gemmule.gen.driver` runs where Amaranth is not.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .package.generate import generate
    from .simulation.simulate import GoldenMismatch, simulate
    from .synthesis.synth import synthesize

__all__ = ["GoldenMismatch", "generate", "simulate", "synthesize"]

HOMES = {
    "GoldenMismatch": "simulation.simulate",
    "generate": "package.generate",
    "simulate": "simulation.simulate",
    "synthesize": "synthesis.synth",
}


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{HOMES[name]}"), name)
    return value
