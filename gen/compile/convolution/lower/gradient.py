"""Output-stationary products: the weight gradient."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.conv.pattern import Axis, Loop, Walk

from .memory_layout import walk_over
from .program import Bank, Load, Pass, Product
from .target import Target
from .tiling import tiles
from .views import Span, View, repeated

__all__ = ["gradient_products"]


def gradient_products(target: Target, group: int, x: View, dy: View) -> Iterator[Product]:
    """Yield, for each tap and channel, the sum over pixels of ``x`` times ``dy``.

    The result is laid out as the weights are. Where all pixels of ``dy`` and of ``x`` fit their
    banks, one command makes all taps of some blocks of channels, and these stay for all columns.
    Otherwise each tap and block has its own command, and its pixels pass through the bank piece by
    piece, forth and back by turns, so that the piece at the turn stays; those of ``dy`` stay for
    all taps and channels, if they fit.
    """
    plan = _Plan(target, x, dy)
    edges = zip(_edges(plan.x_keys), _edges(plan.dy_keys), strict=True)
    for number, (block, taps, chunk) in enumerate(plan.order):
        product, boxes = plan.product(group, block, taps, chunk), plan.way(number)
        for box in boxes:
            (opens, leave), (dy_opens, dy_leave) = next(edges)
            final = box is boxes[-1]
            loaded = x.all_taps if plan.x_keeps else taps
            vectors, walk = x.window(box, loaded, chunk, taps)
            if opens:
                product.a_loads.append(Bank((Load(vectors),)))
            product.a_passes.append(Pass(walk, target.zeros.a, leave, final))
            there = x.all_outs if plan.dy_stays else box
            vectors, walk = dy.window(there, dy.all_taps, (block, block + 1))
            if dy_opens:
                product.b_loads.append(Bank((Load(vectors),)))
            walk = dy.part(box, 1) if plan.dy_stays else walk
            times = product.m // target.hardware.rows if plan.x_stays else 1
            product.b_passes.append(Pass(repeated(walk, times), target.dy_zero, dy_leave, final))
        yield product


def _edges(keys: Sequence[object]) -> Iterator[tuple[bool, bool]]:
    """Yield whether each differs from the one before it, and from the one behind it."""
    changes = [True, *(one != other for one, other in pairwise(keys)), True]
    return pairwise(changes)


@dataclass(frozen=True, eq=False)
class _Plan:
    """What stays in the banks, and the order of products that follows."""

    target: Target
    x: View
    dy: View

    @cached_property
    def dy_stays(self) -> bool:
        """Whether all pixels of a block of ``dy`` fit their bank."""
        volume = self.dy.volume(self.x.all_outs, self.dy.all_taps)
        return volume <= self.target.hardware.b_bank

    @cached_property
    def fit(self) -> int:
        """The blocks of ``x``, with all their pixels, that fit their bank."""
        volume = self.x.volume(self.x.all_outs, self.x.all_taps)
        return min(self.target.hardware.a_bank // volume, self.x.blocks)

    @cached_property
    def x_stays(self) -> bool:
        """Whether all pixels of ``x`` fit their bank, too."""
        return self.dy_stays and self.fit > 0

    @cached_property
    def order(self) -> list[tuple[int, list[Span], Span]]:
        """The block of columns, the taps and the blocks of channels of each product."""
        x, columns = self.x, range(self.dy.blocks)
        together = -(-x.blocks // -(-x.blocks // self.fit)) if self.x_stays else 1
        chunks = [(low, min(low + together, x.blocks)) for low in range(0, x.blocks, together)]
        if self.x_stays:
            return [(block, x.all_taps, chunk) for chunk in chunks for block in columns]
        each = [[(tap, tap + 1) for tap in index] for index in np.ndindex(*x.taps)]
        return [(block, tap, chunk) for block in columns for chunk in chunks for tap in each]

    @cached_property
    def boxes(self) -> list[list[Span]]:
        """The boxes of pixels that pass through the banks together."""
        if self.x_stays:
            return [self.x.all_outs]
        hardware = self.target.hardware
        room = hardware.a_bank if self.dy_stays else min(hardware.a_bank, hardware.b_bank)
        return tiles(self.x.outs, room)

    def way(self, number: int) -> list[list[Span]]:
        """Return the boxes in the order in which a product takes them."""
        return self.boxes[::-1] if number % 2 else self.boxes

    @cached_property
    def x_keeps(self) -> bool:
        """Whether the pixels of a box are loaded for all taps: where some stay, and fewer come."""
        x, taps = self.x, [[(tap, tap + 1) for tap in index] for index in np.ndindex(*self.x.taps)]
        whole = [x.volume(box, x.all_taps) for box in self.boxes]
        apart = sum(x.volume(box, tap) for box in self.boxes for tap in taps)
        kept = len(taps) * (sum(whole) - min(whole[0], whole[-1]))
        return max(whole) <= self.target.hardware.a_bank and kept < apart

    @property
    def x_keys(self) -> list[object]:
        """What of ``x`` is in its bank, box by box of each product."""
        return [
            (chunk, box) if self.x_keeps else (number, box)
            for number, (_, _, chunk) in enumerate(self.order)
            for box in self.way(number)
        ]

    @property
    def dy_keys(self) -> list[object]:
        """What of ``dy`` is in its bank, box by box of each product."""
        return [
            block if self.dy_stays else (block, box)
            for number, (block, _, _) in enumerate(self.order)
            for box in self.way(number)
        ]

    @cached_property
    def b_sums(self) -> NDArray[np.int64]:
        """Each column's sum of ``dy``, masked beats counted as the pad that they are."""
        values = self.dy.loaded.values
        plain = values.reshape(-1, self.dy.blocks * values.shape[-1])[:, : self._columns]
        masked = int(np.prod(self.dy.outs)) - len(plain)
        return plain.sum(0, dtype=np.int64) + masked * self.target.dy_zero

    @property
    def _columns(self) -> int:
        return self.target.geometry.group_filters

    def product(self, group: int, block: int, taps: list[Span], chunk: Span) -> Product:
        """Return a product that loads nothing yet."""
        cols = self.target.hardware.cols
        span = (block * cols, min((block + 1) * cols, self._columns))
        first = group * self._columns
        places = self._taps_and_channels(taps, chunk, group * self.dy.blocks + block)
        return Product(
            k=int(np.prod(self.x.outs)),
            stationary_sums=True,
            places=places,
            columns=(first + span[0], first + span[1]),
            b_sum=self.b_sums[slice(*span)],
        )

    def _taps_and_channels(self, taps: Sequence[Span], blocks: Span, tile: int) -> Walk:
        """Return where the rows of a product lie, a lane a channel; those beyond are masked."""
        rows, cols = self.target.hardware.rows, self.target.hardware.cols
        channels = self.target.fold * self.target.geometry.group_channels
        count = int(np.prod(self.x.taps))
        grid = np.arange(count).reshape(self.x.taps) + tile * count
        walk = walk_over(grid[tuple(slice(*part) for part in taps)])
        pitch = channels * cols
        lanes = Loop((blocks[1] - blocks[0]) * rows, (1,))
        loops = (lanes, *(Loop(loop.bound, (0,), loop.step * pitch) for loop in walk.loops))
        axes = (Axis(blocks[0] * rows, channels, cols),)
        return Walk(axes=axes, loops=loops, base=walk.base * pitch)
