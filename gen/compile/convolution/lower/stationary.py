"""Weight-stationary products: forward, and the input gradient."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.conv.pattern import Axis, Loop, Walk

from .memory_layout import Vectors, walk_over
from .program import Bank, Load, Pass, Product
from .target import Hardware, Target
from .tiling import fitting, tiles
from .views import Span, View

__all__ = ["Weights", "empty_products", "stationary_products"]


@dataclass(frozen=True)
class Weights:
    """Weights of a group, ``[tiles of filters, taps, channels]`` of vectors of filters.

    ``transposed``: the contraction runs over the ``filters``, and the channels are the columns; the
    taps are then those of a ``grid``.
    """

    vectors: Vectors
    filters: int
    grid: tuple[int, ...] = ()
    transposed: bool = False

    @classmethod
    def for_input_grad(cls, target: Target, vectors: Vectors) -> "Weights":
        """Return the same weights transposed, by the kernel's own taps."""
        geometry, taps = target.geometry, target.kernel[-1] * target.fold
        split = (target.tiles, -1, taps, geometry.group_channels)
        flat = (target.tiles, geometry.taps, geometry.group_channels)
        last = geometry.kernel[-1]
        values = vectors.values.reshape(*split, vectors.lanes)[:, :, :last]
        index = vectors.index.reshape(split)[:, :, :last].reshape(flat)
        unfolded = replace(vectors, values=values.reshape(*flat, vectors.lanes), index=index)
        return cls(unfolded, geometry.group_filters, geometry.kernel, transposed=True)

    @property
    def contraction(self) -> int:
        """The channels of a tap that are summed up."""
        return self.filters if self.transposed else self.vectors.index.shape[2]

    @property
    def columns(self) -> int:
        """The columns of the result."""
        return self.vectors.index.shape[2] if self.transposed else self.filters

    @property
    def taps(self) -> int:
        """The taps of the kernel."""
        return self.vectors.index.shape[1]

    def of_taps(self, taps: Sequence[int], grid: tuple[int, ...]) -> "Weights":
        """Return some of the taps, themselves a grid."""
        return replace(self, vectors=self.vectors[:, taps], grid=grid)

    def plain(self) -> NDArray[np.integer]:
        """Return the values ``[taps, contraction, columns]``."""
        values = np.moveaxis(self.vectors.values, 0, -2)
        values = values.reshape(*values.shape[:2], -1)[..., : self.filters]
        return values.swapaxes(-1, -2) if self.transposed else values


def stationary_products(
    target: Target, group: int, view: View, weights: Weights, places: NDArray[np.int64]
) -> Iterator[Product]:
    """Yield pixels of ``view`` times ``weights``; ``places`` are the elements of the results.

    Tiles of pixels are outermost. Where all channel blocks of a tile fit a bank, they stay there
    for all columns; otherwise they are loaded again for each ``cols`` of them. Where that is so of
    every tile, and all weights fit a bank, these stay for all tiles.
    """
    hardware = target.hardware
    bank_tiling, plain = _BankTiling(weights, hardware), weights.plain()
    k = weights.taps * view.blocks * hardware.rows
    boxes = fitting(view, hardware, target.most_rows(k))
    spans = list(_column_spans(target))
    chunks_of = [_chunks(view, box, hardware, bank_tiling.blocks) for box in boxes]
    resident = None
    if len(boxes) > 1 and all(len(chunks) == 1 for chunks in chunks_of):
        resident = bank_tiling.resident(chunks_of[0], spans)
    for box, chunks in zip(boxes, chunks_of, strict=True):
        stay = len(chunks) == 1
        for number, span in enumerate(spans):
            part = places[tuple(slice(*each) for each in box)]
            b_sum = plain[..., slice(*span)].sum((0, 1), dtype=np.int64)
            product = _product(target, group, part, span, k, b_sum)
            for chunk in chunks:
                vectors, walk = view.window(box, view.all_taps, chunk)
                if not stay or number == 0:
                    product.a_loads.append(Bank((Load(vectors),)))
                leave = not stay or span is spans[-1]
                product.a_passes.append(Pass(walk, target.zeros.a, leave, chunk is chunks[-1]))
            if resident is None:
                product.b_loads, product.b_passes = bank_tiling.loads(chunks, span)
            else:
                bank, passes = resident
                first, last = box is boxes[0] and number == 0, box is boxes[-1]
                product.b_loads = [bank] if first else []
                product.b_passes = _released(passes[number], last and span is spans[-1])
            yield product


