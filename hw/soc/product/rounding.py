"""Sizes rounded up to powers of two, and cut to what there is room for."""

from amaranth import Mux, Value

__all__ = ["at_most", "ceil_div", "whole"]


def at_most(value: Value, most: int) -> Value:
    """Return the value, or ``most`` where that is less."""
    return Mux(value < most, value, most)


def ceil_div(value: Value, divisor: int) -> Value:
    """Divide by a power of two, and round up."""
    log = divisor.bit_length() - 1
    return value[log:] + value[:log].any()


def whole(value: Value, size: int) -> Value:
    """Round up to a multiple of a power of two."""
    return ceil_div(value, size) << (size.bit_length() - 1)
