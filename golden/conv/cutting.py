"""Layers cut to the sizes of the buffers and of the accumulator's memory: the one place."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .maps import Vectors, walk_over
from .program import Bank, Copy, Hardware, Load, Pass, Product, Weights
from .walk import Axis, Loop, Walk
from .window import Span, View, stretches

__all__ = ["copies", "empty_products", "gradient_products", "stationary_products"]

LEAST_STRETCH = 3
"""Tiles are not made shorter than this many times their height for the sake of fewer loads."""


def stationary_products(
    view: View,
    weights: Weights,
    places: NDArray[np.int64],
    column: int,
    pad: int,
    hardware: Hardware,
) -> Iterator[Product]:
    """Weight-stationary: pixels of ``view`` times ``weights``.

    ``places`` are the elements at which the view's results lie, ``column`` the first one's column.
    Stretches of pixels are outermost. Where all channel blocks of a stretch fit a bank, they stay
    there for all columns; otherwise they are loaded again for each ``cols`` of them.
    """
    taps = [(0, n) for n in view.taps]
    cut = _BlockCut(weights, hardware)
    plain = weights.plain()
    for box in _fitting(view, taps, hardware):
        volume = view.volume(box, taps)
        fit = max(1, min(hardware.a_bank // volume, cut.blocks))
        fit = -(-view.blocks // -(-view.blocks // fit))
        groups = [(low, min(low + fit, view.blocks)) for low in range(0, view.blocks, fit)]
        spans = [
            (low, min(low + hardware.cols, weights.columns))
            for low in range(0, weights.columns, hardware.cols)
        ]
        stay = len(groups) == 1
        for number, span in enumerate(spans):
            product = Product(
                k=weights.taps * view.blocks * hardware.rows,
                stationary_sums=False,
                places=walk_over(places[tuple(slice(*part) for part in box)] + span[0]),
                columns=(column + span[0], column + span[1]),
                b_sum=plain[..., slice(*span)].sum((0, 1), dtype=np.int64),
            )
            for group in groups:
                vectors, walk = view.window(box, taps, group)
                if not stay or number == 0:
                    product.a_loads.append(Bank((Load(vectors),)))
                leave = not stay or span is spans[-1]
                product.a_passes.append(Pass(walk, pad, leave, group is groups[-1]))
            product.b_loads, product.b_passes = cut.loads(groups, span)
            yield product


def empty_products(
    places: NDArray[np.int64], columns: int, column: int, pad: int, hardware: Hardware
) -> Iterator[Product]:
    """Results that no product meets, for the bias's sake: masked pixels times masked weights.

    They load nothing, and can stand among other products.
    """
    for box in stretches(places.shape, hardware.acc_depth):
        part = places[tuple(slice(*span) for span in box)]
        for low in range(0, columns, hardware.cols):
            span = (low, min(low + hardware.cols, columns))
            yield Product(
                k=hardware.rows,
                stationary_sums=False,
                places=walk_over(part + low),
                columns=(column + span[0], column + span[1]),
                b_sum=np.zeros(span[1] - span[0], np.int64),
                a_passes=[Pass(_masked(part.shape), pad, False, True)],
                b_passes=[Pass(_masked((hardware.rows,)), 0, False, True)],
            )


def _masked(shape: Sequence[int]) -> Walk:
    """Beats of which none is real."""
    return Walk(axes=(Axis(-1, 0, 0),), loops=tuple(Loop(n, (0,)) for n in reversed(shape)))


def gradient_products(
    x: View,
    dy: View,
    columns: int,
    group: int,
    pads: tuple[int, int],
    channels: int,
    hardware: Hardware,
) -> Iterator[Product]:
    """Output-stationary: for each tap and channel, the sum over pixels of ``x`` times ``dy``.

    The result is laid out as the weights are. Where all pixels of ``dy`` and of ``x`` fit their
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
    chunks = [(low, min(low + together, x.blocks)) for low in range(0, x.blocks, together)]
    columns_of = range(dy.blocks)
    if x_stays:
        order = [(block, taps, chunk) for chunk in chunks for block in columns_of]
        boxes = [whole]
    else:
        pieces = [(tap, chunk) for chunk in chunks for tap in _each(x.taps)]
        order = [(block, *piece) for block in columns_of for piece in pieces]
        room = hardware.a_bank if dy_stays else min(hardware.a_bank, hardware.b_bank)
        boxes = stretches(x.outs, room)
    edge = len(columns_of) if x_stays else len(order) // len(columns_of)
    for number, (block, tap, chunk) in enumerate(order):
        opens, closes = number % edge == 0, number % edge == edge - 1
        span = (block * hardware.cols, min((block + 1) * hardware.cols, columns))
        first = group * columns
        product = Product(
            k=int(np.prod(x.outs)), stationary_sums=True,
            places=_taps_and_channels(x, tap, chunk, channels, group * dy.blocks + block, hardware),
            columns=(first + span[0], first + span[1]), b_sum=b_sum[slice(*span)],
        )  # fmt: skip
        for box in boxes:
            final = box is boxes[-1]
            vectors, walk = x.window(box, tap, chunk)
            if not x_stays or opens:
                product.a_loads.append(Bank((Load(vectors),)))
            product.a_passes.append(Pass(walk, pads[0], closes or not x_stays, final))
            walk, leave = dy.part(box, 1), final and closes
            if x_stays or not dy_stays:
                vectors, walk = dy.window(box, still, (block, block + 1))
                product.b_loads.append(Bank((Load(vectors),)))
                leave = True
            elif opens and box is boxes[0]:
                every = dy.window(whole, still, (block, block + 1))[0]
                product.b_loads.append(Bank((Load(every),)))
            times = product.m // hardware.rows if x_stays else 1
            product.b_passes.append(Pass(_repeated(walk, times), pads[1], leave, final))
        yield product


