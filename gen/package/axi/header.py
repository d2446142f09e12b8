"""Registers, commands and completions as C: one header for all, one for the configuration."""

from collections.abc import Mapping

from gemmule.gen.package.render import TEMPLATES, render
from gemmule.golden.common.requantize import Rounding
from gemmule.golden.soc.commands import (
    AFFINE,
    COLUMN,
    COMMAND,
    COMPLETION,
    COUNTERS,
    NO_B,
    SETTINGS,
    TRANSPOSED,
    VECTOR,
    VERSION,
    Cause,
    Columns,
    Combine,
    Flags,
    Opcode,
    VectorFunction,
)
from gemmule.hw.soc.register_map import register_map

__all__ = ["LAYOUT", "configuration_header", "layout_header"]

LAYOUT = "gemmule_layout.h"
"""The header that is the same for all configurations."""

RECORDS = (COMMAND, SETTINGS, COLUMN, VECTOR, AFFINE, COMPLETION)
CODES = {
    "OPCODE": Opcode,
    "CAUSE": Cause,
    "COLUMNS": Columns,
    "ROUNDING": Rounding,
    "COMBINE": Combine,
    "FUNCTION": VectorFunction,
}


def layout_header() -> str:
    """Return the header of what all accelerators have in common."""
    records = [
        {
            "name": record.name,
            "size": record.size,
            "entries": [
                {
                    "name": each.name,
                    "offset": each.offset,
                    "octets": each.octets,
                    "signed": each.signed,
                    "type": _type(each.octets, signed=each.signed),
                    "text": each.text,
                }
                for each in record.entries
                if not each.reserved
            ],
        }
        for record in RECORDS
    ]
    codes = {
        name: [(each.name, int(each), each.text) for each in code] for name, code in CODES.items()
    }
    constants = {
        "COMMANDS_VERSION": VERSION,
        "DEPENDENCY_COUNTERS": COUNTERS,
        "NO_B": NO_B,
        "TRANSPOSED": TRANSPOSED,
    }
    flags = [(each.name, int(each)) for each in Flags]
    registers = list(register_map().values())
    view = {"records": records, "codes": codes, "flags": flags, "constants": constants}
    return render(TEMPLATES, "layout.h", view | {"registers": registers})


def configuration_header(name: str, values: Mapping[str, int]) -> str:
    """Return the header of one accelerator: the words of its constant registers."""
    view = {"name": name, "PREFIX": name.upper(), "values": values, "layout": LAYOUT}
    return render(TEMPLATES, "configuration.h", view)


def _type(octets: int, *, signed: bool) -> str:
    bits = next(size for size in (8, 16, 32, 64) if 8 * octets <= size)
    return f"{'int' if signed else 'uint'}{bits}_t"
