"""How many cycles a convolution takes: the buffers' loads and passes, and the product's timing.

The product's rules are those of ``golden.systolic.cycles``, here with operands that arrive when
they are loaded. Memory is either a port for each operand, a vector a cycle each (what `simulate`
attaches), or one port of some width that serves loads and results in the order of the program.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.systolic.cycles import BANKS, COMMANDS, FIRST, TILE_GAP

from .program import Hardware, Load, Pass, Product

__all__ = ["Memory", "model"]

ARRIVAL = 3
"""Cycles from a vector's load to the issue of its beat: bank, walk, look-up, skid buffer."""

LOOK_AHEAD = 3
"""Cycles by which a walk is ahead of the issue of its beats."""

COMMAND = 4
"""Cycles from a pass's command to the issue of its first beat."""


@dataclass
class Memory:
    """When vectors arrive. ``width``: elements a cycle of the one port; None: a port an operand."""

    width: int | None = None
    free: dict[str, Fraction] = field(default_factory=dict)
    words: int = 0

    def load(self, side: str, vectors: int, lanes: int, earliest: int) -> tuple[Fraction, Fraction]:
        """When the first of some vectors is taken, and the cycles from one to the next."""
        self.words += vectors * lanes
        port = side if self.width is None else "port"
        each = Fraction(1) if self.width is None else Fraction(lanes, self.width)
        start = max(self.free.get(port, Fraction(0)), Fraction(earliest))
        self.free[port] = start + vectors * each
        return start + each - 1, each

    def move(self, words: int) -> None:
        """Words that pass through the one port, whenever it has time: results, copies."""
        self.words += words
        if self.width is not None:
            self.free["port"] = self.free.get("port", Fraction(0)) + Fraction(words, self.width)


class _Feed:
    """One operand: its loads, in order, and the beats of its passes."""

    def __init__(self, side: str, lanes: int, memory: Memory):
        self.side, self.lanes, self.memory = side, lanes, memory
        self.waiting: list[Load] = []
        self.passes: list[tuple[Pass, int]] = []
        self.released: list[int] = []
        self.loaded = 0
        self.bank: tuple[Fraction, Fraction, int] | None = None
        self.at = 0
        self.walked: tuple[NDArray[np.int64], NDArray[np.bool_]] | None = None

    def add(self, loads: Iterable[Load], passes: Iterable[tuple[Pass, int]]) -> None:
        """Queue a product's loads and its passes, with the cycles of their commands."""
        self.waiting += loads
        self.passes += passes

    def left(self) -> int:
        """Beats of this pass still to come."""
        return self.passes[0][0].walk.length - self.at

    def ready(self, count: int, now: int) -> NDArray[np.int64] | None:
        """When each of the next beats can be issued; None: all can at ``now``."""
        if self.bank is None:
            vectors = self.waiting.pop(0)
            earliest = self.released[self.loaded - 2] + 1 if self.loaded > 1 else 0
            start, each = self.memory.load(self.side, len(vectors), self.lanes, earliest)
            self.bank = start, each, len(vectors)
            self.loaded += 1
        step, command = self.passes[0]
        start, each, vectors = self.bank
        if start + vectors * each + ARRIVAL <= now and command + COMMAND <= now:
            return None
        if self.walked is None:
            self.walked = step.walk.beats()
        address, real = self.walked
        part = slice(self.at, self.at + count)
        arrival = np.floor(float(start) + address[part] * float(each)).astype(np.int64) + ARRIVAL
        arrival = np.where(real[part], arrival, 0)
        if step.release and self.at + count == step.walk.length:
            arrival[-1] = max(arrival[-1], int(start + (vectors - 1) * each) + ARRIVAL)
        return np.maximum(arrival, command + COMMAND)

    def took(self, count: int, last: int) -> None:
        """The next beats were issued, the last of them in the cycle ``last``."""
        self.at += count
        if self.left() == 0:
            step, _ = self.passes.pop(0)
            self.at, self.walked = 0, None
            if step.release:
                self.released.append(last - LOOK_AHEAD)
                self.bank = None


