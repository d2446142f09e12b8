"""The orders in which convolutions read their operands: im2col, BP-im2col, zero-free, explicit.

Maps lie in memory channel-last in blocks of lanes: the vector of pixel ``(n, y, x)`` and channel
block ``b`` has the address ``((n * height + y) * width + x) * blocks + b``. All sequences here are
of one channel group, whose ``blocks`` are those of its channels.

A matrix product takes ``[taps, blocks]`` in its contraction and pixels in its rows: the beats go
over the pixels of one tap and block first, then over the blocks, then over the taps.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import gcd, prod

from .geometry import Geometry
from .walk import Axis, Loop, Walk

__all__ = [
    "Phase", "bp_gradient", "bp_loss", "explicit_copy", "explicit_gradient", "explicit_loss",
    "gradient_pixels", "im2col", "pixels", "spread_size", "zero_free",
]  # fmt: skip


@dataclass(frozen=True)
class Phase:
    """The result's pixels of one remainder by the stride, and the taps that meet them.

    ``axes``: of each, the ``dy`` pixel that the first result meets by the first tap, how far back
    the next tap's is, and how many taps there are.
    """

    start: tuple[int, ...]
    size: tuple[int, ...]
    taps: tuple[tuple[int, ...], ...]
    walk: Walk | None
    axes: tuple[tuple[int, int, int], ...]

    @property
    def pixels(self) -> int:
        """Pixels of one item of the batch."""
        return prod(self.size)


def im2col(geometry: Geometry, blocks: int = 1) -> Walk:
    """Forward, and ``x`` in the weight gradient: the pixels that each tap of each output meets."""
    return matrix(
        geometry.batch, geometry.out, geometry.stride, geometry.kernel, geometry.dilation,
        tuple(-begin for begin in geometry.begins), geometry.size, blocks,
    )  # fmt: skip


def pixels(batch: int, size: tuple[int, ...], blocks: int = 1, times: int = 1) -> Walk:
    """Every pixel of one block, ``times`` over: ``dy`` in the weight gradient, without a zero."""
    ones = (1,) * len(size)
    walk = matrix(batch, size, ones, ones, ones, (0,) * len(size), size, blocks)
    keep = (*walk.loops[: len(size) + 1], Loop(times, (0,) * len(size)))
    return Walk(axes=walk.axes, loops=keep)


def gradient_pixels(geometry: Geometry, blocks: int = 1, times: int = 1) -> Walk:
    """``dy`` in the weight gradient: its own pixels alone, in the order of :func:`im2col`."""
    return pixels(geometry.batch, geometry.out, blocks, times)


def zero_free(geometry: Geometry, blocks: int = 1) -> Iterator[Phase]:
    """The input gradient phase by phase: only taps that meet a ``dy`` pixel are ever walked.

    Tap ``k`` meets result pixel ``y`` where ``k * dilation`` equals ``y + padding`` modulo the
    stride; such taps are ``stride / gcd(stride, dilation)`` apart. Phases without a tap have no
    walk: their pixels are zero.
    """
    axes = zip(
        geometry.size, geometry.stride, geometry.dilation, geometry.kernel, geometry.begins,
        strict=True,
    )  # fmt: skip
    for parts in product(*(list(_axis_phases(*axis)) for axis in axes)):
        starts, sizes, taps, firsts, backs = zip(*parts, strict=True)
        walk = None
        if all(taps):
            walk = matrix(
                geometry.batch, sizes, (1,) * len(sizes), tuple(map(len, taps)),
                tuple(-back for back in backs), firsts, geometry.out, blocks,
            )  # fmt: skip
        counts = zip(firsts, backs, map(len, taps), strict=True)
        yield Phase(starts, sizes, tuple(product(*taps)), walk, tuple(counts))


def bp_loss(geometry: Geometry, blocks: int = 1) -> Walk:
    """BP-im2col, transposed mode: every tap of every result pixel, inserted zeros masked.

    Source: BP-im2col (arXiv 2209.09434), mode for the loss; ours counts the position from the tap
    (``y + padding - tap * dilation``) where the paper rotates the kernel, takes any dilation and
    unequal padding, and keeps the test against the bottom and right edges.
    """
    return matrix(
        geometry.batch, geometry.size, (1,) * geometry.axes, geometry.kernel,
        tuple(-d for d in geometry.dilation), geometry.begins, geometry.out, blocks,
        geometry.stride,
    )  # fmt: skip


def bp_gradient(geometry: Geometry, blocks: int = 1, times: int = 1) -> Walk:
    """BP-im2col, dilated mode: ``dy`` with its inserted zeros, masked, ``times`` over."""
    walk = matrix(
        geometry.batch, spread_size(geometry), (1,) * geometry.axes, (1,) * geometry.axes,
        (1,) * geometry.axes, (0,) * geometry.axes, geometry.out, blocks, geometry.stride,
    )  # fmt: skip
    loops = (*walk.loops[: geometry.axes + 1], Loop(times, (0,) * geometry.axes))
    return Walk(axes=walk.axes, loops=loops)


def spread_input(geometry: Geometry, blocks: int = 1) -> Walk:
    """``x`` beside a spread ``dy``: every pixel between two strides, too."""
    return matrix(
        geometry.batch, spread_size(geometry), (1,) * geometry.axes, geometry.kernel,
        geometry.dilation, tuple(-begin for begin in geometry.begins), geometry.size, blocks,
    )  # fmt: skip


def spread_size(geometry: Geometry) -> tuple[int, ...]:
    """The size of ``dy`` with ``stride - 1`` zeros between its pixels."""
    return tuple((n - 1) * s + 1 for n, s in zip(geometry.out, geometry.stride, strict=True))


def explicit_copy(geometry: Geometry, blocks: int = 1) -> Walk:
    """The reorganization of the baseline: writes a spread ``dy`` in order, reads it or a zero."""
    walk = bp_gradient(geometry, blocks)
    inner = Loop(blocks, (0,) * geometry.axes, 1)
    return Walk(axes=walk.axes, loops=(inner, *walk.loops[:-1]))


def explicit_loss(geometry: Geometry, blocks: int = 1) -> Walk:
    """The baseline's plain im2col over the stored spread map, zeros read like any other value."""
    return matrix(
        geometry.batch, geometry.size, (1,) * geometry.axes, geometry.kernel,
        tuple(-d for d in geometry.dilation), geometry.begins, spread_size(geometry), blocks,
    )  # fmt: skip


