"""Memory for what lies between the stages of a job."""

from math import prod

import numpy as np
from numpy.typing import DTypeLike, NDArray

from gemmule.gen.driver.buffers import Buffer
from gemmule.gen.driver.device import Device

__all__ = ["Scratch"]


class Scratch:
    """Buffers of a job: what one stage has read is another's, stages behind it being fenced."""

    def __init__(self, device: Device):
        self._device = device
        self._buffers: dict[int, Buffer] = {}
        self._free: list[Buffer] = []

    def take(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray:
        """Return an array of any content."""
        octets = prod(shape) * np.dtype(dtype).itemsize
        fits = [each for each in self._free if each.array.nbytes >= octets]
        if fits:
            buffer = min(fits, key=lambda each: each.array.nbytes)
            self._free.remove(buffer)
        else:
            buffer = self._device.alloc(octets, np.uint8)
            buffer.for_device()  # no line of a cache may fall on it later
        self._buffers[buffer.address] = buffer
        return buffer.array[:octets].view(dtype).reshape(shape)

    def give(self, array: NDArray) -> None:
        """Take back the memory of an array or of a view of it; of others do nothing."""
        low, _high = np.lib.array_utils.byte_bounds(array)
        for address, buffer in list(self._buffers.items()):
            start = buffer.array.__array_interface__["data"][0]
            if start <= low < start + buffer.array.nbytes:
                self._free.append(self._buffers.pop(address))

    def free(self) -> None:
        """Give all memory back to the device: the job is over."""
        for each in (*self._buffers.values(), *self._free):
            each.free()
        self._buffers.clear()
        self._free.clear()
