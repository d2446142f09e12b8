"""The windows of pooling: where each begins along an axis, and which of its cells are real."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.common.axes import both_ends, per_axis
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.options import flag

__all__ = ["Side", "sides_of"]

_AXES = {1: ("width",), 2: ("height", "width"), 3: ("depth", "height", "width")}


@dataclass(frozen=True, kw_only=True)
class Side:
    """The windows along one axis: cell ``t`` of window ``i`` is ``i*stride + t*dilation - begin``.

    Cells in front of the input, behind it, or beyond ``end`` are not real. With ``ceil`` a last
    window may reach beyond the padding, as long as it begins in front of it.
    """

    size: int
    kernel: int
    stride: int = 1
    dilation: int = 1
    begin: int = 0
    end: int = 0
    ceil: bool = False

    @property
    def padded(self) -> int:
        """The input's size with its padding."""
        return self.begin + self.size + self.end

    @property
    def reach(self) -> int:
        """The elements from a window's first cell to its last one."""
        return (self.kernel - 1) * self.dilation + 1

    @cached_property
    def out(self) -> int:
        """The number of windows."""
        steps = self.padded - self.reach
        out = (-(-steps // self.stride) if self.ceil else steps // self.stride) + 1
        return out - (self.ceil and (out - 1) * self.stride >= self.begin + self.size)

    @cached_property
    def cells(self) -> NDArray[np.int64]:
        """The places of all cells in the input, ``[out, kernel]``, those that are not real too."""
        first = np.arange(self.out)[:, None] * self.stride - self.begin
        return first + np.arange(self.kernel) * self.dilation

    @cached_property
    def real(self) -> NDArray[np.bool_]:
        """Which cells are real, ``[out, kernel]``."""
        return (self.cells >= 0) & (self.cells < self.size)

    def counts(self, *, padding: bool) -> NDArray[np.int64]:
        """Return the real cells of each window, or those within the padding as well."""
        return (self.cells < self.size + self.end if padding else self.real).sum(1)


def sides_of(
    size: Sequence[int],
    kernel: Sequence[int],
    *,
    stride: Sequence[int] = (1,),
    padding: Sequence[int] = (0,),
    dilation: Sequence[int] = (1,),
    ceil_mode: bool = False,
) -> tuple[Side, ...]:
    """Return the windows along each axis of maps of ``size``, slowest first.

    One number stands for all axes; ``padding`` may also have the begins first and then the ends.

    Examples
    --------
    >>> [side.out for side in sides_of((112, 7), (3,), stride=(2,), padding=(1,))]
    [56, 4]
    >>> sides_of((2, 2), (2,), padding=(2,))
    Traceback (most recent call last):
    ...
    UsageError: --padding leaves a window of the height without an element of the input
    """
    axes = len(size)
    if axes not in _AXES:
        raise UsageError(f"x must have 1 to 3 axes of space, not {axes}")
    ends = both_ends(padding, axes)
    given = {"kernel": kernel, "stride": stride, "dilation": dilation}
    each = {name: per_axis(flag(name), numbers, axes, 1) for name, numbers in given.items()}
    sides = []
    for n, name in enumerate(_AXES[axes]):
        numbers = {key: values[n] for key, values in each.items()}
        side = Side(size=size[n], begin=ends[n], end=ends[axes + n], ceil=ceil_mode, **numbers)
        if side.reach > side.padded:
            raise UsageError(
                f"--kernel {side.kernel} with --dilation {side.dilation} is larger than the padded"
                f" {name} {side.padded}"
            )
        if not side.real.any(1).all():
            raise UsageError(
                f"--padding leaves a window of the {name} without an element of the input"
            )
        sides.append(side)
    return tuple(sides)
