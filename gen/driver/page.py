"""The page of registers, by the names of its registers and fields."""

from .buses.bus import Bus
from .registers import REGISTERS

__all__ = ["Page"]


class Page:
    """Registers behind a bus; the counts ``reads`` and ``writes`` are of accesses so far."""

    def __init__(self, bus: Bus):
        self._bus = bus
        self.reads = 0
        self.writes = 0

    def word(self, name: str) -> int:
        """Return all bits of a register."""
        self.reads += 1
        return self._bus.read32(REGISTERS[name].address)

    def read(self, name: str) -> dict[str, int]:
        """Return the fields of a register."""
        word = self.word(name)
        fields = REGISTERS[name].fields
        return {each: (word & field.mask) >> field.low for each, field in fields.items()}

    def write(self, name: str, **values: int) -> None:
        """Write a register; fields that are not named get 0."""
        fields = REGISTERS[name].fields
        word = 0
        for each, value in values.items():
            word |= value << fields[each].low & fields[each].mask
        self.writes += 1
        self._bus.write32(REGISTERS[name].address, word)

    def address(self, name: str) -> int:
        """Return an address that stands in two words."""
        return self.word(f"{name}_LO") | self.word(f"{name}_HI") << 32

    def write_address(self, name: str, address: int, **low: int) -> None:
        """Write an address that stands in two words; ``low`` are other fields of the low one."""
        field = REGISTERS[f"{name}_LO"].fields["address"]
        self.write(f"{name}_HI", address=address >> 32)
        self.write(f"{name}_LO", address=(address & 0xFFFF_FFFF) >> field.low, **low)

    def counters(self) -> dict[str, int]:
        """Return the hardware's counters, all of one moment."""
        self.write("COUNTER_CTRL", latch=1)
        names = [
            name[8:-3] for name in REGISTERS if name.startswith("COUNTER_") and name[-3:] == "_LO"
        ]
        return {
            name.lower(): self.word(f"COUNTER_{name}_LO") | self.word(f"COUNTER_{name}_HI") << 32
            for name in names
        }
