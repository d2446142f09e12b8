"""How much of everything a whole campaign has at least, of each accelerator."""

from .configurations import ALL_UNITS, CONFIGURATIONS, WITH_CONVOLUTIONS, WITH_VECTORS

__all__ = [
    "BEATS",
    "CHAINS",
    "CHAINS_OF_ALL_UNITS",
    "COMMANDS",
    "COMPLETIONS_WATCHED",
    "ERRORS",
    "HALTS",
    "REFUSED",
    "REFUSED_LAYERS",
    "RESETS",
    "chains_of",
    "layers_refused_of",
]

COMMANDS = 1_260
CHAINS = 560
"""Of those with two units; those with one have a tenth."""

CHAINS_OF_ALL_UNITS = 1_670

REFUSED = 130
REFUSED_LAYERS = 1_250
"""Malformed CONVOLUTION commands, of those with the unit."""

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
assert len(WITH_VECTORS) * CHAINS >= 5_000
assert len(ALL_UNITS) * CHAINS_OF_ALL_UNITS >= 5_000
assert len(WITH_CONVOLUTIONS) * REFUSED_LAYERS >= 5_000
assert len(CONFIGURATIONS) * BEATS >= 1_000
assert len(CONFIGURATIONS) * RESETS >= 500


def chains_of(name: str) -> int:
    """Return how many chains one accelerator is to have."""
    if name in ALL_UNITS:
        return CHAINS_OF_ALL_UNITS
    return CHAINS if name in WITH_VECTORS or name in WITH_CONVOLUTIONS else CHAINS // 10


def layers_refused_of(name: str) -> int:
    """Return how many malformed CONVOLUTION commands it is to have."""
    return REFUSED_LAYERS if name in WITH_CONVOLUTIONS else 0
