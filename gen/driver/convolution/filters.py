"""Weights of convolutions, kept in shared memory with the programs that use them."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gemmule.gen.driver.buffers import Buffer, Pool
from gemmule.gen.driver.device import Device
from gemmule.gen.driver.job import Owned, given_back
from gemmule.gen.driver.operands import array_of
from gemmule.golden.common.errors import UsageError

from .asked import Asked, unit_of
from .placed import Placed

__all__ = ["Filters", "filters"]


def filters(device: Device, w: ArrayLike | Buffer, **options: Any) -> "Filters":
    """Return weights of convolutions: :meth:`~.accelerator.Accelerator.filters`."""
    device.settle(array_of(w))
    asked = Asked.of(device, unit_of(device), {"w": np.array(array_of(w))}, options)
    return Filters(asked, device.pool)


class Filters:
    """The weights of a layer with its options: all that does not change with its other operand.

    For each shape of that operand the layer is compiled, and written to shared memory, when the
    shape is first met. As a context manager it is given back at the end.
    """

    def __init__(self, asked: Asked, pool: Pool):
        self.asked = asked
        self._pool = pool
        self._placed: dict[object, Placed] = {}
        self._own: list[Owned] = []

    def __enter__(self) -> "Filters":
        return self

    def __exit__(self, *_: object) -> None:
        self.free()

    def placed(self, pool: Pool, asked: Asked) -> Placed:
        """Return what stays in shared memory for operands like these, with their streamed one."""
        if pool is not self._pool:
            raise UsageError("w is filters of another accelerator: make them by this one's filters")
        streamed = asked.streamed
        key = frozenset(asked.arrays), None if streamed is None else streamed.shape
        found = self._placed.get(key)
        if found is not None and streamed is not None:
            return found.refilled(streamed)
        own: list[Owned] = []
        with given_back(own):
            self._placed[key] = Placed.make(pool, asked.compiled(), own)
        self._own += own
        return self._placed[key]

    def free(self) -> None:
        """Give the memory back; no job may use it any more. Twice does no harm."""
        self._placed.clear()
        while self._own:
            self._own.pop().free()
