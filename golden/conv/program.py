"""A convolution as products of the array: what is loaded, what is walked over, what comes out.

The one place where layers are cut to the sizes of the buffers and of the accumulator's memory.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .walk import Axis, Loop, Walk
from .window import Span, View, stretches

__all__ = ["Hardware", "Load", "Pass", "Product", "gradient_products", "stationary_products"]

LEAST_STRETCH = 3
"""Tiles are not made shorter than this many times their height for the sake of fewer loads."""

Load = NDArray[np.int64]
"""Vectors ``[vectors, lanes]`` that fill a bank."""


@dataclass(frozen=True)
class Hardware:
    """The sizes that a program is cut to: lanes, vectors in a bank, rows of kept sums.

    ``cascade``: sums that stay in the cells drain through those below, which takes its time.
    """

    rows: int
    cols: int
    a_bank: int
    b_bank: int
    acc_depth: int
    cascade: bool = False


@dataclass(frozen=True)
class Pass:
    """A walk over the oldest bank; ``pad`` where masked, ``release`` after it."""

    walk: Walk
    pad: int
    release: bool
    final: bool


@dataclass
class Product:
    """One command of the array, ``c[m, n] = sum over k of a[m, k] * b[k, n]``.

    ``rows`` and ``columns`` say where in the result ``[rows, columns]`` its ``c`` stands (-1:
    nowhere); ``b_sum`` and ``k`` give the corrections for zero points.
    """

    k: int
    stationary_sums: bool
    rows: NDArray[np.int64]
    columns: Span
    b_sum: NDArray[np.int64]
    a_loads: list[Load] = field(default_factory=list)
    a_passes: list[Pass] = field(default_factory=list)
    b_loads: list[Load] = field(default_factory=list)
    b_passes: list[Pass] = field(default_factory=list)

    @property
    def m(self) -> int:
        """Rows."""
        return len(self.rows)

    @property
    def n(self) -> int:
        """Columns."""
        return self.columns[1] - self.columns[0]


def stationary_products(
    view: View,
    weights: NDArray[np.int64],
    places: NDArray[np.int64],
    column: int,
    pad: int,
    hardware: Hardware,
) -> Iterator[Product]:
    """Weight-stationary: pixels of ``view`` times ``weights [taps, channels, columns]``.

    ``places`` are the rows of the result that the view's results make, ``column`` the first one's.
    Stretches of pixels are outermost. Where all channel blocks of a stretch fit a bank, they stay
    there for all columns; otherwise they are loaded again for each ``cols`` of them.
    """
    taps = [(0, n) for n in view.taps]
    cut = _BlockCut(weights, hardware)
    for box in _fitting(view, taps, hardware):
        volume = view.volume(box, taps)
        fit = max(1, min(hardware.a_bank // volume, hardware.b_bank // hardware.rows))
        fit = -(-view.blocks // -(-view.blocks // fit))
        groups = [(low, min(low + fit, view.blocks)) for low in range(0, view.blocks, fit)]
        spans = [
            (low, min(low + hardware.cols, weights.shape[2]))
            for low in range(0, weights.shape[2], hardware.cols)
        ]
        stay = len(groups) == 1
        for number, span in enumerate(spans):
            product = Product(
                k=len(weights) * view.blocks * hardware.rows,
                stationary_sums=False,
                rows=places[tuple(slice(*part) for part in box)].ravel(),
                columns=(column + span[0], column + span[1]),
                b_sum=weights[..., slice(*span)].sum((0, 1)),
            )
            for group in groups:
                vectors, walk = view.window(box, taps, group)
                if not stay or number == 0:
                    product.a_loads.append(vectors)
                leave = not stay or span is spans[-1]
                product.a_passes.append(Pass(walk, pad, leave, group is groups[-1]))
            product.b_loads, product.b_passes = cut.loads(groups, span)
            yield product


def gradient_products(
    x: View,
    dy: View,
    columns: int,
    column: int,
    pads: tuple[int, int],
    channels: int,
    hardware: Hardware,
) -> Iterator[Product]:
    """Output-stationary: for each tap and channel, the sum over pixels of ``x`` times ``dy``.

    Rows of the result are ``[taps, channels]``. Where all pixels of ``dy`` and of ``x`` fit their
    banks, one command makes all taps of some blocks of channels, and these stay for all columns.
    Otherwise each tap and block has its own command, and its pixels pass through the bank piece by
    piece; those of ``dy`` stay for all taps and channels, if they fit.
    """
    whole, taps = x.whole()
    still = [(0, 1)] * len(taps)
    b_sum = _sums(dy, columns, hardware.cols, pads[1])
    fit = min(hardware.a_bank // x.volume(whole, taps), x.blocks)
    dy_stays = dy.volume(whole, still) <= hardware.b_bank
    x_stays = dy_stays and fit > 0
    together = -(-x.blocks // -(-x.blocks // fit)) if x_stays else 1
    groups = [(low, min(low + together, x.blocks)) for low in range(0, x.blocks, together)]
    columns_of = range(dy.blocks)
    if x_stays:
        order = [(block, taps, group) for group in groups for block in columns_of]
        boxes = [whole]
    else:
        pieces = [(tap, group) for group in groups for tap in _each(x.taps)]
        order = [(block, *piece) for block in columns_of for piece in pieces]
        room = hardware.a_bank if dy_stays else min(hardware.a_bank, hardware.b_bank)
        boxes = stretches(x.outs, room)
    edge = len(columns_of) if x_stays else len(order) // len(columns_of)
    for number, (block, tap, group) in enumerate(order):
        first, last = number % edge == 0, number % edge == edge - 1
        span = (block * hardware.cols, min((block + 1) * hardware.cols, columns))
        product = Product(
            k=int(np.prod(x.outs)), stationary_sums=True,
            rows=_rows(x, tap, group, channels, hardware.rows),
            columns=(column + span[0], column + span[1]), b_sum=b_sum[slice(*span)],
        )  # fmt: skip
        for box in boxes:
            final = box is boxes[-1]
            vectors, walk = x.window(box, tap, group)
            if not x_stays or first:
                product.a_loads.append(vectors)
            product.a_passes.append(Pass(walk, pads[0], last or not x_stays, final))
            walk, leave = dy.part(box, 1), final and last
            if x_stays or not dy_stays:
                vectors, walk = dy.window(box, still, (block, block + 1))
                product.b_loads.append(vectors)
                leave = True
            elif first and box is boxes[0]:
                product.b_loads.append(dy.window(whole, still, (block, block + 1))[0])
            times = product.m // hardware.rows if x_stays else 1
            product.b_passes.append(Pass(_repeated(walk, times), pads[1], leave, final))
        yield product


def _repeated(walk: Walk, times: int) -> Walk:
    """A walk over pixels, several times over."""
    axes = len(walk.axes)
    return Walk(
        axes=walk.axes, loops=(*walk.loops[: axes + 1], Loop(times, (0,) * axes)), base=walk.base
    )


@dataclass(frozen=True)
class _BlockCut:
    """Weights ``[taps, channels, columns]`` as loads, walked last row of a tile first."""

    weights: NDArray[np.int64]
    hardware: Hardware

    def loads(self, groups: Sequence[Span], span: Span) -> tuple[list[Load], list[Pass]]:
        """One column tile: for each group of channel blocks, all taps, then all its channels."""
        rows, room = self.hardware.rows, self.hardware.b_bank
        loads, passes, bank, used = [], [], [], 0
        for group in groups:
            channels = (group[0] * rows, min(group[1] * rows, self.weights.shape[1]))
            height = channels[1] - channels[0]
            for low, high in self._tap_runs(height, room):
                part = self.weights[low:high, slice(*channels), slice(*span)]
                vectors = part.reshape(-1, part.shape[-1])
                if used + len(vectors) > room and bank:
                    loads.append(self._bank(bank))
                    passes[-1] = _released(passes[-1])
                    bank, used = [], 0
                passes.append(Pass(self._walk(height, high - low, used), 0, False, False))
                bank.append(vectors)
                used += len(vectors)
        loads.append(self._bank(bank))
        end = passes[-1]
        passes[-1] = Pass(end.walk, end.pad, True, True)
        return loads, passes

    def _tap_runs(self, height: int, room: int) -> list[Span]:
        run = max(1, room // height)
        taps = len(self.weights)
        return [(low, min(low + run, taps)) for low in range(0, taps, run)]

    def _bank(self, parts: list[Load]) -> Load:
        vectors = np.concatenate(parts)
        return np.pad(vectors, [(0, 0), (0, self.hardware.cols - vectors.shape[1])])

    def _walk(self, height: int, taps: int, base: int) -> Walk:
        """Rows of a tile from its last one up; rows beyond the channels are masked."""
        rows = self.hardware.rows
        blocks = -(-height // rows)
        loops = (Loop(rows, (-1,), 0), Loop(blocks, (rows,), 0), Loop(taps, (0,), height))
        return Walk(axes=(Axis(rows - 1, height, 1),), loops=loops, base=base)


def _released(step: Pass) -> Pass:
    return Pass(step.walk, step.pad, True, step.final)


def _fitting(view: View, taps: list[Span], hardware: Hardware) -> list[list[Span]]:
    """Stretches whose kept sums have room, and whose pixels, of one block at least, too.

    A little shorter ones are taken where all blocks then stay in the bank.
    """
    most, fallback = hardware.acc_depth, []
    while True:
        boxes = stretches(view.outs, most)
        volume = max(view.volume(box, taps) for box in boxes)
        if volume * view.blocks <= hardware.a_bank:
            return boxes
        if not fallback and (volume <= hardware.a_bank or most == 1):
            fallback = boxes
        most = most * 3 // 4
        if fallback and most < LEAST_STRETCH * hardware.rows:
            return fallback
        most = max(most, 1)


def _rows(
    x: View, tap: Sequence[Span], blocks: Span, channels: int, lanes: int
) -> NDArray[np.int64]:
    """The rows of the result that the lanes of a product's tiles make."""
    grid = np.arange(int(np.prod(x.taps))).reshape(x.taps)
    taps = grid[tuple(slice(*part) for part in tap)].ravel()
    channel = np.arange(blocks[0] * lanes, blocks[1] * lanes)
    return np.where(channel < channels, taps[:, None] * channels + channel, -1).ravel()


def _each(taps: Sequence[int]) -> Iterator[list[Span]]:
    for index in np.ndindex(*taps):
        yield [(t, t + 1) for t in index]


def _sums(dy: View, columns: int, lanes: int, pad: int) -> NDArray[np.int64]:
    """What each column of ``b`` sums to, masked beats counted as the pad that they are."""
    plain = dy.vectors.reshape(-1, dy.blocks * lanes)[:, :columns]
    masked = int(np.prod(dy.outs)) - len(plain)
    return plain.sum(0) + masked * pad
