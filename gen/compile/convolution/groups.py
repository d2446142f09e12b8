"""Groups of channels side by side: a few of them as one dense group with block-diagonal weights."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.conv.hardware import ConvolutionHardware
from gemmule.golden.conv.operation import Operation

from .checks import sums_fit, window
from .layer import Layer
from .lower.target import Target, Zeros

__all__ = ["Merge"]


@dataclass(frozen=True)
class Merge:
    """A layer with every ``count`` neighboring groups as one dense group.

    Off the diagonal, where the channels of one group would meet the filters of another, a weight is
    the zero point of its column, so its products are 0 after the corrections. Of a weight gradient
    these blocks are computed and left in memory. Where ``count`` does not divide the groups, groups
    of zeros fill up the last dense one; nobody reads their results.

    Attributes
    ----------
    asked : what is to be lowered, as a user has it
    count : the groups side by side, at least 1
    """

    asked: Target
    count: int

    @classmethod
    def best(cls, hardware: ConvolutionHardware, asked: Target) -> "Merge":
        """Return the one of the fewest tiles of the array, of equal ones the fewest dense groups.

        Sums of weights with a zero point become longer by what is off the diagonal, and windows
        larger where kernel columns leave the lanes: what the hardware has no room for is not taken.
        """
        ascending = sorted(cls._candidates(asked), key=cls._rank)
        return next(each for each in ascending if each.count == 1 or each._fits(hardware))

    @classmethod
    def _candidates(cls, asked: Target) -> Iterator["Merge"]:
        """Yield ascending counts, up to where both sides of the array are full."""
        geometry, sizes = asked.geometry, asked.hardware
        full = max(
            -(-sizes.rows // geometry.group_channels), -(-sizes.cols // geometry.group_filters)
        )
        for count in range(1, min(full, geometry.groups) + 1):
            yield cls(asked, count)

    def _rank(self) -> tuple[int, int]:
        return self.target.array_tiles, self.target.geometry.groups

    def _fits(self, hardware: ConvolutionHardware) -> bool:
        room = self.target.hardware.a_bank
        return sums_fit(hardware, self.target, self.asked.geometry) and window(self.target) <= room

    @cached_property
    def target(self) -> Target:
        """What is to be lowered instead."""
        asked, zeros = self.asked.geometry, self.asked.zeros
        groups = -(-asked.groups // self.count)
        geometry = replace(
            asked,
            channels=groups * self.count * asked.group_channels,
            filters=groups * self.count * asked.group_filters,
            groups=groups,
        )
        columns = self.asked.operation.channels(geometry)
        return replace(
            self.asked, geometry=geometry, zeros=Zeros(zeros.a, _repeated(zeros.b, columns))
        )

    def layer(self, layer: Layer) -> Layer:
        """Return the layer that is to be lowered instead of ``layer``."""
        target, scale = self.target, layer.requantization
        columns = target.operation.channels(target.geometry)
        scale = replace(
            scale,
            bias=_repeated(scale.bias, columns),
            multiplier=_repeated(scale.multiplier, columns),
            shift=_repeated(scale.shift, columns),
        )
        b = self._dense(layer.b) if target.operation.maps[1] == "w" else self._map("dy", layer.b)
        return Layer(layer.run, target.geometry, self.streamed(layer.a), b, target.zeros, scale)

    def streamed(self, array: NDArray[np.integer]) -> NDArray[np.integer]:
        """Return the streamed operand, its channels filled up."""
        return self._map(self.target.operation.maps[0], array)

    def picked(self, result: NDArray) -> NDArray:
        """Return what the user asked for of the result of what was lowered."""
        operation, asked = self.asked.operation, self.asked.geometry
        if operation is Operation.WEIGHT_GRAD:
            blocks = result.reshape(self._blocks(result.shape[2:]))[self._diagonal]
            own = np.moveaxis(blocks, 0, 1)
            return own.reshape(-1, *own.shape[3:])[: asked.filters]
        return result[:, : operation.channels(asked)]

    def _map(self, name: str, array: NDArray[np.integer]) -> NDArray[np.integer]:
        """Return the map ``x`` or ``dy``, zeros in channels that fill up the last group."""
        geometry = self.target.geometry
        zero, channels = (
            (self.target.zeros.a, geometry.channels)
            if name == "x"
            else (self.target.dy_zero, geometry.filters)
        )
        margin = [(0, 0), (0, channels - array.shape[1]), *[(0, 0)] * (array.ndim - 2)]
        return np.pad(array, margin, constant_values=zero)

    def _dense(self, w: NDArray[np.integer]) -> NDArray[np.integer]:
        """Return block-diagonal weights, off the diagonal the zero points of their columns."""
        kernel, target = w.shape[2:], self.target
        shape = self._blocks(kernel)
        groups, count, filters, _, channels = shape[:5]
        forward = target.operation is Operation.FORWARD
        sides = (count, filters, 1, 1) if forward else (1, 1, count, channels)
        zeros = target.zeros.b.reshape(groups, *sides, *[1] * len(kernel))
        dense = np.broadcast_to(zeros, shape).astype(w.dtype)
        missing = target.geometry.filters - len(w)
        w = np.pad(w, [(0, missing), *[(0, 0)] * (w.ndim - 1)])
        dense[self._diagonal] = np.moveaxis(
            w.reshape(groups, count, filters, channels, *kernel), 1, 0
        )
        return dense.reshape(groups * count * filters, count * channels, *kernel)

    def _blocks(self, kernel: tuple[int, ...]) -> tuple[int, ...]:
        """Return ``[dense group, group, filter, group, channel, *kernel]``, a weight's places."""
        asked, groups = self.asked.geometry, self.target.geometry.groups
        sides = self.count, asked.group_filters, self.count, asked.group_channels
        return groups, *sides, *kernel

    @property
    def _diagonal(self) -> tuple:
        """The index of blocks whose filters and channels are of one group, which comes first."""
        same = np.arange(self.count)
        return slice(None), same, slice(None), same


def _repeated(columns: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return numbers of columns for ``count`` of them, those that fill up as the last one."""
    return np.pad(columns, (0, count - len(columns)), mode="edge")
