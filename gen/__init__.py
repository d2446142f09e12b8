"""From parameters to files: Verilog, packages, simulations, reports.

>>> from gemmule.gen import generate, simulate, synthesize  # what the command line does
"""

from importlib import import_module
from typing import Any

__all__ = ["GoldenMismatch", "generate", "simulate", "synthesize"]

_HOMES = {
    "GoldenMismatch": ("simulate", "GoldenMismatch"),
    "generate": ("package", "generate"),
    "simulate": ("simulate", "simulate"),
    "synthesize": ("synth", "synthesize"),
}


def __getattr__(name: str) -> Any:
    """The function ``name`` from its module, so that `import gemmule.gen` costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _HOMES[name]
    return getattr(import_module(f".{module}", __name__), attribute)
