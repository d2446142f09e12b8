"""Settings of columns: how they lie in memory and in banks, and which are illegal."""

from amaranth import Value, signed, unsigned
from amaranth.lib import data

from gemmule.golden.common.requantize import Rounding
from gemmule.golden.soc.commands import COLUMN
from gemmule.golden.soc.record import Record
from gemmule.hw.soc.control.layouts import record_layout

from .params import RESULT, ProductUnitParams

__all__ = ["BANKS", "bank_layout", "entry_layout", "strange", "view"]

BANKS = 2
"""Blocks of columns whose settings are at hand."""


def view(record: Record, word: Value, first: int, name: str) -> Value:
    """Return a field of a record whose bytes from ``first`` on are ``word``."""
    entry = record[name]
    low = 8 * (entry.offset - first)
    bits = word[low : low + 8 * entry.octets]
    return bits.as_signed() if entry.signed else bits


def entry_layout() -> data.StructLayout:
    """Lay out a column's settings, as they lie in memory."""
    return record_layout(COLUMN)


def bank_layout() -> data.StructLayout:
    """Lay out what a bank says for all of its columns: a settings record, without its gaps."""
    number = signed(RESULT)
    return data.StructLayout({
        "columns": unsigned(2),
        "rounding": Rounding,
        "entry": entry_layout(),
        "zero_point": number,
        "low": number,
        "high": number,
    })


def strange(params: ProductUnitParams, entry: Value) -> Value:
    """Tell whether the requantizer has no place for a column's settings."""
    zero = entry.b_zero_point
    width = params.w_format.width + 1
    return (
        entry.multiplier[params.multiplier_width :].any()
        | (entry.shift > params.max_shift)
        | (zero[width - 1 :].any() & ~zero[width - 1 :].all())
        | (zero.any() & (not params.b_zero_points))
    )
