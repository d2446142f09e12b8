"""How much of everything a whole campaign has at least, of each accelerator."""

from .configurations import BOTH_UNITS, CONFIGURATIONS

__all__ = [
    "BEATS",
    "CHAINS",
    "COMMANDS",
    "COMPLETIONS_WATCHED",
    "ERRORS",
    "HALTS",
    "REFUSED",
    "RESETS",
]

COMMANDS = 1_260
CHAINS = 560
"""Of those with both units; the others have a tenth."""

REFUSED = 130
ERRORS = 30
"""At random beats and bytes of batches of many commands."""

BEATS = 150
"""Errors at each beat of small batches, one after the other."""

RESETS = 32
HALTS = 20
COMPLETIONS_WATCHED = 240

assert len(CONFIGURATIONS) >= 12
assert len(CONFIGURATIONS) * COMMANDS >= 20_000
assert len(CONFIGURATIONS) * REFUSED >= 2_000
assert len(BOTH_UNITS) * CHAINS >= 5_000
assert len(CONFIGURATIONS) * BEATS >= 1_000
assert len(CONFIGURATIONS) * RESETS >= 500
