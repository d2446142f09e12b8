"""Where results lie in memory: a feature map, or as the weights do."""

from math import prod

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.conv.operation import Operation

from .target import Target

__all__ = ["addresses", "gathered", "result_shape"]


def result_shape(target: Target) -> tuple[int, ...]:
    """Return the shape of the result as it lies in memory."""
    geometry = target.geometry
    if target.operation is Operation.WEIGHT_GRAD:
        rows = target.fold * geometry.group_channels
        return geometry.groups, target.tiles, prod(target.kernel), rows, target.hardware.cols
    size = geometry.out if target.operation is Operation.FORWARD else geometry.size
    return geometry.groups, geometry.batch, *size, target.pitch(target.group_columns)


def addresses(target: Target, group: int) -> NDArray[np.int64]:
    """Return the elements at which the pixels of one group's map begin, ``[batch, *size]``."""
    _, *pixels, wide = result_shape(target)
    count = prod(pixels)
    return (group * count + np.arange(count).reshape(pixels)) * wide


def gathered(target: Target, memory: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the operation's result, from what :func:`result_shape` lays out."""
    geometry = target.geometry
    if target.operation is not Operation.WEIGHT_GRAD:
        maps = np.moveaxis(memory[..., : target.group_columns], -1, 2)  # [groups, batch, channels]
        return np.moveaxis(maps, 0, 1).reshape(geometry.batch, -1, *maps.shape[3:])
    fold, axis = target.fold, 2 + geometry.axes
    taps = memory.reshape(*memory.shape[:2], *target.kernel, fold, geometry.group_channels, -1)
    taps = taps.reshape(*taps.shape[: axis - 1], -1, *taps.shape[axis + 1 :])
    taps = np.take(taps, range(geometry.kernel[-1]), axis=axis - 1)
    # [groups, tiles, kernel, channels, lanes], to filters, channels and kernel.
    taps = np.moveaxis(taps, (1, -1, -2), (1, 2, 3))
    taps = taps.reshape(geometry.groups, -1, *taps.shape[3:])[:, : geometry.group_filters]
    return taps.reshape(geometry.filters, *taps.shape[2:])
