"""Parts of a convolution: what of an operand a stretch of results needs, and how it is walked."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from .maps import Vectors
from .sequences import matrix
from .walk import Walk

__all__ = ["Line", "Span", "View", "stretches"]

Span = tuple[int, int]
"""From the first to before the last."""


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
        """The stored pixels that results ``outs`` and ``taps`` meet, and the line over them alone.

        A single tap meets every ``stride``-th pixel, and only those are in the window.
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
        line = Line(
            first - low * self.spread, self.stride, self.step, many[1], many[0], high - low,
            self.spread,
        )  # fmt: skip
        return slice(low, high), line


@dataclass(frozen=True)
class View:
    """An operand ``[batch, *size, blocks, lanes]`` and the lines along its axes."""

    vectors: Vectors
    lines: tuple[Line, ...]

    @property
    def outs(self) -> tuple[int, ...]:
        """Results: items of the batch, then along each axis."""
        return len(self.vectors.index), *(line.outs for line in self.lines)

    @property
    def taps(self) -> tuple[int, ...]:
        """Taps along each axis."""
        return tuple(line.taps for line in self.lines)

    @property
    def blocks(self) -> int:
        """Vectors of a pixel."""
        return self.vectors.index.shape[-1]

    def whole(self) -> tuple[list[Span], list[Span]]:
        """All results, all taps."""
        return [(0, n) for n in self.outs], [(0, n) for n in self.taps]

    def window(
        self, outs: Sequence[Span], taps: Sequence[Span], blocks: Span
    ) -> tuple[Vectors, Walk]:
        """The vectors to load and the walk over them."""
        cuts = [line.window(o, t) for line, o, t in zip(self.lines, outs[1:], taps, strict=True)]
        lines = [line for _, line in cuts]
        part = self.vectors[(slice(*outs[0]), *(cut for cut, _ in cuts), slice(*blocks))]
        walk = matrix(
            outs[0][1] - outs[0][0],
            *(tuple(getattr(line, name) for line in lines)
              for name in ("outs", "stride", "taps", "step", "start", "size")),
            blocks[1] - blocks[0], tuple(line.spread for line in lines),
        )  # fmt: skip
        return part, walk

    def part(self, outs: Sequence[Span], blocks: int) -> Walk:
        """The walk over a box of results where the whole map, of so many blocks, is loaded."""
        lines = [
            (high - low, line.stride, line.taps, line.step, line.start + low * line.stride,
             line.size)
            for line, (low, high) in zip(self.lines, outs[1:], strict=True)
        ]  # fmt: skip
        walk = matrix(
            outs[0][1] - outs[0][0], *zip(*lines, strict=True), blocks,
            tuple(line.spread for line in self.lines),
        )  # fmt: skip
        item = blocks * prod(line.size for line in self.lines)
        return Walk(axes=walk.axes, loops=walk.loops, base=outs[0][0] * item)

    def volume(self, outs: Sequence[Span], taps: Sequence[Span]) -> int:
        """Pixels that a window loads."""
        cuts = [line.window(o, t) for line, o, t in zip(self.lines, outs[1:], taps, strict=True)]
        return (outs[0][1] - outs[0][0]) * prod(line.size for _, line in cuts)


def stretches(outs: Sequence[int], most: int) -> list[list[Span]]:
    """Boxes of at most ``most`` results that cover ``outs`` in order, as equal as can be.

    Examples
    --------
    >>> [box[1:] for box in stretches((1, 5, 4), 8)]
    [[(0, 2), (0, 4)], [(2, 4), (0, 4)], [(4, 5), (0, 4)]]
    """
    room, sizes = most, []
    for length in reversed(outs):
        count = -(-length // max(room, 1))
        sizes.append(-(-length // count))
        room = room // sizes[-1] if sizes[-1] == length else 1
    boxes: list[list[Span]] = [[]]
    for length, size in zip(outs, reversed(sizes), strict=True):
        cuts = [(low, min(low + size, length)) for low in range(0, length, size)]
        boxes = [[*box, cut] for box in boxes for cut in cuts]
    return boxes