def explicit_gradient(geometry: Geometry, blocks: int = 1, times: int = 1) -> Walk:
    """The baseline's ``dy``, read with its stored zeros."""
    return pixels(geometry.batch, spread_size(geometry), blocks, times)


def matrix(batch, out, stride, kernel, dilation, start, size, blocks, spread=None) -> Walk:
    """Innermost first: the axes of the pixels, the batch, the blocks, the axes of the taps."""
    count = len(out)
    pitches = [blocks * prod(size[axis + 1 :]) for axis in range(count)]
    spread = spread or (1,) * count
    still = (0,) * count

    def along(axis: int, distance: int) -> tuple[int, ...]:
        return tuple(distance if other == axis else 0 for other in range(count))

    rows = [Loop(out[axis], along(axis, stride[axis])) for axis in reversed(range(count))]
    taps = [Loop(kernel[axis], along(axis, dilation[axis])) for axis in reversed(range(count))]
    return Walk(
        axes=tuple(map(Axis, start, size, pitches, spread)),
        loops=(*rows, Loop(batch, still, blocks * prod(size)), Loop(blocks, still, 1), *taps),
    )


def _axis_phases(size: int, stride: int, dilation: int, kernel: int, begin: int) -> Iterator[tuple]:
    """Of one axis: first result pixel, their number, taps, the first's pixel, its step back."""
    apart = stride // gcd(stride, dilation)
    for start in range(min(stride, size)):
        taps = [k for k in range(kernel) if (start + begin - k * dilation) % stride == 0]
        first = (start + begin - taps[0] * dilation) // stride if taps else 0
        yield start, -(-(size - start) // stride), taps, first, apart * dilation // stride
