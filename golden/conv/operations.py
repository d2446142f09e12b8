"""The four operations and three methods as programs of the array."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod

import numpy as np
from numpy.typing import NDArray

from .geometry import Geometry
from .program import Hardware, Product, gradient_products, stationary_products
from .sequences import spread_size, zero_free
from .window import Line, View, as_vectors

__all__ = ["METHODS", "Zeros", "products", "result"]

METHODS = ("zero_free", "bp_im2col", "explicit")

Operand = NDArray[np.int64]


@dataclass(frozen=True)
class Zeros:
    """Zero points: of the streamed operand, and of the other one, one or one a result column."""

    a: int
    b: NDArray[np.int64]


def products(
    operation: str,
    method: str,
    geometry: Geometry,
    a: Operand,
    b: Operand,
    zeros: Zeros,
    hardware: Hardware,
) -> Iterator[Product]:
    """The commands of an operation, in order.

    ``a`` and ``b`` are ``x`` and ``w`` (forward), ``dy`` and ``w`` (input gradient; a transposed
    convolution's ``x`` and ``w``), ``x`` and ``dy`` (weight gradient), as in
    ``golden.conv.convolution``.
    """
    make = {"forward": _forward, "weight_grad": _weight_grad}.get(operation, _input_grad)
    for group in range(geometry.groups):
        yield from make(method, geometry, group, a, b, zeros, hardware)


def result(
    operation: str, geometry: Geometry, table: NDArray[np.int64], hardware: Hardware
) -> NDArray[np.int64]:
    """The table ``[rows, columns]`` that the products fill, as the operation's result."""
    if operation != "weight_grad":
        size = geometry.out if operation == "forward" else geometry.size
        return np.moveaxis(table.reshape(geometry.batch, *size, -1), -1, 1)
    fold = _folding(geometry, hardware)
    kernel = (*geometry.kernel[:-1], -(-geometry.kernel[-1] // fold))
    taps = table.reshape(*kernel, fold, geometry.group_channels, geometry.filters)
    axis = geometry.axes
    taps = taps.reshape(*kernel[:-1], kernel[-1] * fold, *taps.shape[axis + 1 :])
    taps = np.take(taps, range(geometry.kernel[-1]), axis=axis - 1)
    return np.moveaxis(np.moveaxis(taps, -1, 0), -1, 1)


def table_shape(operation: str, geometry: Geometry, hardware: Hardware) -> tuple[int, int]:
    """Rows and columns of the table."""
    if operation == "weight_grad":
        fold = _folding(geometry, hardware)
        kernel = (*geometry.kernel[:-1], -(-geometry.kernel[-1] // fold))
        return prod(kernel) * fold * geometry.group_channels, geometry.filters
    if operation == "forward":
        return geometry.batch * prod(geometry.out), geometry.filters
    return geometry.batch * prod(geometry.size), geometry.channels


def _folding(geometry: Geometry, hardware: Hardware) -> int:
    """Kernel columns that share a vector: few channels do not leave lanes idle."""
    return max(1, min(geometry.kernel[-1], hardware.rows // geometry.group_channels))


def _input(
    geometry: Geometry,
    group: int,
    x: Operand,
    fill: int,
    hardware: Hardware,
    stride: tuple,
    outs: tuple,
) -> View:
    """``x`` of one group, kernel columns folded into the lanes that its channels leave idle.

    Pixel ``p`` then holds those at ``p``, ``p + dilation``, and so on: as many vectors as before.
    """
    low = group * geometry.group_channels
    x = x[:, low : low + geometry.group_channels]
    fold = _folding(geometry, hardware)
    lines = [
        Line(-begin, s, d, k, out, size)
        for begin, s, d, k, out, size in zip(
            geometry.begins, stride, geometry.dilation, geometry.kernel, outs, geometry.size,
            strict=True,
        )
    ]  # fmt: skip
    if fold > 1:
        last, d = lines[-1], geometry.dilation[-1]
        taps = -(-last.taps // fold)
        size = (last.outs - 1) * last.stride + d * fold * (taps - 1) + 1
        begin, end = geometry.begins[-1], max(0, size + d * fold - geometry.padded[-1])
        margins = [(0, 0)] * (x.ndim - 1) + [(begin, geometry.padding[-1] + end)]
        wide = np.pad(x, margins, constant_values=fill)
        x = np.concatenate([wide[..., j * d : j * d + size] for j in range(fold)], axis=1)
        lines[-1] = Line(0, last.stride, d * fold, taps, last.outs, size)
    return View(as_vectors(x, hardware.rows, fill), tuple(lines))


def _forward(method, geometry, group, x, w, zeros, hardware) -> Iterator[Product]:
    view = _input(geometry, group, x, zeros.a, hardware, geometry.stride, geometry.out)
    low = group * geometry.group_filters
    high = low + geometry.group_filters
    fold = _folding(geometry, hardware)
    taps = -(-geometry.kernel[-1] // fold)
    # Taps that the folding adds meet pixels, and weigh nothing: their zero point.
    missing = np.broadcast_to(
        zeros.b[low:high].reshape(-1, *[1] * (w.ndim - 1)),
        (*w[low:high].shape[:-1], taps * fold - geometry.kernel[-1]),
    )
    weights = np.concatenate([w[low:high], missing], axis=-1)
    weights = weights.reshape(*weights.shape[:-1], taps, fold)
    weights = np.moveaxis(weights, (-1, 1, 0), (-3, -2, -1))
    weights = weights.reshape(-1, fold * geometry.group_channels, high - low)
    rows = np.arange(geometry.batch * prod(geometry.out)).reshape(geometry.batch, *geometry.out)
    yield from stationary_products(view, weights, rows, low, zeros.a, hardware)


def _input_grad(method, geometry, group, dy, w, zeros, hardware) -> Iterator[Product]:
    low = group * geometry.group_filters
    part = slice(low, low + geometry.group_filters)
    dy, weights = dy[:, part], w[part].reshape(geometry.group_filters, geometry.group_channels, -1)
    weights = np.moveaxis(weights, -1, 0)
    column = group * geometry.group_channels
    rows = np.arange(geometry.batch * prod(geometry.size)).reshape(geometry.batch, *geometry.size)
    if method == "zero_free":
        yield from _phases(geometry, dy, weights, rows, column, zeros.a, hardware)
        return
    axes = zip(
        geometry.begins, geometry.dilation, geometry.kernel, geometry.size, geometry.out,
        geometry.stride, strict=True,
    )  # fmt: skip
    lines = [Line(begin, 1, -d, k, n, out, s) for begin, d, k, n, out, s in axes]
    if method == "explicit":
        dy = spread_out(geometry, dy, zeros.a)
        lines = [
            replace(line, size=size, spread=1)
            for line, size in zip(lines, spread_size(geometry), strict=True)
        ]
    view = View(as_vectors(dy, hardware.rows, zeros.a), tuple(lines))
    yield from stationary_products(view, weights, rows, column, zeros.a, hardware)


def _phases(geometry, dy, weights, rows, column, pad, hardware) -> Iterator[Product]:
    vectors = as_vectors(dy, hardware.rows, pad)
    for phase in zero_free(geometry):
        steps = zip(phase.start, geometry.stride, strict=True)
        places = rows[(slice(None), *(slice(start, None, step) for start, step in steps))]
        if phase.walk is None:
            # No tap meets these pixels: one masked vector times no weight, for the bias's sake.
            lines = tuple(Line(-n, 1, 1, 1, n, 1) for n in phase.size)
            still = vectors[(slice(None), *[slice(1)] * geometry.axes, slice(1))]
            nothing = np.zeros((1, 1, weights.shape[2]), np.int64)
            empty = View(still, lines)
            yield from stationary_products(empty, nothing, places, column, pad, hardware)
            continue
        lines = tuple(
            Line(first, 1, -back, count, n, out)
            for (first, back, count), n, out in zip(
                phase.axes, phase.size, geometry.out, strict=True
            )
        )
        taps = [int(np.ravel_multi_index(tap, geometry.kernel)) for tap in phase.taps]
        yield from stationary_products(
            View(vectors, lines), weights[taps], places, column, pad, hardware
        )


def _weight_grad(method, geometry, group, x, dy, zeros, hardware) -> Iterator[Product]:
    low = group * geometry.group_filters
    dy = dy[:, low : low + geometry.group_filters]
    fill = int(zeros.b.flat[0])
    stride, outs, spread = geometry.stride, geometry.out, (1,) * geometry.axes
    if method != "zero_free":
        stride, outs = (1,) * geometry.axes, spread_size(geometry)
        spread = geometry.stride if method == "bp_im2col" else spread
    if method == "explicit":
        dy = spread_out(geometry, dy, fill)
    pixels = tuple(
        Line(0, 1, 1, 1, out, size, s)
        for out, size, s in zip(outs, dy.shape[2:], spread, strict=True)
    )
    channels = _folding(geometry, hardware) * geometry.group_channels
    yield from gradient_products(
        _input(geometry, group, x, zeros.a, hardware, stride, outs),
        View(as_vectors(dy, hardware.cols, fill), pixels),
        geometry.group_filters, low, (zeros.a, fill), channels, hardware,
    )  # fmt: skip


def spread_out(geometry: Geometry, dy: Operand, fill: int) -> Operand:
    """The baseline's reorganization: ``dy`` with its zeros inserted, in memory."""
    wide = np.full((*dy.shape[:2], *spread_size(geometry)), fill, np.int64)
    wide[(..., *(slice(None, None, s) for s in geometry.stride))] = dy
    return wide
