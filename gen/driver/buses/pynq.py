"""PYNQ: an IP of an overlay, and memory that PYNQ allocates."""

import time
from typing import Any

import numpy as np

__all__ = ["PynqBus"]


class PynqBus:
    """An accelerator in a PYNQ overlay, as :class:`~gen.driver.buses.bus.Bus` describes it.

    PYNQ itself is imported by whoever calls this::

        from pynq import Overlay, allocate
        bus = PynqBus(Overlay("design.bit").accelerator_0, allocate)

    Waiting is looking: an interrupt of PYNQ's is a coroutine, and nothing here is one. Give
    ``Accelerator(..., interrupts=False)``.

    Parameters
    ----------
    ip : with ``read(offset)`` and ``write(offset, value)``, as all of PYNQ's
    allocate : ``pynq.allocate``
    size : bytes of memory
    coherent : whether the hardware sees the processor's caches
    """

    def __init__(
        self,
        ip: Any,
        allocate: Any,
        size: int = 1 << 24,
        *,
        coherent: bool = False,
        timeout: float = 10.0,
    ):
        self._ip = ip
        self._buffer = allocate(shape=(size,), dtype=np.uint8)
        self.memory = np.asarray(self._buffer)
        self.base = int(self._buffer.device_address)
        self.timeout = timeout
        self._coherent = coherent

    def read32(self, offset: int) -> int:
        """Return the register at ``offset`` bytes."""
        return int(self._ip.read(offset))

    def write32(self, offset: int, value: int) -> None:
        """Write the register at ``offset`` bytes."""
        self._ip.write(offset, value)

    def for_device(self, offset: int, length: int) -> None:
        """Flush these bytes from the caches."""
        if not self._coherent and length:
            self._buffer[offset : offset + length].flush()

    def for_host(self, offset: int, length: int) -> None:
        """Drop these bytes from the caches."""
        if not self._coherent and length:
            self._buffer[offset : offset + length].invalidate()

    def wait(self, seconds: float, interrupt: bool) -> None:
        """Sleep; an interrupt is not waited for, but looked for now and then by whoever calls."""
        time.sleep(min(seconds, 1e-4) if interrupt else seconds)

    def now(self) -> float:
        """Return the time in seconds."""
        return time.monotonic()

    def close(self) -> None:
        """Give the memory back."""
        self._buffer.freebuffer()
