"""What a layer keeps in the external memory: which regions, and each group's part of them."""

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from .geometry import Geometry
from .maps import Vectors, feature_map, pitch
from .operation import Method, Operation
from .program import Hardware, Weights
from .sequences import spread_size
from .window import Line, View

__all__ = [
    "GRADIENT", "INPUT", "SPREAD", "WEIGHTS", "Zeros", "folded", "forward_weights",
    "gradient_map", "input_view", "operand_maps", "places_of", "result", "result_shape",
    "spread_extent", "turned_weights",
]  # fmt: skip

Operand = NDArray[np.int64]

INPUT, WEIGHTS, GRADIENT, SPREAD = "x", "w", "dy", "spread"
"""Regions of the memory: ``spread`` is the gradient with its zeros, where it is reorganized."""


@dataclass(frozen=True)
class Zeros:
    """Zero points: of the streamed operand, and of the other one, one or one a result column."""

    a: int
    b: NDArray[np.int64]


def result_shape(operation: Operation, geometry: Geometry, hardware: Hardware) -> tuple[int, ...]:
    """The result as it lies in memory: a feature map, or as the weights do."""
    if operation is Operation.WEIGHT_GRAD:
        kernel, fold = folded(geometry, hardware)
        tiles = -(-geometry.group_filters // hardware.cols)
        rows = fold * geometry.group_channels
        return geometry.groups, tiles, prod(kernel), rows, hardware.cols
    size = geometry.out if operation is Operation.FORWARD else geometry.size
    wide = pitch(_group_columns(operation, geometry), hardware.rows, hardware.cols)
    return geometry.groups, geometry.batch, *size, wide


def _group_columns(operation: Operation, geometry: Geometry) -> int:
    return operation.channels(geometry) // geometry.groups


def result(
    operation: Operation, geometry: Geometry, memory: NDArray[np.int64], hardware: Hardware
) -> NDArray[np.int64]:
    """The operation's result, from what :func:`result_shape` lays out."""
    if operation is Operation.WEIGHT_GRAD:
        kernel, fold = folded(geometry, hardware)
        groups, tiles = memory.shape[:2]
        taps = memory.reshape(groups, tiles, *kernel, fold, geometry.group_channels, -1)
        axis = 2 + geometry.axes
        taps = taps.reshape(*taps.shape[: axis - 1], kernel[-1] * fold, *taps.shape[axis + 1 :])
        taps = np.take(taps, range(geometry.kernel[-1]), axis=axis - 1)
        # [groups, tiles, kernel, channels, lanes], to filters, channels and kernel.
        taps = np.moveaxis(taps, (1, -1, -2), (1, 2, 3))
        taps = taps.reshape(groups, -1, *taps.shape[3:])[:, : geometry.group_filters]
        return taps.reshape(geometry.filters, *taps.shape[2:])
    channels = _group_columns(operation, geometry)
    maps = np.moveaxis(memory[..., :channels], -1, 2)  # [groups, batch, channels, size]
    return np.moveaxis(maps, 0, 1).reshape(geometry.batch, -1, *maps.shape[3:])


def places_of(operation: Operation, geometry: Geometry, group: int, hardware: Hardware) -> Operand:
    """The elements at which the pixels of one group's result begin, ``[batch, *size]``."""
    _, *pixels, wide = result_shape(operation, geometry, hardware)
    count = prod(pixels)
    return (group * count + np.arange(count).reshape(pixels)) * wide


def operand_maps(
    operation: Operation,
    geometry: Geometry,
    a: Operand,
    b: Operand,
    zeros: Zeros,
    hardware: Hardware,
) -> dict[str, Operand]:
    """What the host puts into memory: each region's elements, flat."""
    made: dict[str, Operand] = {}
    for group in range(geometry.groups):
        if "x" in operation.maps:
            stride, outs = (1,) * geometry.axes, spread_size(geometry)
            view = input_view(geometry, group, a, zeros.a, hardware, stride, outs)
            _place(made, geometry.groups, view.vectors, zeros.a)
        if operation is Operation.WEIGHT_GRAD:
            fill = int(zeros.b.flat[0])
            dy = gradient_map(Method.ZERO_FREE, geometry, group, b, fill, hardware.cols, hardware)
            _place(made, geometry.groups, dy, fill)
            continue
        filters = (
            zeros.b if operation is Operation.FORWARD else np.zeros(geometry.filters, np.int64)
        )
        weights = forward_weights(geometry, group, b, filters, hardware)
        _place(made, geometry.groups, weights, 0)
        if operation is not Operation.FORWARD:
            dy = gradient_map(
                Method.ZERO_FREE, geometry, group, a, zeros.a, hardware.rows, hardware
            )
            _place(made, geometry.groups, dy, zeros.a)
    return made


def spread_extent(geometry: Geometry, hardware: Hardware) -> int:
    """Elements of the gradient with its zeros, where it is reorganized."""
    pixels = geometry.batch * prod(spread_size(geometry))
    return geometry.groups * pixels * _wide(geometry, hardware)


def _place(made: dict[str, Operand], groups: int, vectors: Vectors, fill: int) -> None:
    """One group's vectors into their region; between them, ``fill``."""
    if vectors.region not in made:
        made[vectors.region] = np.full(groups * vectors.extent, fill, vectors.values.dtype)
    at = vectors.index[..., None] + np.arange(vectors.lanes)
    made[vectors.region][at] = vectors.values


def folded(geometry: Geometry, hardware: Hardware) -> tuple[tuple[int, ...], int]:
    """The kernel where columns share a vector, and how many do: lanes do not idle."""
    most = hardware.rows // geometry.group_channels if hardware.folds else 1
    fold = max(1, min(geometry.kernel[-1], most))
    return (*geometry.kernel[:-1], -(-geometry.kernel[-1] // fold)), fold


def input_view(
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
    kernel, fold = folded(geometry, hardware)
    lines = [
        Line(-begin, s, d, k, out, size)
        for begin, s, d, k, out, size in zip(
            geometry.begins, stride, geometry.dilation, geometry.kernel, outs, geometry.size,
            strict=True,
        )
    ]  # fmt: skip
    if fold > 1:
        last, d, taps = lines[-1], geometry.dilation[-1], kernel[-1]
        size = (last.outs - 1) * last.stride + d * fold * (taps - 1) + 1
        begin, end = geometry.begins[-1], max(0, size + d * fold - geometry.padded[-1])
        margins = [(0, 0)] * (x.ndim - 1) + [(begin, geometry.padding[-1] + end)]
        wide = np.pad(x, margins, constant_values=fill)
        x = np.concatenate([wide[..., j * d : j * d + size] for j in range(fold)], axis=1)
        lines[-1] = Line(0, last.stride, d * fold, taps, last.outs, size)
    wide = pitch(x.shape[1], hardware.rows, hardware.cols)
    return View(feature_map(x, wide, hardware.rows, fill, group, INPUT), tuple(lines))


def forward_weights(
    geometry: Geometry, group: int, w: Operand, zeros: Operand, hardware: Hardware
) -> Vectors:
    """Weights as forward takes them, ``[tiles, taps, channels]``, folded as its input is.

    ``zeros``: what stands for 0 in each filter. Taps that the folding adds weigh nothing.
    """
    low = group * geometry.group_filters
    w, zeros = w[low : low + geometry.group_filters], zeros[low : low + geometry.group_filters]
    (*_, taps), fold = folded(geometry, hardware)
    missing = np.broadcast_to(
        zeros.reshape(-1, *[1] * (w.ndim - 1)),
        (*w.shape[:-1], taps * fold - geometry.kernel[-1]),
    )
    w = np.concatenate([w, missing], axis=-1)
    w = np.moveaxis(w.reshape(*w.shape[:-1], taps, fold), (-1, 1, 0), (-3, -2, -1))
    w = w.reshape(-1, fold * geometry.group_channels, geometry.group_filters)
    tiles = -(-geometry.group_filters // hardware.cols)
    w = np.pad(w, [(0, 0), (0, 0), (0, tiles * hardware.cols - geometry.group_filters)])
    values = np.moveaxis(w.reshape(*w.shape[:2], tiles, hardware.cols), 2, 0)
    index = group * values.size + np.arange(prod(values.shape[:-1])) * hardware.cols
    return Vectors(values, index.reshape(values.shape[:-1]), WEIGHTS, values.size)


def turned_weights(geometry: Geometry, group: int, w: Operand, hardware: Hardware) -> Weights:
    """The same weights for the input gradient, by the kernel's own taps."""
    zeros = np.zeros(geometry.filters, np.int64)
    vectors = forward_weights(geometry, group, w, zeros, hardware)
    (*others, taps), fold = folded(geometry, hardware)
    split = (len(vectors.index), prod(others), taps * fold, geometry.group_channels)
    values = vectors.values.reshape(*split, -1)[:, :, : geometry.kernel[-1]]
    index = vectors.index.reshape(split)[:, :, : geometry.kernel[-1]]
    flat = (len(index), geometry.taps, geometry.group_channels)
    unfolded = Vectors(
        values.reshape(*flat, -1), index.reshape(flat), vectors.region, vectors.extent
    )
    return Weights(unfolded, geometry.group_filters, geometry.kernel, turned=True)


def gradient_map(
    method: Method, geometry: Geometry, group: int, dy: Operand, fill: int, lanes: int,
    hardware: Hardware,
) -> Vectors:  # fmt: skip
    """One group's ``dy`` as an operand takes it; where it was reorganized, with its zeros."""
    dy, wide = _of_group(geometry, group, dy), _wide(geometry, hardware)
    if method is Method.EXPLICIT:
        return feature_map(_spread_out(geometry, dy, fill), wide, lanes, fill, group, SPREAD)
    return feature_map(dy, wide, lanes, fill, group, GRADIENT)


def _of_group(geometry: Geometry, group: int, dy: Operand) -> Operand:
    low = group * geometry.group_filters
    return dy[:, low : low + geometry.group_filters]


def _wide(geometry: Geometry, hardware: Hardware) -> int:
    return pitch(geometry.group_filters, hardware.rows, hardware.cols)


def _spread_out(geometry: Geometry, dy: Operand, fill: int) -> Operand:
    """The baseline's reorganization: ``dy`` with its zeros inserted, in memory."""
    wide = np.full((*dy.shape[:2], *spread_size(geometry)), fill, np.int64)
    wide[(..., *(slice(None, None, s) for s in geometry.stride))] = dy
    return wide
