"""What is wrong with a command that its own bits tell."""

from amaranth import Const, Mux, Value
from amaranth.lib import data

from gemmule.golden.soc.commands import COUNTERS, VERSION, Cause, Flags, Opcode
from gemmule.hw.common.compare import below

__all__ = ["LAWLESS", "SIZES", "field_cause"]

LAWLESS = (Cause.OPCODE, Cause.VERSION, Cause.RESERVED, Cause.COUNTER)
"""Refused for these, a command's counter to signal is not to be trusted."""

SIZES = 3
"""An element of the result has 1, 2 or 4 bytes."""


def field_cause(command: data.View, max_k: int) -> Value:
    """Return the first `Cause` that a command's fields give, in the order of their numbers.

    A NOP's sizes, addresses and strides are not looked at.
    """
    product = command.opcode == Opcode.GEMM
    raw = (command.flags & Flags.RAW.value).any()
    unknown = command.flags & (0xFF ^ sum(each.value for each in Flags))
    causes = {
        Cause.OPCODE: ~product & (command.opcode != Opcode.NOP),
        Cause.VERSION: command.version != VERSION,
        Cause.RESERVED: unknown.any()
        | command.sizes.any()
        | (product & raw & command.settings.any()),
        Cause.SIZE: product & (~command.m.any() | ~command.n.any() | ~command.k.any()),
        Cause.K_TOO_LARGE: product & ~below(command.k, max_k + 1),
        Cause.C_SIZE: product & ~below(command.c_size, SIZES),
        Cause.COUNTER: ~below(command.wait, COUNTERS + 1) | ~below(command.signal, COUNTERS + 1),
    }
    assert list(causes) == sorted(causes)
    found: Value = Const(Cause.NONE, 4)
    for cause, is_so in reversed(causes.items()):
        found = Mux(is_so, cause.value, found)
    return found
