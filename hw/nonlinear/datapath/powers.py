"""Reciprocal and reciprocal root: normalize, a polynomial of the mantissa, denormalize."""

import numpy as np
from amaranth import Cat, Mux, Value

from gemmule.golden.nonlinear.units import Powers

from .arithmetic import saturate
from .flow import Flow, Timed, lookup
from .polynomial import polynomial

__all__ = ["normalized", "powers"]


def normalized(flow: Flow, value: Timed) -> tuple[Timed, Timed]:
    """Shift ``value`` so that its highest one is its highest bit; tell by how much; 0 stays 0.

    Each shift is half of the one before it; two are done a cycle.
    """
    width = len(value.value)
    sizes = [1 << k for k in reversed(range((width - 1).bit_length()))]
    count: list[Timed] = []
    for first in range(0, len(sizes), 2):
        pair = sizes[first : first + 2]

        def shifted(value: Value, pair: list[int] = pair) -> Value:
            zeros = []
            for size in pair:
                empty = ~value[-size:].any()
                value = Mux(empty, value << size, value)[:width]
                zeros.insert(0, empty)
            return Cat(value, *zeros)

        both = flow.step(f"normalized_{pair[0]}", shifted, value)
        value = Timed(both.value[:width], both.time)
        count.insert(0, Timed(both.value[width:], both.time))
    late = [flow.at(part, value.time) for part in count]
    return value, Timed(Cat(*late), value.time)


def powers(flow: Flow, unit: Powers, x: Timed) -> Timed:
    """Return ``1/x`` or ``1/sqrt(x)``; of zero and below, the greatest output.

    :class:`golden.nonlinear.units.Powers` defines the bits.

    Latency: ``4 + 2 * degree`` cycles and one for each two bits of the shift.
    """
    fmt, pieces = unit.in_format, unit.pieces
    width = fmt.width

    def usable(value: Value) -> Value:
        return value.any() & (~value[-1] if fmt.signed else 1)

    positive = flow.step("positive", usable, x)
    mantissa, zeros = normalized(flow, Timed(x.value.as_unsigned(), x.time))
    parities = np.array([(width - 1 - z - fmt.frac) % 2 for z in range(width)])
    shifts = np.array([unit.shift(width - 1 - z) for z in range(width)])
    lead = max(0, 1 - int(shifts.min()))

    def position(mantissa: Value, zeros: Value) -> Value:
        fraction = mantissa[:-1]
        return Cat(fraction, lookup(parities, zeros)) if unit.root == 2 else fraction

    at = flow.step("position", position, mantissa, zeros)
    power = polynomial(flow, pieces, at)
    amount = flow.step(
        "amount", lambda z: lookup(shifts + lead - 1, z), zeros, since=power.time - 1
    )
    # One bit more than the result survives the shift, and rounds it.
    shifted = flow.step("shifted", lambda p, a: (p << lead) >> a, power, amount)
    low, high = unit.span()

    def result(shifted: Value, positive: Value) -> Value:
        near = shifted + 1 >> 1
        return Mux(positive, saturate(near, unit.out_format, low, high), unit.out_format.high)

    return flow.step("y", result, shifted, positive)
