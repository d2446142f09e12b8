"""The four operations and three methods as programs of the array."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .cutting import copies, empty_products, gradient_products, stationary_products
from .geometry import Geometry
from .layout import (
    Zeros,
    folded,
    forward_weights,
    gradient_map,
    input_view,
    places_of,
    turned_weights,
)
from .operation import Method, Operation
from .program import Copy, Hardware, Product, Weights
from .sequences import spread_size, zero_free
from .window import Line, View

__all__ = ["products"]

Operand = NDArray[np.int64]


def products(
    operation: Operation,
    method: Method,
    geometry: Geometry,
    a: Operand,
    b: Operand,
    zeros: Zeros,
    hardware: Hardware,
) -> Iterator[Product | Copy]:
    """The commands of an operation, in order.

    ``a`` and ``b`` are ``x`` and ``w`` (forward), ``dy`` and ``w`` (input gradient; a transposed
    convolution's ``x`` and ``w``), ``x`` and ``dy`` (weight gradient), as in
    ``golden.conv.convolution``. Under ``explicit`` all copies come before all products.
    """
    make = {
        Operation.FORWARD: _forward, Operation.INPUT_GRAD: _input_grad,
        Operation.WEIGHT_GRAD: _weight_grad,
    }[operation.essence]  # fmt: skip
    groups = range(geometry.groups)
    if method is Method.EXPLICIT and operation is not Operation.FORWARD:
        last = operation is Operation.WEIGHT_GRAD
        dy, fill = (b, int(zeros.b.flat[0])) if last else (a, zeros.a)
        for group in groups:
            yield from _reorganized(geometry, group, dy, fill, hardware)
    for group in groups:
        yield from make(method, geometry, group, a, b, zeros, hardware)


def _forward(method, geometry, group, x, w, zeros, hardware) -> Iterator[Product]:
    view = input_view(geometry, group, x, zeros.a, hardware, geometry.stride, geometry.out)
    weights = Weights(
        forward_weights(geometry, group, w, zeros.b, hardware), geometry.group_filters
    )
    places = places_of(Operation.FORWARD, geometry, group, hardware)
    low = group * geometry.group_filters
    yield from stationary_products(view, weights, places, low, zeros.a, hardware)


def _input_grad(method, geometry, group, dy, w, zeros, hardware) -> Iterator[Product]:
    weights = turned_weights(geometry, group, w, hardware)
    column = group * geometry.group_channels
    places = places_of(Operation.INPUT_GRAD, geometry, group, hardware)
    vectors = gradient_map(method, geometry, group, dy, zeros.a, hardware.rows, hardware)
    if method is Method.ZERO_FREE:
        yield from _phases(geometry, vectors, weights, places, column, zeros.a, hardware)
        return
    axes = zip(
        geometry.begins, geometry.dilation, geometry.kernel, geometry.size, geometry.out,
        geometry.stride, strict=True,
    )  # fmt: skip
    lines = [Line(begin, 1, -d, k, n, out, s) for begin, d, k, n, out, s in axes]
    if method is Method.EXPLICIT:
        lines = [
            replace(line, size=size, spread=1)
            for line, size in zip(lines, spread_size(geometry), strict=True)
        ]
    view = View(vectors, tuple(lines))
    yield from stationary_products(view, weights, places, column, zeros.a, hardware)


def _reorganized(
    geometry: Geometry, group: int, dy: Operand, fill: int, hardware: Hardware
) -> Iterator[Copy]:
    """One group's ``dy``, copied with its zeros."""
    pixels = tuple(
        Line(0, 1, 1, 1, n, out, s)
        for n, out, s in zip(spread_size(geometry), geometry.out, geometry.stride, strict=True)
    )
    compact, stored = (
        gradient_map(method, geometry, group, dy, fill, hardware.rows, hardware)
        for method in (Method.ZERO_FREE, Method.EXPLICIT)
    )
    yield from copies(View(compact, pixels), stored, fill, hardware)


def _phases(geometry, vectors, weights, places, column, pad, hardware) -> Iterator[Product]:
    """Phase by phase; those without a tap among the others, whose time their writing then takes."""
    full, empty = [], []
    for phase in zero_free(geometry):
        steps = zip(phase.start, geometry.stride, strict=True)
        part = places[(slice(None), *(slice(start, None, step) for start, step in steps))]
        if phase.walk is None:
            empty += empty_products(part, weights.columns, column, pad, hardware)
            continue
        lines = tuple(
            Line(first, 1, -back, count, n, out)
            for (first, back, count), n, out in zip(
                phase.axes, phase.size, geometry.out, strict=True
            )
        )
        taps = [int(np.ravel_multi_index(tap, geometry.kernel)) for tap in phase.taps]
        grid = tuple(count for *_, count in phase.axes)
        full += stationary_products(
            View(vectors, lines), weights.of_taps(taps, grid), part, column, pad, hardware
        )
    yield from _mixed(full, empty)


def _mixed(full: list[Product], empty: list[Product]) -> Iterator[Product]:
    """Both in their order, the second spread evenly behind the first ones."""
    done = 0
    for number, product in enumerate(full, 1):
        yield product
        due = len(empty) * number // len(full)
        yield from empty[done:due]
        done = due
    yield from empty[done:]


def _weight_grad(method, geometry, group, x, dy, zeros, hardware) -> Iterator[Product]:
    fill = int(zeros.b.flat[0])
    vectors = gradient_map(method, geometry, group, dy, fill, hardware.cols, hardware)
    stride, outs, spread = geometry.stride, geometry.out, (1,) * geometry.axes
    sizes = geometry.out
    if method is not Method.ZERO_FREE:
        stride, outs = (1,) * geometry.axes, spread_size(geometry)
        spread = geometry.stride if method is Method.BP_IM2COL else spread
    if method is Method.EXPLICIT:
        sizes = outs
    pixels = tuple(
        Line(0, 1, 1, 1, out, size, s) for out, size, s in zip(outs, sizes, spread, strict=True)
    )
    _, fold = folded(geometry, hardware)
    yield from gradient_products(
        input_view(geometry, group, x, zeros.a, hardware, stride, outs), View(vectors, pixels),
        geometry.group_filters, group, (zeros.a, fill), fold * geometry.group_channels, hardware,
    )  # fmt: skip
