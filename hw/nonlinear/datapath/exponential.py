"""Exponentials: from two tables, and as HeatViT computes them."""

from amaranth import Const, Mux, Value

from gemmule.golden.nonlinear.exponential import HeatvitExp, TwoTableExp

from .arithmetic import rounded, times
from .flow import Flow, Timed, lookup

__all__ = ["heatvit", "heatvit_below", "product", "product_below"]


def product(flow: Flow, unit: TwoTableExp, x: Timed) -> Timed:
    """Return ``high[d >> b] * low[d mod 2**b]`` with ``d = clamp(top - x)``: one multiplier.

    :class:`golden.nonlinear.exponential.TwoTableExp` defines the bits.

    Latency: 6 cycles.
    """
    return product_below(flow, unit, flow.step("distance", lambda x: unit.top - x, x))


def product_below(flow: Flow, unit: TwoTableExp, d: Timed) -> Timed:
    """Return :func:`product` of the distance ``top - x``. Latency: 5 cycles."""
    split, bits = unit.low_bits, unit.bits
    d = flow.step("clamped", lambda d: below(d, bits), d)
    low = flow.step("low", lambda d: lookup(unit.low, d[:split]), d)
    high = flow.step("high", lambda d: lookup(unit.high, d[split:]), d)
    value = flow.step("product", lambda a, b: a * b, high, low)
    return rounded(flow, value, unit.shift, unit)


def below(value: Value, bits: int) -> Value:
    """Clamp a signed ``value`` to ``0 .. 2**bits - 1``."""
    if len(value) - 1 <= bits:
        return Mux(value[-1], 0, value[:-1])
    top = Mux(value[bits:-1].any(), Const((1 << bits) - 1, bits), value[:bits])
    return Mux(value[-1], 0, top)[:bits]


def heatvit(flow: Flow, unit: HeatvitExp, x: Timed) -> Timed:
    """Return ``(0.3585 * (p + 1.353)**2 + 0.344) >> z``: one multiplier, constants in adders.

    :class:`golden.nonlinear.exponential.HeatvitExp` defines the bits.

    Latency: 11 cycles.
    """
    return heatvit_below(flow, unit, flow.step("distance", lambda x: -x, x))


def heatvit_below(flow: Flow, unit: HeatvitExp, d: Timed) -> Timed:
    """Return :func:`heatvit` of the distance ``-x``. Latency: 10 cycles."""
    frac, bits = unit.FRAC, unit.bits
    d = flow.step("clamped", lambda d: below(d, bits), d)
    below_point = unit.in_format.frac + frac
    z = flow.step("z", lambda d: times(d, unit.RECIPROCAL_LN2) >> below_point, d)
    z = flow.step("turns", lambda z: z[: unit.Z_BITS], z)
    whole = flow.step("whole", lambda z: times(z, unit.LN2) + unit.OFFSET, z)
    # p + 1.353 lies in 0 to 1.354.
    p = flow.step("p", lambda w, d: (w - (d << frac - unit.in_format.frac))[: frac + 1], whole, d)
    square = flow.step("square", lambda p: p * p, p)
    scaled = flow.step("scaled", lambda s: times(s >> frac, unit.SCALE) >> frac, square)
    power = flow.step("power", lambda s, z: (s + unit.FLOOR) >> z, scaled, z)
    return rounded(flow, power, frac - unit.out_format.frac, unit)
