"""What is lowered: one operation of a layer, by one method, for one hardware."""

from dataclasses import dataclass
from functools import cached_property
from math import lcm, prod

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.conv.geometry import Geometry
from gemmule.golden.conv.hardware import ConvolutionHardware
from gemmule.golden.conv.operation import Method, Operation

__all__ = ["Hardware", "Target", "Zeros"]


@dataclass(frozen=True)
class Hardware:
    """The sizes that a program is tiled for: lanes, vectors in a bank, rows of kept sums.

    ``cascade``: sums that stay in the cells drain through those below, which takes its time.
    ``folds``: the host puts kernel columns into lanes that few channels leave idle. A load has
    ``levels`` of loops around its requests, each of ``iterations`` at most. ``c_depth`` rows of
    results wait for memory.
    """

    rows: int
    cols: int
    a_bank: int
    b_bank: int
    acc_depth: int
    cascade: bool = False
    folds: bool = True
    levels: int = 3
    iterations: int = 1 << 12
    c_depth: int = 1 << 16

    @classmethod
    def of(cls, hardware: ConvolutionHardware) -> "Hardware":
        """Return the sizes of some hardware."""
        return cls(
            hardware.rows,
            hardware.cols,
            hardware.x_depth,
            hardware.w_depth,
            hardware.acc_depth,
            cascade=hardware.drains_down,
            levels=hardware.axes + 1,
            iterations=1 << hardware.size_width,
            c_depth=hardware.c_depth,
        )


@dataclass(frozen=True, eq=False)
class Zeros:
    """Zero points: of the streamed operand, and of the other one, one or one a result column."""

    a: int
    b: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Target:
    """One operation of a layer, by one method, for one hardware.

    ``widens``: a result takes more bytes than what it is made of.
    """

    geometry: Geometry
    operation: Operation
    method: Method
    hardware: Hardware
    zeros: Zeros
    widens: bool = False

    @property
    def groups(self) -> range:
        """The numbers of the groups of channels."""
        return range(self.geometry.groups)

    @property
    def group_columns(self) -> int:
        """The channels of one group's result."""
        return self.operation.channels(self.geometry) // self.geometry.groups

    @property
    def stores_zeros(self) -> bool:
        """Whether ``dy`` is first copied with its inserted zeros."""
        return self.method is Method.EXPLICIT and self.operation is not Operation.FORWARD

    @property
    def dy_zero(self) -> int:
        """What stands for 0 in ``dy``."""
        return int(self.zeros.b.flat[0]) if self.operation.maps[1] == "dy" else self.zeros.a

    @property
    def dy_lanes(self) -> int:
        """The channels of ``dy`` in a vector: those of the side that takes it."""
        last = self.operation.maps[1] == "dy"
        return self.hardware.cols if last else self.hardware.rows

    @cached_property
    def fold(self) -> int:
        """How many kernel columns share a vector, so that lanes do not idle."""
        fit = self.hardware.rows // self.geometry.group_channels
        return max(1, min(self.geometry.kernel[-1], fit if self.hardware.folds else 1))

    @property
    def kernel(self) -> tuple[int, ...]:
        """The kernel's size, its columns folded."""
        return *self.geometry.kernel[:-1], -(-self.geometry.kernel[-1] // self.fold)

    @property
    def taps(self) -> int:
        """The taps that are multiplied by: kernel columns that share a vector are one."""
        transposed = self.operation.essence is Operation.INPUT_GRAD
        return prod(self.geometry.kernel if transposed else self.kernel)

    @property
    def blocks(self) -> int:
        """The vectors of a group's streamed channels, folded ones included."""
        geometry = self.geometry
        if self.operation.essence is Operation.INPUT_GRAD:
            return -(-geometry.group_filters // self.hardware.rows)
        return -(-self.fold * geometry.group_channels // self.hardware.rows)

    @property
    def array_tiles(self) -> int:
        """The tiles of the array that a pixel meets, of all groups: cycles are in proportion."""
        columns = -(-self.group_columns // self.hardware.cols)
        return self.geometry.groups * self.taps * self.blocks * columns

    def most_rows(self, k: int) -> int:
        """Return the most rows of a product of ``k`` steps, whose sums are kept.

        A row of results that widen leaves every cycle of the last tile of K, and memory takes it in
        several. Where few steps came before, no more rows are made than may wait.
        """
        hardware = self.hardware
        brief = self.widens and k <= hardware.c_depth
        return min(hardware.acc_depth, hardware.c_depth) if brief else hardware.acc_depth

    @property
    def tiles(self) -> int:
        """How many tiles of columns the filters of a group take."""
        return -(-self.geometry.group_filters // self.hardware.cols)

    def pitch(self, channels: int) -> int:
        """Return the elements of a pixel: channels, padded until either side divides them."""
        unit = lcm(self.hardware.rows, self.hardware.cols)
        return -(-channels // unit) * unit
