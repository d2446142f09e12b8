"""What is wrong with a command that its own bits tell."""

from amaranth import Cat, Const, Mux, Value
from amaranth.lib import data

from gemmule.golden.soc.commands import COUNTERS, NO_B, TRANSPOSED, VERSION, Cause, Flags, Opcode
from gemmule.hw.common.compare import below
from gemmule.hw.soc.control.layouts import PRODUCT_ALONE, UNITS

__all__ = ["LAWLESS", "SIZES", "field_cause", "no_b", "turned"]

LAWLESS = (Cause.OPCODE, Cause.VERSION, Cause.RESERVED, Cause.COUNTER)
"""Refused for these, a command's counter to signal is not to be trusted."""

SIZES = 3
"""An element of a result has 1, 2 or 4 bytes, and so has one of a vector's operands."""


def no_b(command: data.View) -> Value:
    """Return whether a VECTOR command says that it has no b."""
    return command.sizes[2:4] == NO_B


def turned(command: data.View) -> Value:
    """Tell of a VECTOR whether c is [N, M]."""
    return (command.sizes & TRANSPOSED).any()


def field_cause(command: data.View, max_k: int, units: tuple[str, ...] = PRODUCT_ALONE) -> Value:
    """Return the first `Cause` that a command's fields give, in the order of their numbers.

    A NOP's sizes, addresses and strides are not looked at. Opcodes of units that are not built in
    are none.
    """
    product, vector, convolution = (
        command.opcode == opcode if name in units else Const(0) for name, opcode in UNITS.items()
    )
    works = product | vector | convolution
    lengths = (command.a_stride, command.b_stride, command.c_stride)
    raw = (command.flags & Flags.RAW.value).any()
    strange_b = no_b(command) & (command.b.any() | command.b_stride.any())
    unknown = command.flags & (0xFF ^ sum(each.value for each in Flags))
    causes = {
        Cause.OPCODE: ~works & (command.opcode != Opcode.NOP),
        Cause.VERSION: command.version != VERSION,
        Cause.RESERVED: unknown.any()
        | (command.sizes & Mux(vector, 0xFF ^ (2 * TRANSPOSED - 1), 0xFF)).any()
        | (product & raw & command.settings.any())
        | ((vector | convolution) & (command.k.any() | raw))
        | (vector & strange_b),
        Cause.SIZE: (works & (~command.m.any() | ~command.n.any()))
        | (product & ~command.k.any())
        | (convolution & ((command.n > command.m) | ~Cat(each.any() for each in lengths).all())),
        Cause.K_TOO_LARGE: product & ~below(command.k, max_k + 1),
        Cause.C_SIZE: ((product | vector) & ~below(command.c_size, SIZES))
        | (vector & (~below(command.sizes[:2], SIZES) | (turned(command) & command.c_size.any())))
        | (convolution & command.c_size.any()),
        Cause.COUNTER: ~below(command.wait, COUNTERS + 1) | ~below(command.signal, COUNTERS + 1),
    }
    assert list(causes) == sorted(causes)
    found: Value = Const(Cause.NONE, 4)
    for cause, is_so in reversed(causes.items()):
        found = Mux(is_so, cause.value, found)
    return found
