"""Convolution and its gradients, exact in int64: the definition of every bit."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .geometry import Geometry

__all__ = ["forward", "input_grad", "transposed", "weight_grad"]

_EXACT = 1 << 53


def forward(
    geometry: Geometry, x: ArrayLike, w: ArrayLike, *, x_zero: int = 0, w_zero: ArrayLike = 0
) -> NDArray[np.int64]:
    """Return ``y [N, O, *out]`` of ``x [N, C, *size]`` and ``w [O, C/groups, *kernel]``.

    Padding counts as the zero point; ``w_zero`` is one number or one for each of the O filters.

    Examples
    --------
    >>> layer = Geometry(batch=1, channels=1, filters=1, size=(3, 3), kernel=(2, 2), stride=2,
    ...                  padding=1)
    >>> forward(layer, np.arange(9).reshape(1, 1, 3, 3), np.ones((1, 1, 2, 2), int))[0, 0]
    array([[ 0,  3],
           [ 9, 24]])
    """
    x, w = _pad(geometry, _minus(x, x_zero)), _minus(w, w_zero, axis=0)
    grouped = w.reshape(geometry.groups, geometry.group_filters, geometry.group_channels, -1)
    y = np.zeros((geometry.batch, geometry.groups, geometry.group_filters, *geometry.out), np.int64)
    for tap, (_, where) in enumerate(_taps(geometry)):
        pixels = _group(x[where], geometry.groups)
        part = _multiply(grouped[..., tap], _flat(pixels), geometry.group_channels)
        y += part.reshape(y.shape)
    return y.reshape(geometry.batch, geometry.filters, *geometry.out)


def input_grad(
    geometry: Geometry, dy: ArrayLike, w: ArrayLike, *, dy_zero: int = 0, w_zero: ArrayLike = 0
) -> NDArray[np.int64]:
    """Return ``dx [N, C, *size]`` of ``dy [N, O, *out]`` and ``w [O, C/groups, *kernel]``.

    ``w_zero`` is one number or one for each of the C channels of the result.

    Examples
    --------
    >>> layer = Geometry(batch=1, channels=1, filters=1, size=(3, 3), kernel=(2, 2), stride=2,
    ...                  padding=1)
    >>> input_grad(layer, [[[[1, 2], [3, 4]]]], np.ones((1, 1, 2, 2), int))[0, 0]
    array([[1, 2, 2],
           [3, 4, 4],
           [3, 4, 4]])
    """
    dy = _group(_minus(dy, dy_zero), geometry.groups)
    grouped = np.asarray(w, np.int64).reshape(
        geometry.groups, geometry.group_filters, geometry.group_channels, -1
    )
    zeros = np.broadcast_to(np.asarray(w_zero, np.int64), (geometry.channels,))
    grouped = grouped - zeros.reshape(geometry.groups, 1, geometry.group_channels, 1)
    dx: NDArray[np.int64] = np.zeros(
        (geometry.batch, geometry.channels, *geometry.padded), np.int64
    )
    for tap, (_, where) in enumerate(_taps(geometry)):
        part = _multiply(grouped[..., tap].swapaxes(1, 2), _flat(dy), geometry.group_filters)
        dx[where] += part.reshape(geometry.batch, geometry.channels, *geometry.out)
    inner = zip(geometry.begins, geometry.size, strict=True)
    inside: tuple[Any, ...] = (..., *(slice(begin, begin + size) for begin, size in inner))
    return dx[inside]


def weight_grad(
    geometry: Geometry, x: ArrayLike, dy: ArrayLike, *, x_zero: int = 0, dy_zero: int = 0
) -> NDArray[np.int64]:
    """Return ``dw [O, C/groups, *kernel]`` of ``x [N, C, *size]`` and ``dy [N, O, *out]``.

    Examples
    --------
    >>> layer = Geometry(batch=1, channels=1, filters=1, size=(3, 3), kernel=(2, 2), stride=2,
    ...                  padding=1)
    >>> weight_grad(layer, np.arange(9).reshape(1, 1, 3, 3), [[[[1, 2], [3, 4]]]])[0, 0]
    array([[16, 29],
           [30, 54]])
    """
    x, dy = _pad(geometry, _minus(x, x_zero)), _group(_minus(dy, dy_zero), geometry.groups)
    shape = (geometry.groups, geometry.group_filters, geometry.group_channels, *geometry.kernel)
    dw = np.zeros(shape, np.int64)
    flat = _flat(dy)
    for tap, where in _taps(geometry):
        pixels = _flat(_group(x[where], geometry.groups)).swapaxes(2, 3)
        place: tuple[Any, ...] = (..., *tap)
        dw[place] = _multiply(flat, pixels, flat[0, 0, 0].size * len(flat)).sum(0)
    return dw.reshape(geometry.filters, geometry.group_channels, *geometry.kernel)


def transposed(
    geometry: Geometry, x: ArrayLike, w: ArrayLike, *, x_zero: int = 0, w_zero: ArrayLike = 0
) -> NDArray[np.int64]:
    """Compute ONNX's ConvTranspose: the input gradient, by another name.

    ``y [N, O, *size]`` of ``x [N, C, *out]`` and ``w [C, O/groups, *kernel]``; ``geometry`` is
    that of :meth:`Geometry.transposed`, ``w_zero`` one number or one for each of the O channels.
    """
    return input_grad(geometry, x, w, dy_zero=x_zero, w_zero=w_zero)


def _taps(geometry: Geometry) -> Iterator[tuple[tuple[int, ...], tuple]]:
    """Yield each tap, and the pixels of the padded input that it meets."""
    for tap in product(*map(range, geometry.kernel)):
        starts = (k * d for k, d in zip(tap, geometry.dilation, strict=True))
        spans = zip(starts, geometry.out, geometry.stride, strict=True)
        yield tap, (..., *(slice(a, a + (n - 1) * s + 1, s) for a, n, s in spans))


def _multiply(a: NDArray, b: NDArray, length: int) -> NDArray[np.int64]:
    """Return ``a @ b``; in float64, exact and much faster, where no sum can reach 2**53."""
    if int(np.abs(a).max()) * int(np.abs(b).max()) * length < _EXACT:
        return (a.astype(float) @ b.astype(float)).astype(np.int64)
    return a @ b


def _flat(maps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return ``[batch, groups, channels, pixels]``."""
    return maps.reshape(*maps.shape[:3], -1)


def _group(array: NDArray[np.int64], groups: int) -> NDArray[np.int64]:
    return array.reshape(len(array), groups, -1, *array.shape[2:])


def _minus(array: ArrayLike, zero: ArrayLike, axis: int | None = None) -> NDArray[np.int64]:
    array, zero = np.asarray(array, np.int64), np.asarray(zero, np.int64)
    if zero.size > 1 and axis is not None:
        return array - zero.reshape(-1, *[1] * (array.ndim - 1 - axis))
    return array - zero.reshape(())


def _pad(geometry: Geometry, x: NDArray[np.int64]) -> NDArray[np.int64]:
    ends = geometry.padding[geometry.axes :]
    return np.pad(x, [(0, 0), (0, 0), *zip(geometry.begins, ends, strict=True)])
