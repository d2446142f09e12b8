"""The shape of a convolution, in two or three dimensions, and everything that follows from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.common.axes import both_ends, per_axis
from gemmule.golden.common.errors import UsageError

__all__ = ["Geometry", "Side"]

_AXES = {2: ("height", "width"), 3: ("depth", "height", "width")}


class Side(NamedTuple):
    """The numbers of one axis; ``more`` pixels at the end of the input are not seen."""

    size: int
    kernel: int
    stride: int
    dilation: int
    begin: int
    end: int
    more: int

    @property
    def padded(self) -> int:
        """The input's size with its padding."""
        return self.begin + self.size + self.end

    @property
    def reach(self) -> int:
        """The input pixels from the kernel's first tap to its last one."""
        return (self.kernel - 1) * self.dilation + 1

    @property
    def out(self) -> int:
        """The output's size."""
        return (self.padded - self.more - self.reach) // self.stride + 1

    @property
    def upsampled(self) -> int:
        """The output's size with ``stride - 1`` zeros between its pixels."""
        return (self.out - 1) * self.stride + 1

    def seen_by(self, out: int) -> int:
        """Return the size, without padding, of the input that ``out`` pixels see."""
        return (out - 1) * self.stride + self.reach - self.begin - self.end


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """``y[n, o, p] = sum x[n, c, p * stride + tap * dilation - padding] * w[o, c, tap]``.

    A transposed convolution is the input gradient of the geometry that :meth:`transposed` makes:
    its result is the ``x`` of that geometry and its operand is the ``y``. Tuples have one entry
    an axis, slowest first; ``padding`` has the begins first and then the ends.

    Examples
    --------
    >>> layer = Geometry(batch=2, channels=64, filters=64, size=(112, 112), kernel=(3, 3),
    ...                  stride=2, padding=1)
    >>> layer.out, layer.macs == 2 * 64 * 64 * (2 * 56 + 55) ** 2
    ((56, 56), True)
    >>> Geometry(batch=1, channels=3, filters=8, size=(5, 5), kernel=(7, 7))
    Traceback (most recent call last):
    ...
    UsageError: --kernel 7 with --dilation 1 is larger than the padded height 5
    """

    batch: int
    channels: int
    filters: int
    size: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...] = (1,)
    padding: tuple[int, ...] = (0,)
    dilation: tuple[int, ...] = (1,)
    groups: int = 1
    output_padding: tuple[int, ...] = (0,)

    def __post_init__(self) -> None:
        axes = len(self.size)
        set_field = object.__setattr__.__get__(self)
        set_field("size", tuple(map(int, self.size)))
        set_field("kernel", per_axis("--kernel", self.kernel, axes, 1))
        set_field("stride", per_axis("--stride", self.stride, axes, 1))
        set_field("dilation", per_axis("--dilation", self.dilation, axes, 1))
        set_field("output_padding", per_axis("--output-padding", self.output_padding, axes, 0))
        set_field("padding", both_ends(self.padding, axes))
        self._check()

    @classmethod
    def transposed(
        cls, *, size: Sequence[int], channels: int, filters: int, **shape: Any
    ) -> "Geometry":
        """Return the geometry whose input gradient is a transposed convolution.

        The input of that transposed convolution is of ``size``.
        ``channels`` are those of the operand and ``filters`` those of the result.

        Examples
        --------
        >>> up = Geometry.transposed(batch=1, size=(4, 4), channels=8, filters=3, kernel=3,
        ...                          stride=2, padding=1, output_padding=1)
        >>> up.size, up.out
        ((8, 8), (4, 4))
        """
        axes = len(size)
        one = {"batch": 1, "channels": 1, "filters": 1, "groups": 1, "output_padding": 0}
        unit = cls(**shape | one | {"size": (1 << 40,) * axes})
        extra = per_axis("--output-padding", shape.get("output_padding", 0), axes, 0)
        result = []
        for name, n, more, side in zip(_AXES[axes], size, extra, unit.sides, strict=True):
            result.append(side.seen_by(n) + more)
            if more and more >= max(side.stride, side.dilation):
                raise UsageError(
                    f"--output-padding {more} must be below the larger of stride {side.stride} and "
                    f"dilation {side.dilation}"
                )
            if result[-1] < 1:
                raise UsageError(f"--padding leaves an output {name} of {result[-1]}, at least 1")
        return cls(channels=filters, filters=channels, size=tuple(result), **shape)

    def _check(self) -> None:
        if len(self.size) not in _AXES:
            raise UsageError(f"a convolution has 2 or 3 axes, not {len(self.size)}")
        for name, count in (("batch", self.batch), ("channels", self.channels)):
            if count < 1:
                raise UsageError(f"the {name} must be at least 1, not {count}")
        if self.groups < 1 or self.channels % self.groups or self.filters % self.groups:
            raise UsageError(
                f"--groups {self.groups} must divide the channels {self.channels} "
                f"and the filters {self.filters}"
            )
        for name, side in zip(_AXES[len(self.size)], self.sides, strict=True):
            if side.out < 1:
                raise UsageError(
                    f"--kernel {side.kernel} with --dilation {side.dilation} is larger than the"
                    f" padded {name} {side.padded}"
                )

    @cached_property
    def sides(self) -> tuple[Side, ...]:
        """The numbers of each axis."""
        lists = (self.size, self.kernel, self.stride, self.dilation, self.begins)
        ends = self.padding[len(self.size) :]
        return tuple(map(Side, *lists, ends, self.output_padding))

    @property
    def axes(self) -> int:
        """How many spatial axes."""
        return len(self.size)

    @property
    def begins(self) -> tuple[int, ...]:
        """The padding before the first pixel of each axis."""
        return self.padding[: self.axes]

    @property
    def padded(self) -> tuple[int, ...]:
        """The input's size with its padding."""
        return tuple(side.padded for side in self.sides)

    @cached_property
    def out(self) -> tuple[int, ...]:
        """The output's size; ``output_padding`` is the part of the input that it does not see."""
        return tuple(side.out for side in self.sides)

    @property
    def upsampled(self) -> tuple[int, ...]:
        """The output's size with ``stride - 1`` zeros between its pixels."""
        return tuple(side.upsampled for side in self.sides)

    @property
    def group_channels(self) -> int:
        """Input channels of one group."""
        return self.channels // self.groups

    @property
    def group_filters(self) -> int:
        """Output channels of one group."""
        return self.filters // self.groups

    @property
    def taps(self) -> int:
        """Kernel positions."""
        return prod(self.kernel)

    def met(self, axis: int) -> NDArray[np.int64]:
        """Count, ``[kernel]``, each tap's output pixels that land on a real pixel, not padding."""
        first = np.arange(self.kernel[axis]) * self.dilation[axis] - self.begins[axis]
        return _inside(first, self.stride[axis], self.out[axis], self.size[axis])

    @cached_property
    def macs(self) -> int:
        """Products that the mathematics needs, the same for all operations."""
        pairs = prod(int(self.met(axis).sum()) for axis in range(self.axes))
        return self.batch * self.filters * self.group_channels * pairs

    def forward_products(self) -> int:
        """Return the most products of a forward sum; taps that meet padding do not count."""
        return self.group_channels * prod(map(self._most_taps, range(self.axes)))

    def input_grad_products(self) -> int:
        """Return the most products of a sum of the input gradient; zeros do not count."""
        return self.group_filters * prod(map(self._most_outputs, range(self.axes)))

    def weight_grad_products(self) -> int:
        """Return the most products of a sum of the weight gradient; zeros do not count."""
        return self.batch * prod(int(self.met(axis).max()) for axis in range(self.axes))

    def _most_taps(self, axis: int) -> int:
        """Return the most taps that meet a real pixel in one output pixel."""
        first = np.arange(self.out[axis]) * self.stride[axis] - self.begins[axis]
        taps, size = self.kernel[axis], self.size[axis]
        return int(_inside(first, self.dilation[axis], taps, size).max())

    def _most_outputs(self, axis: int) -> int:
        """Return the most pairs of a tap and an output pixel that meet in one real pixel."""
        size, stride = self.size[axis], self.stride[axis]
        counts = np.zeros(size, np.min_scalar_type(self.kernel[axis]))
        for tap, count in zip(range(self.kernel[axis]), self.met(axis), strict=True):
            first = tap * self.dilation[axis] - self.begins[axis]
            start = first if first >= 0 else first % stride
            counts[start : start + int(count) * stride : stride] += 1
        return int(counts.max())


def _inside(first: NDArray[np.int64], step: int, count: int, size: int) -> NDArray[np.int64]:
    """Count those of ``first``, ``first + step``, ... (``count`` of them) in ``0..size - 1``."""
    low = np.maximum(-(first // step), 0)
    high = np.minimum((size - 1 - first) // step, count - 1)
    return np.maximum(high - low + 1, 0)
