"""What control and units tell each other."""

from amaranth import signed, unsigned
from amaranth.lib import data, stream

from gemmule.golden.soc.commands import COMMAND, Cause, Opcode
from gemmule.golden.soc.record import Record

__all__ = [
    "ADDRESSES",
    "CAUSE_WIDTH",
    "COMMAND_BITS",
    "PRODUCT_ALONE",
    "UNITS",
    "command_layout",
    "finished_layout",
    "raw_layout",
    "record_layout",
    "unit_streams",
]

ADDRESSES = ("a", "b", "c", "settings")
"""Fields of a command that are addresses."""

COMMAND_BITS = 8 * COMMAND.size

CAUSE_WIDTH = 8 * 1
"""Bits of a cause where units and completions carry it."""

UNITS = {
    "product": Opcode.GEMM,
    "vector": Opcode.VECTOR,
    "convolution": Opcode.CONVOLUTION,
}
"""The opcode that each unit carries out, in the order of the units' numbers, which begin at 1. What
no unit does is done by control itself, whose number is 0."""

PRODUCT_ALONE = ("product",)
"""The units that are built in, where there is no other."""

assert max(Cause) < 1 << CAUSE_WIDTH


def record_layout(record: Record, *, reserved: bool = False) -> data.StructLayout:
    """Lay out the fields of a record, those that are reserved too or not."""
    return data.StructLayout({
        each.name: (signed if each.signed else unsigned)(8 * each.octets)
        for each in record.entries
        if reserved or not each.reserved
    })


def raw_layout() -> data.StructLayout:
    """Lay out a command as it stands in memory."""
    return data.StructLayout({each.name: unsigned(8 * each.octets) for each in COMMAND.entries})


def command_layout(address_width: int) -> data.StructLayout:
    """Lay out a command that was checked: its fields, with addresses of the memory's width."""
    return data.StructLayout({
        each.name: unsigned(address_width if each.name in ADDRESSES else 8 * each.octets)
        for each in COMMAND.entries
        if not each.reserved
    })


def finished_layout(address_width: int) -> data.StructLayout:
    """Lay out what became of a command: a :class:`golden.soc.commands.Cause`, and where."""
    return data.StructLayout({
        "cause": unsigned(CAUSE_WIDTH),
        "address": unsigned(address_width),
    })


def unit_streams(address_width: int) -> tuple[stream.Signature, stream.Signature]:
    """Describe a unit's commands, and what it says of each, in their order, when it is done."""
    return (
        stream.Signature(command_layout(address_width)),
        stream.Signature(finished_layout(address_width)),
    )
