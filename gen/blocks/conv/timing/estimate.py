"""How many cycles a convolution takes: memory, buffers, and the product's timing.

The product's rules are those of :mod:`golden.systolic.cycles`, here with operands that arrive when
memory gives them, and results that wait for it. Unlike those, this is an estimate: where results
wait for memory, or a load for one of the loads under way, it may be some cycles off.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.compile.convolution.lower.program import Copy, Product
from gemmule.gen.compile.convolution.lower.schedule import Content, scheduled
from gemmule.golden.conv.commands import Opcode
from gemmule.golden.systolic.cycles import FIRST, ArrayClock
from gemmule.golden.systolic.limits import SCALE_BANKS as SCALES
from gemmule.golden.systolic.limits import TILE_GAP

from .bus import Bus
from .operand_timing import Commands, OperandTiming, Timing, one_a_cycle

__all__ = ["estimate_cycles"]

SCALE = FIRST + 1
"""The cycle in which the first scales are taken."""

END = 3
"""Cycles from the last write to the report's end."""


class _Clock(ArrayClock):
    """The cycle in which each resource is free again."""

    def __init__(self, timing: Timing, bus: Bus, commands: Sequence[tuple[Opcode, Content]]):
        super().__init__(timing.hardware.rows)
        self.timing, self.bus = timing, bus
        self.cascade = timing.hardware.cascade
        self.commands = Commands(commands)
        self.a_side, self.b_side = (
            OperandTiming(side, timing, bus, self.commands) for side in ("a", "b")
        )
        for opcode, content in commands:
            self.a_side.add(opcode, content)
            self.b_side.add(opcode, content)
        self.a_side.start()
        self.b_side.start()
        self.dirty = not self.cascade
        self.claimed: list[int] = []
        self.given = 0  # results that left for memory
        self.handed = np.zeros(0, np.int64)  # when the last ones did, as many as have room
        self.copied = 0

    def copy(self, copy: Copy) -> None:
        """Take vectors through the bank and back to memory."""
        size = self.timing.hardware.rows * self.timing.a_size
        (step,) = copy.a_passes
        ready = self.a_side.earliest(step.walk.length)
        times = ready - 1
        accepted = self._hand(times, size)
        last = int(accepted[-1])
        times[-1] = max(int(times[-1]), last - 2)
        self.a_side.took(times, ready)
        self.commands.ended[Opcode.PLACES].append(last)
        self.copied = last + 1

    def _hand(self, times: NDArray[np.int64], size: int) -> NDArray[np.int64]:
        accepted = self.bus.write(times + 1, size)
        handed = np.maximum(times, accepted - 2)
        self.given += len(handed)
        self.handed = np.concatenate([self.handed, handed])[-self.timing.capacity :]
        return accepted

    def pass_fence(self) -> None:
        """Go on behind the fence: all copies are in memory."""
        self.commands.fence, self.copied = self.copied, 0
        self.a_side.load()
        self.b_side.load()

    def product(self, product: Product) -> None:
        start = self.commands.time(product) + FIRST
        self.a, self.b, self.scale = (max(t, start) for t in (self.a, self.b, self.scale))
        if len(self.claimed) >= SCALES:
            self.scale = max(self.scale, self.claimed[-SCALES])
        self.scale += 1
        if product.stationary_sums:
            self.wash(start)
        self.a = max(self.a, self.scale)
        if product.stationary_sums:
            self._output_stationary(product)
        else:
            self._weight_stationary(product)
        self.claimed.append(self.last - 2)
        self.commands.ended[Opcode.PRODUCT].append(max(self.a, self.b, self.scale))
        self.commands.ended[Opcode.PLACES].append(int(self.handed[-1]) if self.given else 0)

    def _weight_stationary(self, product: Product) -> None:
        tiles = product.k // self.rows
        for tile in range(tiles):
            begin = max(self.b, self.begun + 1)
            ready = self.b_side.ready(self.rows, begin)
            times = one_a_cycle(begin, self.rows, ready)
            self.b_side.took(times, ready)
            loaded = int(times[-1])
            begin = max(self.a, loaded, self.begun + TILE_GAP, self.after_tile)
            ready = self.a_side.ready(product.m, begin)
            times = one_a_cycle(begin, product.m, ready)
            if tile == tiles - 1:
                times = self._with_room(times, product.n)
            self.a_side.took(times, ready)
            self.begun = int(times[0])
            self.b, self.a = loaded + 1, int(times[-1]) + 1
        if not self.cascade:
            self.dirty = True
            self.clear = max(self.clear, self.a + self.rows - 2)
        results = times + self.rows - 1 + self.timing.result_latency
        self._result(product, results)

    def _with_room(self, times: NDArray[np.int64], lanes: int) -> NDArray[np.int64]:
        """Begin rows of results of ``lanes`` while there is room for them."""
        room, free = self.timing.capacity, self.timing.capacity - self.given
        if len(times) <= free or (len(times) <= room and self.handed[-1] < times[0]):
            return times
        latency = self.rows - 1 + self.timing.result_latency
        each = -(-self.timing.c_size * lanes // self.bus.width)
        # A row takes the place of the one `room` before it. When that left is an estimate, as far
        # as it is one of these; the memory tells in the end.
        freed = self.handed
        if free > 0:
            freed = np.concatenate([np.full(free, -2), freed])
        made: list[NDArray[np.int64]] = []
        for low in range(0, len(times), room):
            part = times[low : low + room]
            begin = int(made[-1][-1]) + 1 if made else int(part[0])
            made.append(one_a_cycle(begin, len(part), np.maximum(part, freed[: len(part)] + 2)))
            steps = each * np.arange(1, len(part) + 1)
            ends = np.maximum(made[-1] + latency - steps, freed[-1])
            freed = np.concatenate([freed, np.maximum.accumulate(ends) + steps])[-room:]
        return np.concatenate(made)

    def _result(self, product: Product, results: NDArray[np.int64]) -> None:
        """Let results leave the product at these cycles; those with a place go to memory."""
        self.last = int(results[-1])
        if product.places.real < len(results):
            results = results[product.places.beats()[1]]
        if len(results):
            self._hand(results, self.timing.c_size * product.n)

    def _output_stationary(self, product: Product) -> None:
        self.a = max(self.a, self.b)
        results = []
        for _ in range(product.m // self.rows):
            left = product.k
            while left:
                count = min(left, self.a_side.left(), self.b_side.left())
                both = [side.ready(count, self.a) for side in (self.a_side, self.b_side)]
                known = [ready for ready in both if ready is not None]
                times = one_a_cycle(self.a, count, np.maximum.reduce(known) if known else None)
                left -= count
                end = int(times[-1]) if left else max(int(times[-1]), self.clear)
                times[-1] = end
                for side, ready in zip((self.a_side, self.b_side), both, strict=True):
                    side.took(times, ready)
                self.a = self.b = end + 1
            last = end + self.rows + self.timing.result_latency
            if self.cascade:
                self.a = self.b = end + self.rows
                last += self.rows - 2
            else:
                self.clear = end + self.rows
            results.append(last - self.rows + 1 + np.arange(self.rows))
        if self.cascade:
            self.b = end + 1
        else:
            self.after_tile = self.a + 1
        self._result(product, np.concatenate(results))


def estimate_cycles(
    steps: Sequence[Product | Copy],
    timing: Timing,
    bus: Bus | None = None,
    commands: Sequence[tuple[Opcode, Content]] | None = None,
) -> int:
    """Return about how many cycles lie from the first request to the report of the counters.

    ``commands`` are those of :func:`scheduled`, if the caller has them.
    """
    bus = bus or Bus()
    commands = commands or list(scheduled(steps, timing.hardware))
    clock = _Clock(timing, bus, commands)
    begins = [reading.begin for *_, reading in bus.waiting]
    first = min(begins + [SCALE] * isinstance(steps[0], Product))
    for step in steps:
        if isinstance(step, Copy):
            clock.copy(step)
            continue
        if clock.copied:
            clock.pass_fence()
        clock.product(step)
    return bus.accepted + END - first
