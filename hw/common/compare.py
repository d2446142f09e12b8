"""Comparisons with constants in a few levels of look-up tables: no carry chain."""

from amaranth import Const, Value

__all__ = ["below"]

INPUTS = 6
"""Of a look-up table."""


def below(value: Value, bound: int) -> Value:
    """Tell whether the unsigned ``value`` is less than the constant ``bound``: 1 bit."""
    if bound <= 0:
        return Const(0, 1)
    low = (bound - 1).bit_length()
    if low > len(value):
        return Const(1, 1)
    return ~value[low:].any() & _at_most(value[:low], bound - 1)


def _at_most(value: Value, limit: int) -> Value:
    width = len(value)
    if limit == (1 << width) - 1:
        return Const(1, 1)
    if width <= INPUTS:
        return value <= limit
    half = width // 2
    high, low = limit >> half, limit & ((1 << half) - 1)
    equal = (value[half:] == high) & _at_most(value[:half], low)
    return equal | _at_most(value[half:], high - 1) if high else equal
