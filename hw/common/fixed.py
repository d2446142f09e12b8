"""Fixed-point arithmetic as functions of Amaranth values; each is exact, none overflows.

A function of this module only builds an expression: it adds no statement and no register, and its
result is as wide as its values need. Only :func:`clamp` loses range, and only where it says so.
"""

from amaranth import Cat, Const, Mux, Value
from amaranth.hdl import ValueLike

from gemmule.golden.common.requantize import STEP

__all__ = ["add_carry", "clamp", "fold", "round_shift_right", "signed_range"]


def signed_range(width: int) -> tuple[int, int]:
    """Least and greatest two's complement integers of ``width`` bits."""
    return -(1 << width - 1), (1 << width - 1) - 1


def round_shift_right(value: Value, shift: int | Value, half_up: ValueLike = 0) -> Value:
    """``value / 2**shift`` to the nearest integer; a tie goes up if ``half_up``, else to the even.

    ``value`` is named several times: pass a signal.
    """
    doubled = value << 1 >> shift  # the quotient, and below it the bit that decides
    quotient, guard = doubled >> 1, doubled[0]
    if isinstance(shift, int):
        rest = value[: max(shift - 1, 0)].any()
    else:
        rest = (value & ((1 << shift) - 1 >> 1)).any()
    return quotient + (guard & (half_up | rest | quotient[0]))


def add_carry(a: Value, b: Value, carry: Value) -> Value:
    """``a + b + carry`` by one adder; ``carry`` has one bit."""
    halves = Cat(Const(1, 1), a).as_signed() + Cat(carry, b).as_signed()
    return halves[1:].as_signed()


def clamp(value: Value, low: ValueLike, high: ValueLike) -> Value:
    """The integer of ``low..high`` nearest to ``value``, which is named thrice: pass a signal."""
    low, high = Value.cast(low), Value.cast(high)
    return Mux(value < low, low, Mux(value > high, high, value))


def fold(multiplier: Value, shift: Value) -> tuple[Value, Value]:
    """``(scaled, drop)`` as ``golden.common.requantize.fold`` has it."""
    fine = STEP.bit_length() - 1
    return (multiplier << STEP) >> shift[:fine], shift[fine:]
