"""A map with room for its padding beside its columns."""

from math import prod

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.pool.window import Side

from .stages import Stages

__all__ = ["Padded"]


class Padded:
    """Lines with room for the padding, so that windows are as far apart across lines as within one.

    ``pitch`` elements of ``channels`` from a line to the next are a multiple of the stride: windows
    of all lines are the rows of a single command, with some of no meaning at the end of each line.
    """

    def __init__(self, stages: Stages, shape: tuple[int, ...], side: Side, dtype: np.dtype):
        *lead, width, channels = shape
        need = max((side.out - 1) * side.stride + side.reach, side.begin + width)
        self.out = -(-need // side.stride)
        self.lines = prod(lead)
        self._side = side
        self._count = self.lines * self.out * side.stride
        self._flat = stages.scratch.take((self._count + side.reach, channels), dtype)
        pitched = self._flat[: self._count].reshape(*lead, self.out * side.stride, channels)
        end = side.begin + width
        self.inner = pitched[..., side.begin : end, :]
        margins = pitched[..., : side.begin, :], pitched[..., end:, :]
        self.margins = [each for each in margins if each.size]

    def tap(self, tap: int) -> NDArray:
        """Return a cell of all windows, ``[lines * out, channels]``."""
        side, channels = self._side, self._flat.shape[1]
        first = tap * side.dilation
        rows = self._flat[first : first + self._count].reshape(-1, side.stride, channels)
        return rows[:, 0]