def _repeated(walk: Walk, times: int) -> Walk:
    """A walk over pixels, several times over."""
    axes = len(walk.axes)
    return Walk(
        axes=walk.axes, loops=(*walk.loops[: axes + 1], Loop(times, (0,) * axes)), base=walk.base
    )


def copies(view: View, wide: Vectors, pad: int, hardware: Hardware) -> Iterator[Copy]:
    """``view``, a map with its inserted zeros, as the map ``wide`` of pixels in memory."""
    still = [(0, 1)] * len(view.taps)
    blocks = (0, view.blocks)
    for box in stretches(view.outs, hardware.a_bank // view.blocks):
        vectors, walk = view.window(box, still, blocks)
        index = wide.index[tuple(slice(*part) for part in box)]
        yield Copy(
            places=walk_over(np.moveaxis(index, -1, 0)), a_loads=[Bank((Load(vectors),))],
            a_passes=[Pass(walk, pad, True, True)],
        )  # fmt: skip


@dataclass(frozen=True)
class _BlockCut:
    """Weights as loads, walked last row of a tile first."""

    weights: Weights
    hardware: Hardware

    @property
    def blocks(self) -> int:
        """Blocks of channels that surely fit a bank, at least 1."""
        rows, cols = self.hardware.rows, self.hardware.cols
        uneven = self.weights.turned and rows % cols
        return max(1, (self.hardware.b_bank - (2 * cols if uneven else 0)) // rows)

    def loads(self, groups: Sequence[Span], span: Span) -> tuple[list[Bank], list[Pass]]:
        """One column tile: for each group of channel blocks, all taps, then all its channels."""
        rows, room = self.hardware.rows, self.hardware.b_bank
        banks, passes, bank, used = [], [], [], 0
        for group in groups:
            channels = (group[0] * rows, min(group[1] * rows, self.weights.contraction))
            skipped, height = self._stored(channels)
            for low, high in self._tap_runs(height, room):
                loads = list(self._loads((low, high), channels, span))
                size = sum(map(len, loads))
                if used + size > room and bank:
                    banks.append(Bank(tuple(bank)))
                    passes[-1] = _released(passes[-1])
                    bank, used = [], 0
                walk = self._walk(channels[1] - channels[0], height, high - low, used + skipped)
                passes.append(Pass(walk, 0, False, False))
                bank += loads
                used += size
        banks.append(Bank(tuple(bank)))
        end = passes[-1]
        passes[-1] = Pass(end.walk, end.pad, True, True)
        return banks, passes

    def _stored(self, channels: Span) -> tuple[int, int]:
        """Vectors of a tap in the bank before its first channel, and all of them."""
        if not self.weights.turned:
            return 0, channels[1] - channels[0]
        tiles = self._tiles(channels)
        return channels[0] % self.hardware.cols, (tiles.stop - tiles.start) * self.hardware.cols

    def _tiles(self, channels: Span) -> slice:
        """Squares that hold some channels."""
        cols = self.hardware.cols
        return slice(channels[0] // cols, -(-channels[1] // cols))

    def _loads(self, taps: Span, channels: Span, span: Span) -> Iterator[Load]:
        vectors, cols = self.weights.vectors, self.hardware.cols
        if not self.weights.turned:
            yield Load(vectors[span[0] // cols, slice(*taps), slice(*channels)])
            return
        part = vectors[self._tiles(channels), slice(*taps), slice(*span)]
        many, grid = taps[1] - taps[0], self.weights.grid
        if many < self.weights.taps:
            grid = (many // grid[-1], grid[-1]) if many % grid[-1] == 0 else (many,)
        yield Load(part.moved(0, 1).split(grid), turned=True)

    def _tap_runs(self, height: int, room: int) -> list[Span]:
        """As many taps as there is room for; whole rows of the kernel take few commands."""
        run, taps = max(1, room // height), self.weights.taps
        if self.weights.turned and self.weights.grid[-1] < run < taps:
            run -= run % self.weights.grid[-1]
        return [(low, min(low + run, taps)) for low in range(0, taps, run)]

    def _walk(self, channels: int, height: int, taps: int, base: int) -> Walk:
        """Rows of a tile from its last one up; rows beyond the channels are masked."""
        rows = self.hardware.rows
        blocks = -(-channels // rows)
        loops = (Loop(rows, (-1,), 0), Loop(blocks, (rows,), 0), Loop(taps, (0,), height))
        return Walk(axes=(Axis(rows - 1, channels, 1),), loops=loops, base=base)


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


def _taps_and_channels(
    x: View, tap: Sequence[Span], blocks: Span, channels: int, tile: int, hardware: Hardware
) -> Walk:
    """Where the rows of a product's tiles lie, each lane a channel; those beyond are masked."""
    rows, cols = hardware.rows, hardware.cols
    grid = np.arange(int(np.prod(x.taps))).reshape(x.taps) + tile * int(np.prod(x.taps))
    taps = walk_over(grid[tuple(slice(*part) for part in tap)])
    pitch = channels * cols
    lanes = Loop((blocks[1] - blocks[0]) * rows, (1,))
    loops = (lanes, *(Loop(loop.bound, (0,), loop.step * pitch) for loop in taps.loops))
    return Walk(axes=(Axis(blocks[0] * rows, channels, cols),), loops=loops, base=taps.base * pitch)


def _each(taps: Sequence[int]) -> Iterator[list[Span]]:
    for index in np.ndindex(*taps):
        yield [(t, t + 1) for t in index]


def _sums(dy: View, columns: int, lanes: int, pad: int) -> NDArray[np.int64]:
    """What each column of ``b`` sums to, masked beats counted as the pad that they are."""
    plain = dy.vectors.values.reshape(-1, dy.blocks * lanes)[:, :columns]
    masked = int(np.prod(dy.outs)) - len(plain)
    return plain.sum(0, dtype=np.int64) + masked * pad
