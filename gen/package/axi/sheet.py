"""The data sheet of a block with AXI ports: from registers, records and configuration."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gemmule.gen.driver.identity import hardware_of
from gemmule.golden.common.formats import Format
from gemmule.golden.common.requantize import Rounding
from gemmule.golden.soc.commands import (
    AFFINE,
    COLUMN,
    COMMAND,
    COMPLETION,
    COUNTERS,
    SETTINGS,
    VECTOR,
    Cause,
    Columns,
    Combine,
    Opcode,
    VectorFunction,
)
from gemmule.golden.soc.functions import NORMS, ROW_FUNCTIONS, VectorHardware
from gemmule.golden.soc.hardware import Hardware
from gemmule.hw.soc.register_map import Field, Register, register_map

from .example import worked_example
from .ports import AxiPorts
from .program_sheet import program_of

__all__ = ["configuration", "configured", "sheet_of"]

CODES = (
    ("Opcodes", Opcode),
    ("Columns", Columns),
    ("Rounding", Rounding),
    ("Causes", Cause),
)

VECTOR_CODES = (("Combine", Combine), ("Vector functions", VectorFunction))
"""Of the vector unit, where there is one."""


@dataclass(frozen=True)
class Row:
    """A register as the sheet shows it: those of an array in one row."""

    address: str
    name: str
    value: str
    text: str
    fields: tuple[Field, ...]


def configuration(values: Mapping[str, int]) -> dict[str, int]:
    """Return the words of the constant registers CONFIG_x, but for the hash, by ``x``."""
    begin = "CONFIG_"
    return {
        name.removeprefix(begin).lower(): value
        for name, value in values.items()
        if name.startswith(begin) and name != "CONFIG_HASH"
    }


def configured(values: Mapping[str, int]) -> Hardware:
    """Return what commands may ask of hardware with these constant registers."""
    words = configuration(values)
    ring = bool(values.get("CAPS", 0) >> register_map()["CAPS"]["ring"].low & 1)
    return hardware_of(words, ring=ring) if "rows" in words else Hardware()


def sheet_of(ports: AxiPorts, values: Mapping[str, int]) -> dict[str, Any]:
    """Return what the template of the sheet speaks of, beside what all templates do."""
    hardware = configured(values)
    unit = hardware.vector
    return {
        "hardware": hardware,
        "formats": {"a": _format(hardware.a_format), "b": _format(hardware.b_format)},
        "values": values,
        "buses": [
            (what, way, [pin for pin in pins.values() if pin.direction == way])
            for what, pins in (
                ("AXI4-Lite: registers", ports.registers),
                ("AXI4: memory", ports.memory),
            )
            for way in ("input", "output")
        ],
        "command": COMMAND,
        "column": COLUMN,
        "vector": VECTOR,
        "affine": AFFINE,
        "functions": list(_functions(unit)) if unit else [],
        "transposes": bool(unit and "transpose" in unit.functions),
        "norms": bool(unit and {*NORMS} & {*unit.functions}),
        "row_functions": [name for name in ROW_FUNCTIONS if unit and name in unit.functions],
        "completion": COMPLETION,
        "counters": COUNTERS,
        "program": program_of(hardware.convolution) if hardware.convolution else None,
        "records": (COMMAND, SETTINGS, COLUMN, *((VECTOR, AFFINE) if unit else ()), COMPLETION),
        "codes": CODES + (VECTOR_CODES if unit else ()),
        "registers": list(_rows(values)),
        "example": worked_example(hardware),
    }


def _format(fmt: Format) -> str:
    return f"{'signed' if fmt.signed else 'unsigned'}, {fmt.width} bits"


def _functions(unit: VectorHardware) -> Iterator[tuple[str, Format, Format, str]]:
    """Yield each function that is built in: of which format, to which, by which coefficients."""
    for name in unit.functions:
        if name == "transpose":
            continue
        yield name, *unit.formats(name), "" if name in NORMS else unit.coefficients_of(name)


def _rows(values: Mapping[str, int]) -> Iterator[Row]:
    """Yield the registers, of an array or of alike groups the first with a formula."""
    listed = register_map()
    for name, register in listed.items():
        number = re.search(r"_(\d+)(?=_|$)", name)
        if number is None:
            yield _row(register, f"0x{register.address:03x}", name, values)
            continue
        alike = [each for each in listed if re.sub(r"_\d+(?=_|$)", "_n", each) == _general(name)]
        if alike[0] != name:
            continue
        step = listed[alike[1]].address - register.address
        address = f"0x{register.address:03x} + {step} n, n = 0..{len(alike) - 1}"
        yield _row(register, address, _general(name), values)


def _general(name: str) -> str:
    return re.sub(r"_\d+(?=_|$)", "_n", name)


def _row(register: Register, address: str, name: str, values: Mapping[str, int]) -> Row:
    value = f"0x{values[name]:08x}" if name in values else ""
    return Row(address, name, value, register.text, register.fields)
