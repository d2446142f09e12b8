"""Windows along an axis as passes over a map: short windows over what those before them made."""

from collections.abc import Iterator
from itertools import groupby

from gemmule.golden.pool.window import Side

__all__ = ["Run", "narrowed", "passes_of", "runs_of"]

Run = tuple[slice, tuple[slice, ...]]
"""Neighboring windows, and their cells that are joined: two, or one."""


def narrowed(side: Side) -> slice:
    """Return the elements that windows see at all: those of a single window, else all."""
    if side.out > 1:
        return slice(None)
    seen = side.cells[side.real]
    return slice(int(seen[0]), int(seen[-1]) + 1, side.dilation)


def passes_of(side: Side, *, idempotent: bool) -> list[Side]:
    """Return windows that do, one after the other, what ``side`` does of what is :func:`narrowed`.

    A single window is halved: ``log2`` of its cells passes read each element about twice. Windows
    at a stride of 1 grow: in powers of two where an element may count twice (``idempotent``, as
    for maxima), else by the prime factors of their size. The others are one pass.

    Examples
    --------
    >>> side = Side(size=20, kernel=5, begin=2, end=2)
    >>> [[each.kernel for each in passes_of(side, idempotent=twice)] for twice in (True, False)]
    [[2, 2, 2], [5]]
    >>> [each.out for each in passes_of(Side(size=7, kernel=7), idempotent=False)]
    [4, 2, 1]
    """
    if side.out == 1:
        return _halves(int(side.real.sum()))
    if side.kernel == side.stride == 1:
        return []
    if side.stride > 1:
        return [side]
    grown = _grown(side, _doublings(side.kernel) if idempotent else _factors(side.kernel))
    return grown if all(each.real.any(1).all() for each in grown) else [side]


def runs_of(side: Side, stage: int) -> Iterator[Run]:
    """Yield what stage 1, 2, ... of a pass joins: a window's first two cells, then one more each.

    Windows with a single cell have it copied in the first stage. Only real cells count.

    Examples
    --------
    >>> side = Side(size=9, kernel=3, begin=1, end=1)
    >>> [windows for windows, _cells in runs_of(side, 1)]
    [slice(0, 1, None), slice(1, 9, None)]
    >>> list(runs_of(side, 2))
    [(slice(1, 8, None), (slice(2, 9, 1),))]
    """
    first, count = side.real.argmax(1), side.real.sum(1)

    def taps(window: int) -> tuple[int, ...]:
        wanted = (0, 1) if stage == 1 else (stage,)
        return tuple(int(first[window]) + n for n in wanted if n < count[window])

    for cells, group in groupby(range(side.out), taps):
        windows = list(group)
        if cells:
            begin, end = windows[0], windows[-1]
            yield (
                slice(begin, end + 1),
                tuple(
                    slice(int(side.cells[begin, n]), int(side.cells[end, n]) + 1, side.stride)
                    for n in cells
                ),
            )


def _halves(count: int) -> list[Side]:
    """Return passes that join the two halves of what is left, until it is one."""
    sides = []
    while count > 1:
        half = -(-count // 2)
        sides.append(Side(size=count, kernel=2, dilation=half, end=2 * half - count))
        count = half
    return sides


def _doublings(kernel: int) -> list[tuple[int, int]]:
    """Return windows of two cells, how far apart, that together see ``kernel`` ones."""
    found, reach = [], 1
    while reach < kernel:
        found.append((2, min(reach, kernel - reach)))
        reach += found[-1][1]
    return found


def _factors(kernel: int) -> list[tuple[int, int]]:
    """Return windows of as many cells as a prime factor has, each cell what those before it saw."""
    found, reach = [], 1
    while reach < kernel:
        rest = kernel // reach
        prime = next(n for n in range(2, rest + 1) if rest % n == 0)
        found.append((prime, reach))
        reach *= prime
    return found


def _grown(side: Side, windows: list[tuple[int, int]]) -> list[Side]:
    """Return passes of windows; the first ones take the padding, all that they can reach of it."""
    sides, size, begin, end = [], side.size, side.begin, side.end
    for kernel, dilation in windows:
        most = (kernel - 1) * dilation * side.dilation
        now = Side(
            size=size,
            kernel=kernel,
            dilation=dilation * side.dilation,
            begin=min(begin, most),
            end=min(end, most),
        )
        sides.append(now)
        size, begin, end = now.out, begin - now.begin, end - now.end
    return sides
