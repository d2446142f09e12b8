"""Fixed-point arithmetic as functions of Amaranth values; each is exact, none overflows.

A function of this module only builds an expression: it adds no statement and no register, and its
result is as wide as its values need.
"""

from amaranth import Cat, Const, Value

__all__ = ["add_carry"]


def add_carry(a: Value, b: Value, carry: Value) -> Value:
    """Add ``a``, ``b`` and ``carry``, which has one bit, with one adder."""
    halves = Cat(Const(1, 1), a).as_signed() + Cat(carry, b).as_signed()
    return halves[1:].as_signed()