class _Clock:
    """The cycle in which each resource is free again."""

    def __init__(self, hardware: Hardware, memory: Memory, result_latency: int):
        self.rows, self.result_latency = hardware.rows, result_latency
        self.x = _Feed("x", hardware.rows, memory)
        self.w = _Feed("w", hardware.cols, memory)
        self.memory = memory
        self.a = self.b = self.scale = FIRST
        self.begun, self.clear, self.after_tile, self.last = -TILE_GAP, 0, 0, 0
        self.cascade = hardware.cascade
        self.dirty = not self.cascade
        self.claimed: list[int] = []
        self.ended: list[int] = []
        self.commands = 0

    def product(self, product: Product) -> None:
        number = len(self.ended)
        taken = self.commands
        if number >= COMMANDS:
            taken = max(self.ended[number - COMMANDS] + 2, taken)
        first = self.commands + 1
        count = len(product.a_passes) + len(product.b_passes)
        self.commands = taken + 1 + count
        self.x.add(product.a_loads, [(each, first + 1) for each in product.a_passes])
        self.w.add(product.b_loads, [(each, first) for each in product.b_passes])
        start = taken + FIRST
        self.a, self.b, self.scale = (max(t, start) for t in (self.a, self.b, self.scale))
        if number >= BANKS:
            self.scale = max(self.scale, self.claimed[-BANKS])
        self.scale += 1
        self.a = max(self.a, self.scale)
        if product.stationary_sums:
            self._output_stationary(product, start)
        else:
            self._weight_stationary(product)
        self.claimed.append(self.last - 2)
        self.ended.append(max(self.a, self.b, self.scale) - 1)
        self.memory.move(product.m * product.n)

    def _weight_stationary(self, product: Product) -> None:
        for _ in range(product.k // self.rows):
            begin = max(self.b, self.begun + 1)
            loaded = _last(begin, self.rows, self.w.ready(self.rows, begin))
            self.w.took(self.rows, loaded)
            begin = max(self.a, loaded, self.begun + TILE_GAP, self.after_tile)
            ready = self.x.ready(product.m, begin)
            end = _last(begin, product.m, ready)
            self.x.took(product.m, end)
            self.begun = begin if ready is None else max(begin, int(ready[0]))
            self.b, self.a = loaded + 1, end + 1
        if not self.cascade:
            self.dirty = True
            self.clear = max(self.clear, self.a + self.rows - 2)
        self.last = self.a - 1 + self.rows - 1 + self.result_latency

    def _output_stationary(self, product: Product, start: int) -> None:
        if self.dirty:
            wash = max(start, self.a if self.last else start)
            self.clear = max(self.clear, wash + self.rows - 1)
            self.a = max(self.a, wash + 1)
            self.dirty = False
        self.a = max(self.a, self.b)
        for _ in range(product.m // self.rows):
            left = product.k
            while left:
                count = min(left, self.x.left(), self.w.left())
                both = [feed.ready(count, self.a) for feed in (self.x, self.w)]
                known = [ready for ready in both if ready is not None]
                end = _last(self.a, count, np.maximum.reduce(known) if known else None)
                left -= count
                end = end if left else max(end, self.clear)
                for feed in (self.x, self.w):
                    feed.took(count, end)
                self.a = self.b = end + 1
            self.last = end + self.rows + self.result_latency
            if self.cascade:
                self.a = self.b = end + self.rows
                self.last += self.rows - 2
            else:
                self.clear = end + self.rows
        if self.cascade:
            self.b = end + 1
        else:
            self.after_tile = self.a + 1


def model(
    products: Sequence[Product],
    hardware: Hardware,
    *,
    result_latency: int,
    memory: Memory | None = None,
) -> int:
    """Cycles from the first load to the last result, both counted.

    ``result_latency`` is that of the hardware's parameters, `hw.systolic.params.GemmParams`. With
    a ``memory`` of one port the last results must have passed it, too.
    """
    memory = memory or Memory()
    clock = _Clock(hardware, memory, result_latency)
    for product in products:
        clock.product(product)
    return max(clock.last + 1, int(memory.free.get("port", 0)))


def _last(begin: int, count: int, ready: NDArray[np.int64] | None) -> int:
    """When the last of ``count`` beats comes, one a cycle from ``begin``, none before its time."""
    if ready is None:
        return begin + count - 1
    late = ready - np.arange(count)
    return max(begin, int(late.max())) + count - 1
