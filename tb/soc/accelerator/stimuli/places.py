"""Where in memory of both machines things are: offsets, half-open."""

__all__ = [
    "COMPLETIONS",
    "LARGEST_LOG2",
    "OPERANDS",
    "RESULTS",
    "RING",
    "SETTINGS_END",
    "SETTINGS_START",
    "SIZE",
]

LARGEST_LOG2 = 9
"""Of the commands that a ring of the random runs holds."""

RING = 0x0440
COMPLETIONS = 0x9080
SETTINGS_START = 0xC000
SETTINGS_END = OPERANDS = 0x1C000
RESULTS = 0x3A000
SIZE = 0x52000
"""Bytes of memory: results go up to its last one."""

assert RING + (64 << LARGEST_LOG2) <= COMPLETIONS
assert COMPLETIONS + (16 << LARGEST_LOG2) <= SETTINGS_START
