"""Maximum and average pooling of feature maps of integers, rounded once."""

from collections.abc import Iterator, Sequence
from functools import reduce
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.requantize import Requantization

from .window import Side, sides_of

__all__ = ["average_pool", "max_pool", "window_counts", "window_scale"]

Integers = NDArray[np.int64]


def max_pool(
    x: ArrayLike,
    kernel: Sequence[int],
    *,
    stride: Sequence[int] = (1,),
    padding: Sequence[int] = (0,),
    dilation: Sequence[int] = (1,),
    ceil_mode: bool = False,
    multiplier: int = 1,
    shift: int = 0,
    x_zero_point: int = 0,
    **result: Any,
) -> Integers:
    """Return ``round((max - x_zero_point) * multiplier / 2**shift) + zero_point`` of each window.

    Cells in the padding are never the greatest, as in ONNX's MaxPool.

    Parameters
    ----------
    x : ``[N, C, *space]``, one to three axes of space
    kernel, stride, padding, dilation, ceil_mode : as :func:`~.window.sides_of` has them
    result : what :meth:`golden.common.requantize.Requantization.check` takes of zero point,
        format, clamp and rounding

    Examples
    --------
    >>> max_pool([[[-5, 3, 4, -7]]], (3,), padding=(1,))
    array([[[3, 4, 4, 4]]])
    """
    x = _integers(x)
    sides = sides_of(
        x.shape[2:], kernel, stride=stride, padding=padding, dilation=dilation, ceil_mode=ceil_mode
    )
    lowest = np.iinfo(np.int64).min
    cells = (np.where(real, values, lowest) for values, real in _cells(x, sides))
    return _scaled(reduce(np.maximum, cells) - x_zero_point, multiplier, shift, result)


def average_pool(
    x: ArrayLike,
    kernel: Sequence[int],
    *,
    stride: Sequence[int] = (1,),
    padding: Sequence[int] = (0,),
    dilation: Sequence[int] = (1,),
    ceil_mode: bool = False,
    count_padding: bool = False,
    multiplier: int = 1,
    shift: int = 0,
    x_zero_point: int = 0,
    multiplier_width: int = 16,
    max_shift: int = 47,
    **result: Any,
) -> Integers:
    """Return ``round(sum(x - x_zero_point) * multiplier / (2**shift * count)) + zero_point``.

    The sum is exact, and rounded once. ``count`` is that of a window's real cells, or with
    ``count_padding`` of those in the padding too, which are zeros; cells beyond the padding, where
    ``ceil_mode`` has some, never count. The factor of each count is what :func:`window_scale` makes
    of it, so that a tie is one of the product by that factor. All else is as of :func:`max_pool`.

    Examples
    --------
    >>> average_pool([[[4, 6, 9, 2]]], (2,), padding=(1,))  # 15/2 to even, ends of one cell
    array([[[4, 5, 8, 6, 2]]])
    >>> average_pool([[[4, 6, 9, 2]]], (2,), padding=(1,), count_padding=True)
    array([[[2, 5, 8, 6, 1]]])
    """
    x = _integers(x)
    sides = sides_of(
        x.shape[2:], kernel, stride=stride, padding=padding, dilation=dilation, ceil_mode=ceil_mode
    )
    cells = (np.where(real, values - x_zero_point, 0) for values, real in _cells(x, sides))
    total = reduce(np.add, cells)
    counts = np.broadcast_to(window_counts(sides, padding=count_padding), total.shape)
    found = np.empty_like(total)
    widths = {"multiplier_width": multiplier_width, "max_shift": max_shift}
    for count in np.unique(counts).tolist():
        scale = window_scale(multiplier, shift, count, **widths)
        found[counts == count] = _scaled(total[counts == count], *scale, result)
    return found


def window_scale(
    multiplier: int, shift: int, count: int, *, multiplier_width: int = 16, max_shift: int = 47
) -> tuple[int, int]:
    """Return the multiplier and shift nearest to ``multiplier / (2**shift * count)``.

    The shift is the greatest that ``max_shift`` and the multiplier's width allow, so that the
    factor is right to ``2**-multiplier_width`` of itself, and exact where ``count`` is a power of
    two or divides ``multiplier``.

    Examples
    --------
    >>> window_scale(1, 0, 4), window_scale(1, 0, 9)
    ((32768, 17), (58254, 19))
    """
    for more in reversed(range(max_shift - shift + 1)):
        rounded = ((multiplier << more + 1) + count) // (2 * count)
        if rounded >> multiplier_width == 0:
            return rounded, shift + more
    raise UsageError(
        f"multiplier must be below {1 << multiplier_width} and shift in 0..{max_shift}, not"
        f" {multiplier} and {shift}"
    )


def window_counts(sides: Sequence[Side], *, padding: bool) -> Integers:
    """Return how many cells of each window count, ``[*out]``."""
    return reduce(np.multiply.outer, (side.counts(padding=padding) for side in sides))


def _cells(x: Integers, sides: Sequence[Side]) -> Iterator[tuple[Integers, NDArray[np.bool_]]]:
    """Yield each cell of all windows at once, ``[N, C, *out]``, and where it is real, ``[*out]``.

    Where it is not, it is some other element.
    """
    for taps in product(*(range(side.kernel) for side in sides)):
        values, each = x, list(zip(sides, taps, strict=True))
        for axis, (side, tap) in enumerate(each, 2):
            values = values.take(side.cells[:, tap].clip(0, side.size - 1), axis)
        yield values, reduce(np.logical_and.outer, (side.real[:, tap] for side, tap in each))


def _integers(x: ArrayLike) -> Integers:
    array = np.asarray(x)
    if array.dtype.kind not in "iu" or not 3 <= array.ndim <= 5 or not array.size:
        raise UsageError(
            "x must be integers of shape [N, C, W], [N, C, H, W] or [N, C, D, H, W], not"
            f" {array.dtype} of shape {list(array.shape)}"
        )
    return array.astype(np.int64)


def _scaled(z: Integers, multiplier: int, shift: int, result: dict[str, Any]) -> Integers:
    # Widths are for whoever commands the hardware to check.
    widths: dict[str, Any] = {"multiplier_width": 31, "max_shift": 63}
    scale = Requantization.check(1, multiplier=[multiplier], shift=[shift], **widths, **result)
    return scale(z[..., None])[..., 0]
