"""A program in memory: its commands, each in whole units of 16 bytes, and its settings behind."""

from collections.abc import Sequence

from .hardware import ConvolutionHardware
from .layout import command_width, lane, width

__all__ = ["UNIT", "beat_units", "command_units", "packed", "unpacked"]

UNIT = 16
"""Bytes of a unit: programs are counted in them."""


def command_units(hardware: ConvolutionHardware) -> int:
    """Count the units of a command."""
    return -(-command_width(hardware) // (8 * UNIT))


def beat_units(hardware: ConvolutionHardware) -> int:
    """Count the units of a product's settings: a lane for each column."""
    return -(-hardware.cols * width(lane(hardware)) // (8 * UNIT))


def packed(numbers: Sequence[int], units: int) -> bytes:
    """Return numbers as records of so many units, little-endian.

    Examples
    --------
    >>> packed([1, 2], 1).hex()
    '0100000000000000000000000000000002000000000000000000000000000000'
    """
    return b"".join(number.to_bytes(UNIT * units, "little") for number in numbers)


def unpacked(octets: bytes, units: int) -> list[int]:
    """Return the numbers of records; bits that are cut off the last one are 0.

    Examples
    --------
    >>> unpacked(packed([1, 2], 1), 1), unpacked(b"", 1)
    ([1, 2], [])
    """
    size = UNIT * units
    return [int.from_bytes(octets[at : at + size], "little") for at in range(0, len(octets), size)]
