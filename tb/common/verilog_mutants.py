"""Verilog with one mistake put into it, to see that a bench fails on it."""

import re
from dataclasses import replace

from gemmule.gen.verilog.emit import Emitted

__all__ = ["mutated"]


def mutated(emitted: Emitted, pattern: str, replacement: str) -> Emitted:
    """Replace the one match of ``pattern``, a regular expression, in the Verilog of ``emitted``.

    That there is exactly one is asserted: a mutant that no longer applies proves nothing.
    """
    verilog, count = re.subn(pattern, replacement, emitted.verilog, flags=re.MULTILINE)
    assert count == 1, f"{pattern!r} matches {count} times in the Verilog of {emitted.top}"
    assert verilog != emitted.verilog
    return replace(emitted, verilog=verilog)
