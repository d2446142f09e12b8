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
    first_row: int = 0,
) -> Iterator[Product]:
    """Output-stationary: for each tap and channel, the sum over pixels of ``x`` times ``dy``.

    Rows of the result are ``[taps, channels]``. Where both operands fit their banks, one command
    makes all taps of ``cols`` columns; otherwise each tap and block has its own, and its pixels
    pass through the banks piece by piece.
    """
    lanes = hardware.rows
    whole, taps = x.whole()
    b_sum = _sums(dy, columns, hardware.cols, pads[1])
    fits = (
        x.volume(whole, taps) * x.blocks <= hardware.a_bank
        and dy.volume(whole, [(0, 1)] * len(taps)) <= hardware.b_bank
    )
    pieces = [(whole, taps, (0, x.blocks))] if fits else [
        (None, tap, (block, block + 1)) for tap in _each(x.taps) for block in range(x.blocks)
    ]  # fmt: skip
    k = int(np.prod(x.outs))
    for block in range(dy.blocks):
        span = (block * hardware.cols, min((block + 1) * hardware.cols, columns))
        for _, tap, x_blocks in pieces:
            product = Product(
                k=k, stationary_sums=True, rows=_rows(x, tap, x_blocks, channels, lanes),
                columns=(column + span[0], column + span[1]), b_sum=b_sum[slice(*span)],
            )  # fmt: skip
            boxes = [whole] if fits else stretches(x.outs, min(hardware.a_bank, hardware.b_bank))
            for box in boxes:
                final = box is boxes[-1]
                vectors, walk = x.window(box, tap, x_blocks)
                keep = fits and block > 0
                product.a_loads += [] if keep else [vectors]
                leave = not fits or block == dy.blocks - 1
                product.a_passes.append(Pass(walk, pads[0], leave, final))
                pixels, walk = dy.window(box, [(0, 1)] * len(tap), (block, block + 1))
                product.b_loads.append(pixels)
                times = len(product.rows) // lanes if fits else 1
                again = Walk(
                    axes=walk.axes,
                    loops=(*walk.loops[: len(tap) + 1], Loop(times, (0,) * len(tap))),
                )
                product.b_passes.append(Pass(again, pads[1], True, final))
            yield product


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
    """Stretches whose kept sums and whose pixels, of one block at least, have room."""
    most = hardware.acc_depth
    while True:
        boxes = stretches(view.outs, most)
        if max(view.volume(box, taps) for box in boxes) <= hardware.a_bank or most == 1:
            return boxes
        most = max(1, most * 3 // 4)


def _rows(x: View, tap: Sequence[Span], blocks: Span, channels: int, lanes: int) -> NDArray:
    """The rows of the result that the lanes of a product's tiles make."""
    grid = np.arange(int(np.prod(x.taps))).reshape(x.taps)
    taps = grid[tuple(slice(*part) for part in tap)].ravel()
    channel = np.arange(blocks[0] * lanes, blocks[1] * lanes)
    rows = taps[:, None] * channels + channel
    return np.where(channel < channels, rows, -1 << 40).ravel()


def _each(taps: Sequence[int]) -> Iterator[list[Span]]:
    for index in np.ndindex(*taps):
        yield [(t, t + 1) for t in index]


def _sums(dy: View, columns: int, lanes: int, pad: int) -> NDArray[np.int64]:
    """What each column of ``b`` sums to, masked beats counted as the pad that they are."""
    plain = dy.vectors.reshape(-1, dy.blocks * lanes)[:, :columns]
    masked = int(np.prod(dy.outs)) - len(plain)
    return plain.sum(0) + masked * pad
