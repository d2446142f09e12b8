"""The register map for the driver, which knows neither SystemRDL nor the hardware.

``python -m gemmule.gen.registers`` writes ``gen/driver/registers.py`` again.
"""

from pathlib import Path

from gemmule.hw.soc.register_map import Field, Register, register_map

__all__ = ["TARGET", "driver_module"]

TARGET = Path(__file__).parent / "driver" / "registers.py"
"""The module that is made."""

HEAD = '''"""Registers of the accelerator, as `hw/soc/registers.rdl` describes them.

Made by ``python -m gemmule.gen.registers``; edit the description, and make it again.
"""

from typing import NamedTuple

__all__ = ["REGISTERS", "Field", "Register"]


class Field(NamedTuple):
    """Bits of a register.

    ``kind``: ``rw``, ``ro``, ``w1c`` (writing 1 clears), ``strobe`` or ``wo`` (reads give 0).
    """

    low: int
    width: int
    kind: str
    reset: int = 0

    @property
    def mask(self) -> int:
        """The field's bits in its word."""
        return ((1 << self.width) - 1) << self.low


class Register(NamedTuple):
    """A word of 32 bits at a byte address in the page of registers."""

    address: int
    fields: dict[str, Field]


REGISTERS = {
'''


def driver_module() -> str:
    """Return the text of the driver's module."""
    return HEAD + "".join(_register(each) for each in register_map().values()) + "}\n"


def _register(register: Register) -> str:
    fields = "".join(f"            {_field(each)},\n" for each in register.fields)
    return (
        f'    "{register.name}": Register(\n        0x{register.address:03X},\n'
        f"        {{\n{fields}        }},\n    ),\n"
    )


def _field(field: Field) -> str:
    reset = f", {field.reset}" if field.reset else ""
    return f'"{field.name}": Field({field.low}, {field.width}, "{field.kind}"{reset})'


if __name__ == "__main__":
    TARGET.write_text(driver_module(), encoding="utf-8")
