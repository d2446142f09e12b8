"""Functions that are symmetric, from a polynomial of the magnitude."""

from amaranth import Const, Mux, Value

from gemmule.golden.nonlinear.units import Reflected

from .arithmetic import rounded
from .flow import Flow, Timed
from .polynomial import polynomial

__all__ = ["reflected"]


def reflected(flow: Flow, unit: Reflected, x: Timed) -> Timed:
    """``max(x, 0) - t``, ``t`` or ``1 - t``, or ``-t`` or ``t``, with ``t`` of ``|x|``.

    :class:`golden.nonlinear.units.Reflected` defines the bits.

    Latency: ``6 + 2 * degree`` cycles.
    """
    pieces, signed = unit.pieces, unit.in_format.signed
    width = unit.in_format.width

    def magnitude(value: Value) -> Value:
        return Mux(value[-1], -value, value)[:width] if signed else value

    def position(value: Value) -> Value:
        inside = value[: unit.domain]
        return Mux(value[unit.domain :].any(), Const((1 << unit.domain) - 1, unit.domain), inside)

    def sign(value: Value) -> Value:
        return value[-1] if signed else Const(0, 1)

    negative = flow.step("negative", sign, x)
    t = polynomial(
        flow, pieces, flow.step("position", position, flow.step("magnitude", magnitude, x))
    )
    up = pieces.frac - unit.in_format.frac
    one = 1 << pieces.frac

    def combined(negative: Value, t: Value, x: Value) -> Value:
        turned = {"rectified": Const(1, 1), "complement": ~negative, "odd": negative}[unit.symmetry]
        base = {
            "rectified": Mux(negative, 0, x) << max(up, 0),
            "complement": Mux(negative, 0, one),
            "odd": Const(0, 1),
        }[unit.symmetry]
        return base + Mux(turned, -t, t)

    # Only the rectified kind needs x itself again.
    again = x if unit.symmetry == "rectified" else negative
    value = flow.step("combined", combined, negative, t, again)
    return rounded(flow, value, pieces.frac - unit.out_format.frac, unit)
