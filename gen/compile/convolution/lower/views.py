"""How results meet an operand: im2col, BP-im2col, zero-free and explicit, as views of a map.

Maps lie channel-last in blocks of lanes: the vector of pixel ``(n, y, x)`` and channel block ``b``
has the address ``((n * height + y) * width + x) * blocks + b``. A matrix product takes ``[taps,
blocks]`` in its contraction and pixels in its rows: a walk goes over the pixels of one tap and
block first, then over the blocks, then over the taps.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import gcd, prod
from typing import NamedTuple

from gemmule.golden.conv.geometry import Geometry, Side
from gemmule.golden.conv.operation import Method
from gemmule.golden.conv.pattern import Axis, Loop, Walk

from .memory_layout import Vectors

__all__ = [
    "Line",
    "Phase",
    "Span",
    "View",
    "dense_input",
    "gradient",
    "im2col",
    "loss",
    "phases",
    "repeated",
]

Span = tuple[int, int]
"""Half-open span ``[first, stop)``."""


@dataclass(frozen=True)
class Line:
    """One axis of a view: result ``o`` and tap ``t`` meet position ``start + o*stride + t*step``.

    A stored pixel lies at every ``spread``-th position, from 0 to ``size - 1`` of them.
    """

    start: int
    stride: int
    step: int
    taps: int
    outs: int
    size: int
    spread: int = 1

    def window(self, outs: Span, taps: Span) -> tuple[slice, "Line"]:
        """Return the stored pixels that results and taps meet, and the line over them alone.

        A single tap meets every ``stride``-th pixel, and only those are in the window.

        Examples
        --------
        >>> Line(start=-1, stride=2, step=1, taps=3, outs=4, size=8).window((1, 3), (0, 3))
        (slice(1, 6, None), Line(start=0, stride=2, step=1, taps=3, outs=2, size=5, spread=1))
        """
        first = self.start + outs[0] * self.stride + taps[0] * self.step
        many = outs[1] - outs[0], taps[1] - taps[0]
        if many[1] == 1 and self.spread == 1 and self.stride > 1:
            before = min(max(0, -(first // self.stride)), many[0])
            inside = (self.size - 1 - first) // self.stride + 1
            count = max(0, min(many[0], inside) - before)
            pixel = first + before * self.stride if count else 0
            # Without a pixel, one is loaded and the line passes it by.
            start = -before if count else -many[0]
            line = Line(start, 1, 1, 1, many[0], max(count, 1))
            return slice(pixel, pixel + (line.size - 1) * self.stride + 1, self.stride), line
        reach = [0, (many[0] - 1) * self.stride, (many[1] - 1) * self.step]
        low = -(-(first + min(0, reach[2])) // self.spread)
        high = (first + reach[1] + max(0, reach[2])) // self.spread
        low, high = max(low, 0), min(high + 1, self.size)
        if low >= high:
            low, high = 0, 1
        start = first - low * self.spread
        return slice(low, high), Line(
            start, self.stride, self.step, many[1], many[0], high - low, self.spread
        )


@dataclass(frozen=True)
class View:
    """A map of so many items and blocks, and the lines along its axes; its vectors, if known."""

    batch: int
    blocks: int
    lines: tuple[Line, ...]
    vectors: Vectors | None = None

    @classmethod
    def of(cls, vectors: Vectors, lines: Sequence[Line]) -> "View":
        """Return the view of ``vectors [batch, *size, blocks, lanes]``."""
        batch, *_, blocks = vectors.index.shape
        return cls(batch, blocks, tuple(lines), vectors)

    @property
    def loaded(self) -> Vectors:
        """The vectors of the map, where it is more than its shape."""
        if self.vectors is None:
            raise ValueError("a view without vectors is there to be walked over, not to be loaded")
        return self.vectors

    @property
    def outs(self) -> tuple[int, ...]:
        """The number of results: items of the batch, then along each axis."""
        return self.batch, *(line.outs for line in self.lines)

    @property
    def taps(self) -> tuple[int, ...]:
        """The taps along each axis."""
        return tuple(line.taps for line in self.lines)

    @property
    def all_outs(self) -> list[Span]:
        """The spans of all results."""
        return [(0, n) for n in self.outs]

    @property
    def all_taps(self) -> list[Span]:
        """The spans of all taps."""
        return [(0, n) for n in self.taps]

    @property
    def walk(self) -> Walk:
        """The walk over the whole map, for all results, taps and blocks."""
        return _walk(self.batch, self.lines, self.blocks)

    def window(
        self,
        outs: Sequence[Span],
        taps: Sequence[Span],
        blocks: Span,
        met: Sequence[Span] | None = None,
    ) -> tuple[Vectors, Walk]:
        """Return the vectors to load for a box of results, and the walk over them.

        It goes over those of ``taps`` that are ``met``, or over all of them.
        """
        cuts, lines = zip(*self._windows(outs, taps), strict=True)
        if met is not None:
            lines = tuple(
                replace(line, start=line.start + (low - first) * line.step, taps=high - low)
                for line, (first, _), (low, high) in zip(lines, taps, met, strict=True)
            )
        part = self.loaded[(slice(*outs[0]), *cuts, slice(*blocks))]
        return part, _walk(outs[0][1] - outs[0][0], lines, blocks[1] - blocks[0])

    def part(self, outs: Sequence[Span], blocks: int) -> Walk:
        """Return the walk over a box of results where the whole map, of such blocks, is loaded."""
        lines = [
            replace(line, start=line.start + low * line.stride, outs=high - low)
            for line, (low, high) in zip(self.lines, outs[1:], strict=True)
        ]
        item = blocks * prod(line.size for line in lines)
        return _walk(outs[0][1] - outs[0][0], lines, blocks, outs[0][0] * item)

    def volume(self, outs: Sequence[Span], taps: Sequence[Span]) -> int:
        """Return how many pixels a window loads."""
        sizes = (line.size for _, line in self._windows(outs, taps))
        return (outs[0][1] - outs[0][0]) * prod(sizes)

    def _windows(self, outs: Sequence[Span], taps: Sequence[Span]) -> list[tuple[slice, Line]]:
        return [line.window(o, t) for line, o, t in zip(self.lines, outs[1:], taps, strict=True)]


def _walk(batch: int, lines: Sequence[Line], blocks: int, base: int = 0) -> Walk:
    """Return loops over pixels, batch, blocks and taps, innermost first."""
    sizes = [line.size for line in lines]
    pitches = [blocks * prod(sizes[axis + 1 :]) for axis in range(len(lines))]
    still = (0,) * len(lines)

    def loops(counts: Sequence[tuple[int, int]]) -> Iterator[Loop]:
        for axis, (count, move) in reversed(list(enumerate(counts))):
            yield Loop(count, (*still[:axis], move, *still[axis + 1 :]))

    return Walk(
        axes=tuple(
            Axis(line.start, line.size, pitch, line.spread)
            for line, pitch in zip(lines, pitches, strict=True)
        ),
        loops=(
            *loops([(line.outs, line.stride) for line in lines]),
            Loop(batch, still, blocks * prod(sizes)),
            Loop(blocks, still, 1),
            *loops([(line.taps, line.step) for line in lines]),
        ),
        base=base,
    )


def repeated(walk: Walk, times: int) -> Walk:
    """Return the walk over the pixels of one block, ``times`` over."""
    axes = len(walk.axes)
    return replace(walk, loops=(*walk.loops[: axes + 1], Loop(times, (0,) * axes)))


def im2col(geometry: Geometry, blocks: int = 1) -> View:
    """Return ``x`` as forward and the weight gradient meet it, padding masked."""
    lines = (
        Line(-side.begin, side.stride, side.dilation, side.kernel, side.out, side.size)
        for side in geometry.sides
    )
    return View(geometry.batch, blocks, tuple(lines))


def dense_input(geometry: Geometry, blocks: int = 1) -> View:
    """Return ``x`` beside a ``dy`` with inserted zeros: every pixel between two strides, too."""
    lines = (
        Line(-side.begin, 1, side.dilation, side.kernel, side.upsampled, side.size)
        for side in geometry.sides
    )
    return View(geometry.batch, blocks, tuple(lines))


def loss(geometry: Geometry, method: Method, blocks: int = 1) -> View:
    """Return ``dy`` as the input gradient meets it: each tap of each pixel, its zeros as well.

    Source: BP-im2col (arXiv 2209.09434), transposed mode; ours counts the position from the tap
    (``y + padding - tap * dilation``) where the paper rotates the kernel, takes any dilation and
    unequal padding, and keeps the test against the bottom and right edges. `Method.EXPLICIT`: the
    zeros are stored, and read like any other value; without zeros, see :func:`phases`.
    """
    if method is Method.ZERO_FREE:
        raise ValueError("a loss without zeros has a view for each phase")
    lines = (
        Line(side.begin, 1, -side.dilation, side.kernel, side.size, *_dy(side, method)[1:])
        for side in geometry.sides
    )
    return View(geometry.batch, blocks, tuple(lines))


def gradient(geometry: Geometry, method: Method, blocks: int = 1) -> View:
    """Return ``dy`` pixel by pixel, with its inserted zeros but under `Method.ZERO_FREE`."""
    lines = (Line(0, 1, 1, 1, *_dy(side, method)) for side in geometry.sides)
    return View(geometry.batch, blocks, tuple(lines))


def _dy(side: Side, method: Method) -> tuple[int, int, int]:
    """Return the positions of ``dy``, its pixels in memory, and how far apart they lie."""
    return {
        Method.ZERO_FREE: (side.out, side.out, 1),
        Method.BP_IM2COL: (side.upsampled, side.out, side.stride),
        Method.EXPLICIT: (side.upsampled, side.upsampled, 1),
    }[method]


class Phase(NamedTuple):
    """The pixels of ``dx`` of one remainder by the stride, the taps that meet ``dy``, the view.

    Without a tap there is no view: such pixels are zero.
    """

    start: tuple[int, ...]
    size: tuple[int, ...]
    taps: tuple[tuple[int, ...], ...]
    view: View | None


class _AxisPhase(NamedTuple):
    """Of one axis: its first result pixel, the taps that meet ``dy``, and the line over it."""

    start: int
    taps: list[int]
    line: Line


def phases(geometry: Geometry, blocks: int = 1) -> Iterator[Phase]:
    """Return ``dy`` as the input gradient meets it phase by phase, without a zero.

    Tap ``k`` meets result pixel ``y`` where ``k * dilation`` equals ``y + padding`` modulo the
    stride; such taps are ``stride / gcd(stride, dilation)`` apart.
    """
    for parts in product(*(list(_axis_phases(side)) for side in geometry.sides)):
        starts, taps, lines = zip(*parts, strict=True)
        view = View(geometry.batch, blocks, lines) if all(taps) else None
        yield Phase(starts, tuple(line.outs for line in lines), tuple(product(*taps)), view)


def _axis_phases(side: Side) -> Iterator[_AxisPhase]:
    stride, dilation = side.stride, side.dilation
    back = dilation // gcd(stride, dilation)
    for start in range(min(stride, side.size)):
        at = start + side.begin
        taps = [k for k in range(side.kernel) if (at - k * dilation) % stride == 0]
        first = (at - taps[0] * dilation) // stride if taps else 0
        outs = -(-(side.size - start) // stride)
        yield _AxisPhase(start, taps, Line(first, 1, -back, len(taps), outs, side.out))
