"""PCI Express through AMD's XDMA: registers, transfers and events are files of its driver."""

import os
import select
import time
from pathlib import Path

import numpy as np

from .mapped import PAGE, Mapping

__all__ = ["XdmaBus"]


class XdmaBus:
    """An accelerator on a card, as :class:`~gen.driver.buses.bus.Bus` describes it.

    The memory that the accelerator sees is the card's. ``memory`` here is a copy of a part of it:
    :meth:`for_device` sends bytes, :meth:`for_host` fetches them. Jobs so cost transfers; what
    stays on the card (weights, buffers that one product writes and the next one reads) costs none.

    Parameters
    ----------
    base : address on the card of the memory to use
    size : bytes of it
    name : of the device: ``/dev/xdma0`` has ``/dev/xdma0_user`` and so on beside it
    registers : offset of the accelerator's page in the user BAR
    event : number of the interrupt
    """

    def __init__(
        self,
        base: int,
        size: int,
        name: Path | str = "/dev/xdma0",
        *,
        registers: int = 0,
        event: int = 0,
        timeout: float = 10.0,
    ):
        self._registers = Mapping(f"{name}_user", PAGE, registers)
        self._out = os.open(f"{name}_h2c_0", os.O_WRONLY)
        self._in = os.open(f"{name}_c2h_0", os.O_RDONLY)
        self._events = os.open(f"{name}_events_{event}", os.O_RDONLY)
        self.memory = np.zeros(size, np.uint8)
        self.base = base
        self.timeout = timeout

    def read32(self, offset: int) -> int:
        """Return the register at ``offset`` bytes."""
        return self._registers.read32(offset)

    def write32(self, offset: int, value: int) -> None:
        """Write the register at ``offset`` bytes."""
        self._registers.write32(offset, value)

    def for_device(self, offset: int, length: int) -> None:
        """Send these bytes to the card."""
        view = self.memory[offset : offset + length].data
        while view:
            sent = os.pwrite(self._out, view, self.base + offset)
            offset, view = offset + sent, view[sent:]

    def for_host(self, offset: int, length: int) -> None:
        """Fetch these bytes from the card."""
        view = self.memory[offset : offset + length].data
        while view:
            count = os.preadv(self._in, [view], self.base + offset)
            if not count:
                raise OSError("the card sent nothing")
            offset, view = offset + count, view[count:]

    def wait(self, seconds: float, interrupt: bool) -> None:
        """Sleep, or wait for the event."""
        if not interrupt:
            time.sleep(seconds)
            return
        ready, _, _ = select.select([self._events], [], [], seconds)
        if ready:
            os.read(self._events, 4)

    def now(self) -> float:
        """Return the time in seconds."""
        return time.monotonic()

    def close(self) -> None:
        """Close the files."""
        self._registers.close()
        for each in (self._out, self._in, self._events):
            os.close(each)
