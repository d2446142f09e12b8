"""Linux's user-space I/O: registers and interrupt of ``/dev/uioN``, memory of u-dma-buf.

Device tree, modules and rights are the board's; the package's device-tree overlay has them.
"""

import os
import select
import time
from pathlib import Path

import numpy as np

from .mapped import PAGE, Mapping

__all__ = ["UioBus"]

BOTH_WAYS = 0
"""The direction in which u-dma-buf's caches are cleaned and dropped."""


class UioBus:
    """An accelerator on the processor's bus, as :class:`~gen.driver.buses.bus.Bus` describes it.

    The interrupt is enabled before each wait, as ``uio_pdrv_genirq`` wants it: it turns the line
    off when it comes. Caches: u-dma-buf does by its ``sync_for_device`` and ``sync_for_cpu`` what
    :meth:`for_device` and :meth:`for_host` ask for, unless ``coherent``.

    Parameters
    ----------
    device : ``/dev/uio0``, or what stands for it
    buffer : ``/dev/udmabuf0``, likewise; its size and address are read from ``about``
    about : folder of the buffer's attributes, ``/sys/class/u-dma-buf/udmabuf0`` by default
    interrupts : where interrupts come from, if not from ``device``
    coherent : whether the hardware sees the processor's caches
    """

    def __init__(
        self,
        device: Path | str = "/dev/uio0",
        buffer: Path | str = "/dev/udmabuf0",
        about: Path | str | None = None,
        interrupts: Path | str | None = None,
        *,
        coherent: bool = False,
        timeout: float = 10.0,
    ):
        self._about = Path(about or Path("/sys/class/u-dma-buf", Path(buffer).name))
        self.base = int(self._attribute("phys_addr"), 0)
        size = int(self._attribute("size"), 0)
        self._registers = Mapping(device, PAGE)
        self._interrupts = os.open(interrupts or device, os.O_RDWR | os.O_NOCTTY)
        self._buffer = Mapping(buffer, size, cached=True)
        self.memory = self._buffer.octets
        self.timeout = timeout
        self._coherent = coherent

    def read32(self, offset: int) -> int:
        """Return the register at ``offset`` bytes."""
        return self._registers.read32(offset)

    def write32(self, offset: int, value: int) -> None:
        """Write the register at ``offset`` bytes."""
        self._registers.write32(offset, value)

    def for_device(self, offset: int, length: int) -> None:
        """Clean the caches of these bytes."""
        self._sync("sync_for_device", offset, length)

    def for_host(self, offset: int, length: int) -> None:
        """Drop these bytes from the caches."""
        self._sync("sync_for_cpu", offset, length)

    def wait(self, seconds: float, interrupt: bool) -> None:
        """Sleep, or wait for the interrupt."""
        if not interrupt:
            time.sleep(seconds)
            return
        os.write(self._interrupts, np.uint32(1).tobytes())
        ready, _, _ = select.select([self._interrupts], [], [], seconds)
        if ready:
            os.read(self._interrupts, 4)

    def now(self) -> float:
        """Return the time in seconds."""
        return time.monotonic()

    def close(self) -> None:
        """Close the devices."""
        self._registers.close()
        os.close(self._interrupts)
        self._buffer.close()

    def _attribute(self, name: str) -> str:
        return (self._about / name).read_text().strip()

    def _sync(self, name: str, offset: int, length: int) -> None:
        """Ask u-dma-buf in one write: offset, length, direction, and that it be done."""
        if self._coherent or not length:
            return
        # Its word: bits 63..32 offset, 31..4 length in 16s, 3..2 direction, 0 do it.
        low = offset & ~15
        high = -(-(offset + length) // 16) * 16
        word = low << 32 | (high - low) & 0xFFFF_FFF0 | BOTH_WAYS << 2 | 1
        (self._about / name).write_text(f"{word:#x}")
