"""Sums, products and numbers scaled anew, element by element: what commands for them must give."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gemmule.golden.common.requantize import Requantization

__all__ = ["add", "concat", "multiply", "requantize", "resize", "transpose"]


def add(
    a: ArrayLike,
    b: ArrayLike,
    *,
    a_multiplier: ArrayLike = 1,
    b_multiplier: ArrayLike = 1,
    shift: ArrayLike = 0,
    a_zero_point: ArrayLike = 0,
    b_zero_point: ArrayLike = 0,
    **result: Any,
) -> NDArray[np.int64]:
    """Return ``(a - a_zero_point) * a_multiplier + (b - b_zero_point) * b_multiplier``, scaled.

    Arrays broadcast. The sum is divided by ``2**shift`` and rounded once; ``result`` is what
    :meth:`golden.common.requantize.Requantization.check` takes of zero point, format, clamp and
    rounding.

    Examples
    --------
    >>> add([1, 3, -1], 2, a_multiplier=3, shift=1, zero_point=10)  # 5, 11 and -1 over 2, to even
    array([12, 16, 10])
    """
    z = _less(a, a_zero_point) * _one(a_multiplier) + _less(b, b_zero_point) * _one(b_multiplier)
    return _scaled(z, 1, shift, result)


def multiply(
    a: ArrayLike,
    b: ArrayLike,
    *,
    multiplier: ArrayLike = 1,
    shift: ArrayLike = 0,
    a_zero_point: ArrayLike = 0,
    b_zero_point: ArrayLike = 0,
    **result: Any,
) -> NDArray[np.int64]:
    """Return ``(a - a_zero_point) * (b - b_zero_point) * multiplier / 2**shift``, as :func:`add`.

    Examples
    --------
    >>> multiply([[1], [2]], [3, 100], multiplier=1, shift=1, c_format="s8")
    array([[  2,  50],
           [  3, 100]])
    """
    return _scaled(_less(a, a_zero_point) * _less(b, b_zero_point), multiplier, shift, result)


def requantize(
    a: ArrayLike,
    *,
    multiplier: ArrayLike = 1,
    shift: ArrayLike = 0,
    a_zero_point: ArrayLike = 0,
    **result: Any,
) -> NDArray[np.int64]:
    """Return ``(a - a_zero_point) * multiplier / 2**shift``, as :func:`add`.

    Examples
    --------
    >>> requantize([300, -7], clamp=(0, 255), c_format="u8")
    array([255,   0])
    """
    return _scaled(_less(a, a_zero_point), multiplier, shift, result)


def transpose(a: ArrayLike, **scale: Any) -> NDArray[np.int64]:
    """Return what :func:`requantize` does, with the last two axes exchanged."""
    return requantize(a, **scale).swapaxes(-1, -2)


def concat(
    parts: Sequence[ArrayLike],
    axis: int = -1,
    *,
    multiplier: ArrayLike = 1,
    shift: ArrayLike = 0,
    x_zero_point: ArrayLike = 0,
    **result: Any,
) -> NDArray[np.int64]:
    """Return parts side by side along an axis, each scaled as by :func:`requantize`.

    Multiplier, shift and zero point are one number, or one for each part.

    Examples
    --------
    >>> concat([[[1, 2]], [[50]]], multiplier=[1, 3], shift=[0, 1], zero_point=[-1])
    array([[ 0,  1, 74]])
    """
    own = zip(
        *(_spread(each, len(parts)) for each in (multiplier, shift, x_zero_point)), strict=True
    )
    return np.concatenate(
        [
            requantize(part, multiplier=factor, shift=by, a_zero_point=zero, **result)
            for part, (factor, by, zero) in zip(parts, own, strict=True)
        ],
        axis,
    )


def resize(x: ArrayLike, factors: Sequence[int], **scale: Any) -> NDArray[np.int64]:
    """Return maps ``[N, *space, C]`` of which each element is repeated along the axes of space.

    ONNX's Resize to the nearest at whole factors; scaled as by :func:`requantize`.

    Examples
    --------
    >>> resize([[[1], [2]]], (3,))[0, :, 0]
    array([1, 1, 1, 2, 2, 2])
    """
    large = requantize(x, **scale)
    for axis, factor in enumerate(factors, 1):
        large = large.repeat(factor, axis)
    return large


def _spread(numbers: ArrayLike, parts: int) -> NDArray[np.int64]:
    return np.broadcast_to(np.asarray(numbers).reshape(-1), (parts,))


def _one(number: ArrayLike) -> int:
    return int(np.asarray(number).reshape(()))


def _less(array: ArrayLike, zero_point: ArrayLike) -> NDArray[np.int64]:
    return np.asarray(array).astype(np.int64) - _one(zero_point)


def _scaled(
    z: NDArray[np.int64], multiplier: ArrayLike, shift: ArrayLike, result: dict[str, Any]
) -> NDArray[np.int64]:
    # Widths are for whoever commands the hardware to check.
    scale = Requantization.check(
        1,
        multiplier=[_one(multiplier)],
        shift=[_one(shift)],
        multiplier_width=31,
        max_shift=63,
        **result,
    )
    return scale(z[..., None])[..., 0]
