"""Registers that are mapped into this process."""

import mmap
import os
from pathlib import Path

import numpy as np

__all__ = ["PAGE", "Mapping"]

PAGE = 4096


class Mapping:
    """A file or device of ``size`` bytes from ``offset`` on, mapped; ``octets`` are its bytes.

    Linux caches it, where it is memory, only if it is ``cached``.
    """

    def __init__(self, path: Path | str, size: int, offset: int = 0, *, cached: bool = False):
        self._descriptor = os.open(path, os.O_RDWR | (0 if cached else os.O_SYNC))
        try:
            self._map = mmap.mmap(self._descriptor, size, offset=offset)
        except BaseException:
            os.close(self._descriptor)
            raise
        self.octets = np.frombuffer(self._map, np.uint8)
        self._words = np.frombuffer(self._map, "<u4", size // 4)

    def read32(self, offset: int) -> int:
        """Return the word at ``offset`` bytes, read at once."""
        return int(self._words[offset // 4])

    def write32(self, offset: int, value: int) -> None:
        """Write the word at ``offset`` bytes at once."""
        self._words[offset // 4] = value

    def close(self) -> None:
        """Close the file; the mapping goes with the last array that shows it."""
        os.close(self._descriptor)
