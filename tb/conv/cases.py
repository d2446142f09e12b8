"""Convolutions to test with: a pairwise covering set over everything that a geometry can vary."""

from collections.abc import Iterator
from itertools import product

import numpy as np

from gemmule.golden.conv.geometry import Geometry
from gemmule.tb.common.sampling import covering

__all__ = ["exhaustive", "layers", "operands", "runs"]

_FACTORS = {
    "kernel": [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (7, 7), (1, 7)],
    "stride": [(1, 1), (2, 2), (3, 3), (4, 4), (2, 1), (1, 3)],
    "padding": ["none", "one", "same", "most", "unequal"],
    "dilation": [1, 2, 3],
    "groups": [1, 2, "depthwise"],
    "channels": [1, 3, 16, 17, 40],
    "size": [(1, 1), (5, 5), (6, 7), (8, 5)],
    "batch": [1, 2],
}

_RUNS = {
    "job": [
        ("forward", "zero_free"),
        ("transposed", "zero_free"),
        ("transposed", "bp_im2col"),
        ("transposed", "explicit"),
        ("input_grad", "zero_free"),
        ("input_grad", "bp_im2col"),
        ("input_grad", "explicit"),
        ("weight_grad", "zero_free"),
        ("weight_grad", "bp_im2col"),
        ("weight_grad", "explicit"),
    ],
    "scaling": ["none", "bias", "tensor", "column"],
    "zeros": [False, True],
    "stall": [0.0, 0.5],
}


def layers(seed: int = 0) -> Iterator[Geometry]:
    """Yield the covering set as geometries; the size grows until the kernel fits."""
    for row in covering(_FACTORS, seed):
        yield _geometry(**row)


def runs(seed: int = 0) -> Iterator[tuple[Geometry, dict]]:
    """Yield a covering set of geometries and of everything that a run can vary."""
    for row in covering(_FACTORS | _RUNS, seed):
        run = {name: row.pop(name) for name in _RUNS}
        yield _geometry(**row), run


def _geometry(*, kernel, stride, padding, dilation, groups, channels, size, batch) -> Geometry:
    reach = [dilation * (k - 1) for k in kernel]
    amounts = {
        "none": [0, 0, 0, 0],
        "one": [1, 1, 1, 1],
        "most": [*reach, *reach],
        "same": [r // 2 for r in (*reach, *reach)],
        "unequal": [reach[0], 0, 1, reach[1]],
    }[padding]
    span = [
        max(n, r + 1 - a - b)
        for n, r, a, b in zip(size, reach, amounts[:2], amounts[2:], strict=True)
    ]
    count = {"depthwise": channels, 2: 2}.get(groups, 1)
    channels += channels % count
    filters = {"depthwise": 2 * channels if channels < 16 else channels}.get(groups, 18)
    return Geometry(
        batch=batch,
        channels=channels,
        filters=filters,
        size=tuple(span),
        kernel=kernel,
        stride=stride,
        padding=amounts,
        dilation=dilation,
        groups=count,
    )


def exhaustive(sides: int, kernels: int, strides: int) -> Iterator[tuple[int, int, int, int, int]]:
    """Yield every legal (side, kernel, stride, padding before, padding after) of one axis."""
    for n, k, s in product(range(1, sides + 1), range(1, kernels + 1), range(1, strides + 1)):
        for begin, end in product(range(k), repeat=2):
            if n + begin + end >= k:
                yield n, k, s, begin, end


def operands(geometry: Geometry, seed: int = 0, bits: int = 8) -> tuple[np.ndarray, ...]:
    """Make ``x``, ``w`` and ``dy`` of random values, the extremes first."""
    rng = np.random.default_rng(seed)
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    shapes = (
        (geometry.batch, geometry.channels, *geometry.size),
        (geometry.filters, geometry.group_channels, *geometry.kernel),
        (geometry.batch, geometry.filters, *geometry.out),
    )
    arrays = [rng.integers(low, high + 1, shape) for shape in shapes]
    for array in arrays:
        array.flat[: 2 if array.size > 1 else 1] = [low, high][: array.size]
    return tuple(arrays)
