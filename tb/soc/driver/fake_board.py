"""A fake board: files, pipes and objects as Linux and PYNQ have them, joined to a machine.

The machine is a golden one or RTL; a thread lets its time pass. Registers are the one thing that no
file can stand for, since a write of one must be seen: they go to the machine under a lock.
"""

import contextlib
import os
import threading
import time
import tty
from pathlib import Path

import numpy as np

from gemmule.gen.driver.buses.uio import UioBus
from gemmule.gen.driver.buses.xdma import XdmaBus

__all__ = ["FakeBoard"]

STEP = 2e-6
"""Seconds of the machine's time between two looks at its interrupt."""


class FakeBoard:
    """A board around ``machine``, a bus whose memory is the file ``image`` from ``offset`` on."""

    def __init__(self, machine, image: Path, folder: Path, offset: int = 0):
        self._machine = machine
        self._image = image
        self._folder = folder
        self._offset = offset
        self._lock = threading.Lock()
        self._ends = threading.Event()
        self._raise = lambda: None
        self._thread = threading.Thread(target=self._pump, daemon=True)
        self.failure: BaseException | None = None

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ends.set()
        self._thread.join()
        if self.failure:
            raise self.failure

    def uio(self, **options) -> UioBus:
        """Return the bus of UIO and u-dma-buf."""
        about = self._folder / "udmabuf0"
        about.mkdir()
        attributes = {"phys_addr": hex(self._machine.base), "size": self._machine.memory.size}
        for name, value in attributes.items():
            (about / name).write_text(f"{value}\n")
        device = self._folder / "uio0"
        device.write_bytes(bytes(4096))
        ours, theirs = os.openpty()
        tty.setraw(theirs)
        os.set_blocking(ours, False)
        enabled = count = 0

        def raise_once():
            # uio_pdrv_genirq: an interrupt is told once, until the program enables the next one.
            nonlocal enabled, count
            with contextlib.suppress(BlockingIOError):
                enabled = os.read(ours, 64)[-4:] == b"\x01\0\0\0"
            if enabled and self._machine.interrupt:
                enabled, count = 0, count + 1
                os.write(ours, count.to_bytes(4, "little"))

        self._raise = raise_once
        return self._trapped(UioBus)(device, self._image, about, os.ttyname(theirs), **options)

    def xdma(self, **options) -> XdmaBus:
        """Return the bus of XDMA's files."""
        name = self._folder / "xdma0"
        Path(f"{name}_user").write_bytes(bytes(4096))
        for each in ("h2c_0", "c2h_0"):
            Path(f"{name}_{each}").symlink_to(self._image)
        os.mkfifo(f"{name}_events_0")
        events = os.open(f"{name}_events_0", os.O_RDWR | os.O_NONBLOCK)
        told = False

        def raise_at_edges():
            nonlocal told
            high = self._machine.interrupt
            if high and not told:
                os.write(events, b"\x01\0\0\0")
            told = high

        self._raise = raise_at_edges
        size = self._machine.memory.size
        return self._trapped(XdmaBus)(self._machine.base, size, name, **options)

    def read(self, offset: int) -> int:
        """Return a register, as an IP of PYNQ's does."""
        with self._lock:
            return self._machine.read32(offset)

    def write(self, offset: int, value: int) -> None:
        """Write a register, as an IP of PYNQ's does."""
        with self._lock:
            self._machine.write32(offset, value)

    def allocate(self, shape, dtype) -> np.ndarray:
        """Return a buffer as `pynq.allocate` does: the processor's cache of the memory."""
        buffer = np.full(shape, 0xAA, dtype).view(PynqBuffer)
        buffer.memory, buffer.device_address = self._machine.memory, self._machine.base
        buffer.cached = buffer
        return buffer

    def _trapped(self, kind: type) -> type:
        board = self

        class Trapped(kind):
            def read32(self, offset):
                return board.read(offset)

            def write32(self, offset, value):
                board.write(offset, value)

        return Trapped

    def _pump(self):
        try:
            while not self._ends.is_set():
                with self._lock:
                    self._machine.wait(STEP, interrupt=False)
                    self._raise()
                time.sleep(1e-5)
        except BaseException as error:
            self.failure = error


class PynqBuffer(np.ndarray):
    """A buffer whose slices know where they lie in the whole."""

    def __array_finalize__(self, whole):
        for name in ("memory", "device_address", "cached"):
            setattr(self, name, getattr(whole, name, None))

    def _place(self) -> slice:
        first = self.__array_interface__["data"][0] - self.cached.__array_interface__["data"][0]
        return slice(first, first + self.nbytes)

    def flush(self):
        """Clean."""
        self.memory[self._place()] = self

    def invalidate(self):
        """Drop."""
        self[...] = self.memory[self._place()]

    def freebuffer(self):
        """Do nothing."""
