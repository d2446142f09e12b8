"""What a layer keeps in the external memory, as the vectors that its loads take from there."""

from functools import cached_property
from math import prod

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.conv.operation import Operation

from .memory_layout import Vectors, feature_map
from .target import Target
from .views import Line

__all__ = ["GRADIENT", "INPUT", "REORGANIZED", "WEIGHTS", "Operands", "folded_line"]

INPUT, WEIGHTS, GRADIENT, REORGANIZED = "x", "w", "dy", "dy with zeros"
"""Regions of the memory; the last is the gradient with its zeros, where it is reorganized."""


def folded_line(target: Target, line: Line) -> Line:
    """Return the line along the last axis of ``x``, whose columns share vectors.

    Pixel ``p`` holds those at ``p``, ``p + dilation``, and so on: as many vectors as before.
    """
    if target.fold == 1:
        return line
    step, taps = line.step * target.fold, target.kernel[-1]
    size = (line.outs - 1) * line.stride + step * (taps - 1) + 1
    return Line(0, line.stride, step, taps, line.outs, size)


class Operands:
    """The operands of a target, as vectors of each group, made once: ``x``, ``w``, ``dy``.

    ``x`` is ``[batch, *size, blocks]`` of vectors, kernel columns folded into the lanes that its
    channels leave idle; ``w`` is ``[tiles of filters, taps, channels]`` of them, folded as its
    input is; ``dy`` is as ``x``. Only the maps of the target's operation are there.
    """

    def __init__(self, target: Target, a: NDArray[np.integer], b: NDArray[np.integer]):
        self.target = target
        self._maps = dict(zip(target.operation.maps, (a, b), strict=True))

    @cached_property
    def x(self) -> list[Vectors]:
        """The input, of each group."""
        return [self._input(group) for group in self.target.groups]

    @cached_property
    def w(self) -> list[Vectors]:
        """The weights as forward takes them, of each group."""
        return [self._weights(group) for group in self.target.groups]

    @cached_property
    def dy(self) -> list[Vectors]:
        """The gradient without zeros, of each group, for the side that takes it."""
        return [self.gradient(group, self.target.dy_lanes) for group in self.target.groups]

    @property
    def filled(self) -> dict[str, NDArray[np.integer]]:
        """What the host puts into memory: each region's elements, in the order of the regions."""
        order = (INPUT, WEIGHTS, GRADIENT)
        return {name: self.elements(name) for name in sorted(self._maps, key=order.index)}

    def elements(self, name: str) -> NDArray[np.integer]:
        """Return the elements of a region that the host fills, flat."""
        fills = {INPUT: self.target.zeros.a, WEIGHTS: 0, GRADIENT: self.target.dy_zero}
        of_groups: list[Vectors] = getattr(self, name)
        extent = sum(vectors.extent for vectors in of_groups)
        region = np.full(extent, fills[name], of_groups[0].values.dtype)
        for vectors in of_groups:
            at = vectors.index[..., None] + np.arange(vectors.lanes)
            region[at] = vectors.values
        return region

    @property
    def reorganized_extent(self) -> int:
        """The elements of the gradient with its zeros, where it is reorganized."""
        geometry = self.target.geometry
        pixels = geometry.batch * prod(geometry.upsampled)
        return geometry.groups * pixels * self.target.pitch(geometry.group_filters)

    def gradient(self, group: int, lanes: int, *, stored_zeros: bool = False) -> Vectors:
        """Return one group's ``dy`` in vectors of ``lanes``, as it is or with its stored zeros."""
        target, geometry = self.target, self.target.geometry
        low = group * geometry.group_filters
        dy = self._maps[GRADIENT][:, low : low + geometry.group_filters]
        region = GRADIENT
        if stored_zeros:
            wide = np.full((*dy.shape[:2], *geometry.upsampled), target.dy_zero, np.int64)
            wide[:, :, *(slice(None, None, s) for s in geometry.stride)] = dy
            dy, region = wide, REORGANIZED
        pitch = target.pitch(geometry.group_filters)
        return feature_map(dy, pitch, lanes, target.dy_zero, group, region)

    def _input(self, group: int) -> Vectors:
        target, geometry, fold = self.target, self.target.geometry, self.target.fold
        low = group * geometry.group_channels
        x = self._maps[INPUT][:, low : low + geometry.group_channels]
        if fold > 1:
            d, begin, end = geometry.dilation[-1], geometry.begins[-1], geometry.padding[-1]
            size = geometry.upsampled[-1] + d * fold * (target.kernel[-1] - 1)
            more = max(0, size + d * fold - geometry.padded[-1])
            margins = [(0, 0)] * (x.ndim - 1) + [(begin, end + more)]
            wide = np.pad(x, margins, constant_values=target.zeros.a)
            x = np.concatenate([wide[..., j * d : j * d + size] for j in range(fold)], axis=1)
        pitch = target.pitch(x.shape[1])
        return feature_map(x, pitch, target.hardware.rows, target.zeros.a, group, INPUT)

    def _weights(self, group: int) -> Vectors:
        """Return one group's weights; taps that the folding adds hold the zero point."""
        target, geometry, fold = self.target, self.target.geometry, self.target.fold
        cols, taps = target.hardware.cols, target.kernel[-1]
        low = group * geometry.group_filters
        w = self._maps[WEIGHTS][low : low + geometry.group_filters]
        forward = target.operation is Operation.FORWARD
        zeros = target.zeros.b if forward else np.zeros(geometry.filters, np.int64)
        missing = np.broadcast_to(
            zeros[low : low + len(w)].reshape(-1, *[1] * (w.ndim - 1)),
            (*w.shape[:-1], taps * fold - geometry.kernel[-1]),
        )
        w = np.concatenate([w, missing], axis=-1)
        w = np.moveaxis(w.reshape(*w.shape[:-1], taps, fold), (-1, 1, 0), (-3, -2, -1))
        w = w.reshape(-1, fold * geometry.group_channels, geometry.group_filters)
        w = np.pad(w, [(0, 0), (0, 0), (0, target.tiles * cols - geometry.group_filters)])
        values = np.moveaxis(w.reshape(*w.shape[:2], target.tiles, cols), 2, 0)
        index = group * values.size + np.arange(prod(values.shape[:-1])) * cols
        return Vectors(values, index.reshape(values.shape[:-1]), WEIGHTS, values.size)
