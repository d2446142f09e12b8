"""Functions that are symmetric, from a polynomial of the magnitude."""

from amaranth import Cat, Const, Mux, Value

from gemmule.golden.nonlinear.units import Reflected

from .arithmetic import saturate
from .flow import Flow, Timed
from .polynomial import polynomial

__all__ = ["reflected"]


def reflected(flow: Flow, unit: Reflected, x: Timed) -> Timed:
    """Return ``max(x, 0) - t``, ``t`` or ``1 - t``, or ``-t`` or ``t``, with ``t`` of ``|x|``.

    :class:`golden.nonlinear.units.Reflected` defines the bits.

    The half that rounds and the 1 of a negation are in the constant that t is added to.

    Latency: ``4 + 2 * degree`` cycles, and one more where the output saturates.
    """
    pieces, signed = unit.pieces, unit.in_format.signed
    width = unit.in_format.width

    def sign(value: Value) -> Value:
        return value[-1] if signed else Const(0, 1)

    def magnitude(value: Value) -> Value:
        return (complemented(value.as_unsigned(), sign(value)) + sign(value))[:width]

    def position(value: Value) -> Value:
        inside = value[: unit.domain]
        return Mux(value[unit.domain :].any(), Const((1 << unit.domain) - 1, unit.domain), inside)

    negative = flow.step("negative", sign, x)
    at = flow.step("position", position, flow.step("magnitude", magnitude, x))
    t = polynomial(flow, pieces, at)
    down = pieces.frac - unit.out_format.frac
    half = 1 << down >> 1 if down > 0 else 0
    one = 1 << pieces.frac

    def rectified(t: Value, negative: Value, x: Value) -> Value:
        up = pieces.frac - unit.in_format.frac
        base = Mux(negative, 0, x) << up
        return (base | half if up >= down else base + half) - t

    def complement(t: Value, negative: Value) -> Value:
        return Mux(negative, half, half + one + 1) + complemented(t, ~negative)

    def odd(t: Value, negative: Value) -> Value:
        return Mux(negative, half + 1, half) + complemented(t, negative)

    combine = {"rectified": rectified, "complement": complement, "odd": odd}[unit.symmetry]
    operands = (t, negative, x) if combine is rectified else (t, negative)
    value = flow.step("combined", combine, *operands)
    low, high = unit.span()
    near = Timed(value.value << -down if down < 0 else value.value >> down, value.time)
    if low >= unit.out_format.low and high <= unit.out_format.high:
        return near
    return flow.step("y", lambda v: saturate(v, unit.out_format, low, high), near)


def complemented(value: Value, where: Value) -> Value:
    """Return ``-value - 1`` where ``where`` is set, else ``value``.

    Who adds the 1 needs no second adder.
    """
    signed = value if value.shape().signed else Cat(value, Const(0, 1)).as_signed()
    return (signed.as_unsigned() ^ where.replicate(len(signed))).as_signed()
