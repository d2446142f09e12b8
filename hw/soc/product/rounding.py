"""Divisions by powers of two that round up."""

from amaranth import Value

__all__ = ["ceil_div", "whole"]


def ceil_div(value: Value, divisor: int) -> Value:
    """Divide by a power of two, and round up."""
    log = divisor.bit_length() - 1
    return value[log:] + value[:log].any()


def whole(value: Value, size: int) -> Value:
    """Round up to a multiple of a power of two."""
    return ceil_div(value, size) << (size.bit_length() - 1)
