"""The golden model of the machine behind a bus: a driver's first partner, without hardware."""

from collections.abc import Mapping

import numpy as np

from gemmule.gen.driver.registers import REGISTERS
from gemmule.golden.soc.commands import VERSION
from gemmule.golden.soc.hardware import Hardware
from gemmule.golden.soc.machine import Machine
from gemmule.golden.soc.memory import MemoryImage
from gemmule.golden.soc.words import convolution_words, unit_bits, vector_words, word_of

__all__ = ["GoldenBus", "identity_of"]

BY_ADDRESS = {register.address: name for name, register in REGISTERS.items()}


def identity_of(hardware: Hardware, config_hash: int = 0) -> dict[str, dict[str, int]]:
    """Return the read-only registers of some hardware, as far as commands can tell."""
    array = hardware.convolution
    values = {
        "ROWS": array.rows if array else 0,
        "COLS": array.cols if array else 0,
        "A_FORMAT": word_of(hardware.a_format),
        "B_FORMAT": word_of(hardware.b_format),
        "ACC_WIDTH": hardware.acc_width,
        "OUT_WIDTH": hardware.out_width,
        "MAX_K": hardware.max_k,
        "DATA_WIDTH": hardware.data_width,
        "ADDRESS_WIDTH": hardware.address_width,
        "MULTIPLIER_WIDTH": hardware.multiplier_width,
        "MAX_SHIFT": hardware.max_shift,
        "B_ZERO_POINTS": hardware.b_zero_points,
        "RING": hardware.ring,
        **vector_words(hardware.vector),
        **convolution_words(array),
    }
    units = unit_bits(hardware)
    return {
        "ID": {"letters": int.from_bytes(b"GMUL", "little")},
        "VERSION": {"commands": VERSION},
        "CONFIG_HASH": {"hash": config_hash},
        "CAPS": {"config": REGISTERS["CONFIG_ROWS"].address, "ring": hardware.ring, "units": units},
        **{f"CONFIG_{name}": {"value": int(value)} for name, value in values.items()},
    }


class GoldenBus:
    """A :class:`golden.soc.machine.Machine` as :class:`~gen.driver.buses.bus.Bus` describes it.

    Commands are carried out in :meth:`wait`, up to ``pace`` of them in each. Time is that of
    waiting: nothing else takes any.
    """

    def __init__(
        self,
        hardware: Hardware | None = None,
        size: int = 1 << 22,
        base: int = 0x1000_0000,
        *,
        identity: Mapping[str, Mapping[str, int]] | None = None,
        pace: int | None = None,
        memory: np.ndarray | None = None,
    ):
        self.memory = np.zeros(size, np.uint8) if memory is None else memory
        self.base = base
        self.timeout = 1.0
        self.pace = pace
        hardware = hardware or Hardware()
        self.machine = Machine(
            MemoryImage(self.memory, base), hardware, identity or identity_of(hardware)
        )
        self._now = 0.0

    def read32(self, offset: int) -> int:
        """Return the register at ``offset`` bytes."""
        name = BY_ADDRESS.get(offset)
        if name is None:
            self.machine.stray(offset, write=False)
            return 0
        values, word = self.machine.read(name), 0
        for each, field in REGISTERS[name].fields.items():
            if field.kind not in ("strobe", "wo"):
                word |= int(values.get(each, 0)) << field.low & field.mask
        return word

    def write32(self, offset: int, value: int) -> None:
        """Write the register at ``offset`` bytes."""
        name = BY_ADDRESS.get(offset)
        if name is None:
            self.machine.stray(offset, write=True)
            return
        fields = REGISTERS[name].fields
        if any(each.kind != "ro" for each in fields.values()):
            parts = {each: (value & field.mask) >> field.low for each, field in fields.items()}
            self.machine.write(name, parts)

    @property
    def interrupt(self) -> bool:
        """Whether the interrupt is high."""
        return self.machine.interrupt

    def for_device(self, offset: int, length: int) -> None:
        """Do nothing: memory is coherent."""

    def for_host(self, offset: int, length: int) -> None:
        """Do nothing: memory is coherent."""

    def wait(self, seconds: float, interrupt: bool) -> None:
        """Let the machine carry out commands; a wait for an interrupt that came takes no time."""
        if interrupt and self.machine.interrupt:
            return
        done = self.machine.advance(self.pace)
        self._now += 1e-6 if (done and not interrupt) or self.machine.interrupt else seconds

    def now(self) -> float:
        """Return the time in seconds that was waited."""
        return self._now

    def close(self) -> None:
        """Do nothing."""
