"""Straight lines and tables."""

import math

import numpy as np
from amaranth import Cat, Const, Mux, Value

from gemmule.golden.nonlinear.slope import Slope
from gemmule.golden.nonlinear.units import Lines, RectifiedTable, Table

from .arithmetic import saturate
from .flow import Flow, Timed, lookup

__all__ = ["lines", "rectified_table", "slope", "table"]


def table(flow: Flow, unit: Table, x: Timed) -> Timed:
    """Return ``values[x]``. Latency: 1 cycle."""
    return flow.step("y", lambda x: lookup(unit.values, x.as_unsigned()), x)


def rectified_table(flow: Flow, unit: RectifiedTable, x: Timed) -> Timed:
    """Return ``max(x, 0) - values[x]``. Latency: 2 cycles."""
    up = unit.out_format.frac - unit.in_format.frac
    correction = flow.step("correction", lambda x: lookup(unit.values, x.as_unsigned()), x)
    base = flow.step("base", lambda x: Mux(x < 0, 0, x) << up, x)
    return flow.step("y", lambda b, c: (b - c)[: unit.out_format.width], base, correction)


def slope(flow: Flow, unit: Slope, x: Timed) -> Timed:
    """Return ``clamp(floor((factor * x + offset) / 2**shift), 0, 1)``. Latency: 3 cycles."""
    fmt = unit.out_format
    top = min(1 << fmt.frac, fmt.high)
    product = flow.step("product", lambda x: x * unit.factor, x)
    line = flow.step("line", lambda p: p + unit.offset >> unit.shift, product)
    return flow.step("y", lambda v: limited(v, top)[: fmt.width], line)


def limited(value: Value, top: int) -> Value:
    """Return ``value`` between 0 and ``top``."""
    signed = value.shape().signed
    if (1 << len(value) - signed) - 1 > top:
        value = Mux(value > top, top, value)
    return Mux(value < 0, 0, value) if signed else value


def lines(flow: Flow, unit: Lines, x: Timed) -> Timed:
    """Return ``floor(x * 2**-shift + constant)`` of the region that holds x; comparators find it.

    :class:`golden.nonlinear.units.Lines` defines the bits.

    Latency: 3 cycles, and one more where the output cannot hold 1.
    """
    fmt = unit.in_format
    up, down = unit.frac - fmt.frac, unit.frac - unit.out_format.frac
    limits = [math.ceil(b * 2.0**fmt.frac) for b in unit.BREAKS]

    def code(x: Value) -> Value:
        """Return the region by its two bits, and the sign."""
        sign = x[-1] if fmt.signed else Const(0, 1)
        magnitude = x.as_unsigned() ^ sign.replicate(fmt.width)
        beyond = [_reaches(magnitude, limit) for limit in limits]
        return Cat(beyond[2] | (beyond[0] & ~beyond[1]), beyond[1], sign)

    def term_of(x: Value, region: Value) -> Value:
        terms = [x << up - shift for shift in unit.SHIFTS]
        low = Mux(region[0], terms[1], terms[0])
        return Mux(region[1], Mux(region[0], 0, terms[2]), low)

    constants = np.array(unit.CONSTANTS) << unit.frac - 5
    constants = np.concatenate([constants, (1 << unit.frac) - constants])
    region = flow.step("region", code, x)
    term = flow.step("slope", lambda x, r: term_of(x, r[:2]), x, region)
    constant = flow.step("constant", lambda r: lookup(constants, r), region)
    low, high = unit.span()
    total = flow.step("sum", lambda s, c: s + c >> down, term, constant)
    if low >= unit.out_format.low and high <= unit.out_format.high:
        return total
    return flow.step("y", lambda v: saturate(v, unit.out_format, low, high), total)


def _reaches(value: Value, limit: int) -> Value:
    """Return ``value >= limit``; the bits below the lowest one of ``limit`` do not matter."""
    low = (limit & -limit).bit_length() - 1
    return value[low:] >= limit >> low
