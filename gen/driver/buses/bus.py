"""What the driver needs of whatever stands between it and the hardware."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bus"]


class Bus(Protocol):
    """Registers, an interrupt, and memory that the hardware and this program share.

    The rule of caches: what the program wrote is the hardware's after :meth:`for_device`, what the
    hardware wrote is the program's after :meth:`for_host`; between the two, the bytes of a buffer
    belong to one side alone. Where memory is coherent both do nothing.

    Attributes
    ----------
    memory
        Bytes that both sides reach, as this program sees them.
    base
        The address of the first of them, as the hardware sees it.
    timeout
        Seconds that a job may take where nobody says how many.
    """

    memory: NDArray[np.uint8]
    base: int
    timeout: float

    def read32(self, offset: int) -> int:
        """Return the register at ``offset`` bytes."""

    def write32(self, offset: int, value: int) -> None:
        """Write the register at ``offset`` bytes; all that was written before is there by then."""

    def for_device(self, offset: int, length: int) -> None:
        """Hand ``length`` bytes of ``memory`` from ``offset`` on to the hardware."""

    def for_host(self, offset: int, length: int) -> None:
        """Hand ``length`` bytes of ``memory`` from ``offset`` on to this program."""

    def wait(self, seconds: float, interrupt: bool) -> None:
        """Let ``seconds`` pass; with ``interrupt``, return sooner where the interrupt is raised."""

    def now(self) -> float:
        """Return the time in seconds, from any moment on: it passes as the hardware's does."""

    def close(self) -> None:
        """Let go of everything; the hardware is not touched."""