def _chunks(view: View, box: list[Span], hardware: Hardware, most: int) -> list[Span]:
    """Return the blocks of channels of a tile, as many at once as both banks hold, up to most."""
    fit = max(1, min(hardware.a_bank // view.volume(box, view.all_taps), most))
    fit = -(-view.blocks // -(-view.blocks // fit))
    return [(low, min(low + fit, view.blocks)) for low in range(0, view.blocks, fit)]


def _released(passes: Sequence[Pass], release: bool) -> list[Pass]:
    """Return passes of which the last one gives the bank back, or does not."""
    return [*passes[:-1], replace(passes[-1], release=release)]


def empty_products(target: Target, group: int, places: NDArray[np.int64]) -> Iterator[Product]:
    """Yield results that no product meets, for the bias's sake: masked pixels by masked weights.

    They load nothing, and can stand among other products.
    """
    rows = target.hardware.rows
    for box in tiles(places.shape, target.hardware.acc_depth):
        part = places[tuple(slice(*span) for span in box)]
        for span in _column_spans(target):
            b_sum = np.zeros(span[1] - span[0], np.int64)
            product = _product(target, group, part, span, rows, b_sum)
            product.a_passes.append(Pass(_masked(part.shape), target.zeros.a, False, True))
            product.b_passes.append(Pass(_masked((rows,)), 0, False, True))
            yield product


def _column_spans(target: Target) -> Iterator[Span]:
    """Yield the columns of a group's result, a tile at a time."""
    cols, columns = target.hardware.cols, target.group_columns
    for low in range(0, columns, cols):
        yield low, min(low + cols, columns)


def _product(
    target: Target,
    group: int,
    places: NDArray[np.int64],
    span: Span,
    k: int,
    b_sum: NDArray[np.int64],
) -> Product:
    first = group * target.group_columns
    columns = (first + span[0], first + span[1])
    return Product(k, False, walk_over(places + span[0]), columns, b_sum)


def _masked(shape: Sequence[int]) -> Walk:
    """Return beats of which none is real."""
    return Walk(axes=(Axis(-1, 0, 0),), loops=tuple(Loop(n, (0,)) for n in reversed(shape)))


@dataclass(frozen=True)
class _BankTiling:
    """Weights as loads, walked last row of a tile first."""

    weights: Weights
    hardware: Hardware

    @property
    def blocks(self) -> int:
        """The blocks of channels that surely fit a bank, at least 1."""
        rows, cols = self.hardware.rows, self.hardware.cols
        uneven = self.weights.transposed and rows % cols
        return max(1, (self.hardware.b_bank - (2 * cols if uneven else 0)) // rows)

    def resident(
        self, chunks: Sequence[Span], spans: Sequence[Span]
    ) -> tuple[Bank, list[list[Pass]]] | None:
        """Return all column tiles in one bank, and the passes of each; None if they do not fit."""
        loads: list[Load] = []
        passes: list[list[Pass]] = []
        used = 0
        for span in spans:
            banks, own = self.loads(chunks, span)
            size = sum(map(len, banks))
            if len(banks) > 1 or used + size > self.hardware.b_bank:
                return None
            loads += banks[0].loads
            passes.append([
                replace(each, walk=replace(each.walk, base=each.walk.base + used)) for each in own
            ])
            used += size
        return Bank(tuple(loads)), passes

    def loads(self, chunks: Sequence[Span], span: Span) -> tuple[list[Bank], list[Pass]]:
        """Return a column tile: for each chunk of blocks, all taps, then all its channels."""
        rows, room = self.hardware.rows, self.hardware.b_bank
        banks: list[Bank] = []
        passes: list[Pass] = []
        bank: list[Load] = []
        used = 0
        for chunk in chunks:
            channels = (chunk[0] * rows, min(chunk[1] * rows, self.weights.contraction))
            skipped, height = self._stored(channels)
            for low, high in self._tap_spans(height, room):
                loads = list(self._loads((low, high), channels, span))
                size = sum(map(len, loads))
                if used + size > room and bank:
                    banks.append(Bank(tuple(bank)))
                    passes[-1] = replace(passes[-1], release=True)
                    bank, used = [], 0
                walk = self._walk(channels[1] - channels[0], height, high - low, used + skipped)
                passes.append(Pass(walk, 0, False, False))
                bank += loads
                used += size
        banks.append(Bank(tuple(bank)))
        passes[-1] = replace(passes[-1], release=True, final=True)
        return banks, passes

    def _stored(self, channels: Span) -> tuple[int, int]:
        """Return the vectors of a tap in the bank before its first channel, and all of them.

        Transposed, on 4 rows and 3 columns: channels 4 to 7 are in the squares of 3 to 5 and of 6
        to 8, 6 vectors, of which that of channel 3 is before the first one: ``(1, 6)``.
        """
        if not self.weights.transposed:
            return 0, channels[1] - channels[0]
        squares = self._squares(channels)
        cols = self.hardware.cols
        return channels[0] % cols, (squares.stop - squares.start) * cols

    def _squares(self, channels: Span) -> slice:
        """Return the squares that hold some channels."""
        cols = self.hardware.cols
        return slice(channels[0] // cols, -(-channels[1] // cols))

    def _loads(self, taps: Span, channels: Span, span: Span) -> Iterator[Load]:
        vectors, cols = self.weights.vectors, self.hardware.cols
        if not self.weights.transposed:
            yield Load(vectors[span[0] // cols, slice(*taps), slice(*channels)])
            return
        part = vectors[self._squares(channels), slice(*taps), slice(*span)]
        many, grid = taps[1] - taps[0], self.weights.grid
        if many < self.weights.taps:
            grid = (many // grid[-1], grid[-1]) if many % grid[-1] == 0 else (many,)
        yield Load(part.moved(0, 1).split(grid), transposed=True)

    def _tap_spans(self, height: int, room: int) -> list[Span]:
        """Return as many taps as there is room for; whole rows of the kernel take few commands."""
        most, taps = max(1, room // height), self.weights.taps
        if self.weights.transposed and self.weights.grid[-1] < most < taps:
            most -= most % self.weights.grid[-1]
        return [(low, min(low + most, taps)) for low in range(0, taps, most)]

    def _walk(self, channels: int, height: int, taps: int, base: int) -> Walk:
        """Return the rows of a tile from its last one up; rows beyond the channels are masked."""
        rows = self.hardware.rows
        blocks = -(-channels // rows)
        loops = (Loop(rows, (-1,), 0), Loop(blocks, (rows,), 0), Loop(taps, (0,), height))
        return Walk(axes=(Axis(rows - 1, channels, 1),), loops=loops, base=base)
