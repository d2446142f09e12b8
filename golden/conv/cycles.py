"""How many cycles a convolution takes: memory, buffers, and the product's timing.

The product's rules are those of ``golden.systolic.cycles``, here with operands that arrive when
memory gives them, and results that wait for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.systolic.cycles import BANKS as SCALES
from gemmule.golden.systolic.cycles import COMMANDS, FIRST, TILE_GAP

from .bus import Bus, Reading
from .order import BANKS, Fill, Kind, ordered
from .program import Copy, Hardware, Pass, Product

__all__ = ["Timing", "model"]

ARRIVAL = 3
"""Cycles from a vector's arrival to the issue of its beat: bank, walk, look-up, skid buffer."""

LOOK_AHEAD = 3
"""Beats by which a walk is ahead of their issue."""

COMMAND = 4
"""Cycles from a pass's command to the issue of its first beat."""

LOAD = 2
"""Cycles from a load's command to its first request."""

WAITING = {Kind.PRODUCT: COMMANDS, Kind.X_LOAD: 2, Kind.W_LOAD: 2}
"""Commands that are dispatched and not ended; of the others two wait and one is under way."""


@dataclass(frozen=True)
class Timing:
    """What of the hardware's parameters the cycles depend on."""

    hardware: Hardware
    result_latency: int
    capacity: int
    a_size: int
    b_size: int
    c_size: int
    levels: int
    turns: int


class _Commands:
    """When each command is dispatched: one a cycle, each when its target has a place."""

    def __init__(self, commands: Sequence[tuple[Kind, object]]):
        self.kinds = [kind for kind, _ in commands]
        self.numbers = {id(content): n for n, (_, content) in enumerate(commands)}
        self.times: list[int] = []
        self.fence: int | None = None  # the cycle in which the copies are done
        self.ended: dict[Kind, list[int]] = {kind: [] for kind in Kind}
        self.seen: dict[Kind, int] = dict.fromkeys(Kind, 0)

    def time(self, content: object) -> int:
        """The cycle in which it leaves the stream."""
        number = self.numbers[id(content)]
        while len(self.times) <= number:
            self.times.append(self._next())
        return self.times[number]

    def waits(self, content: object) -> bool:
        """Whether it stands behind a fence that nobody knows the end of yet."""
        fence = self.kinds.index(Kind.FENCE)
        return self.fence is None and fence < self.numbers[id(content)]

    def _next(self) -> int:
        kind = self.kinds[len(self.times)]
        time = self.times[-1] + 1 if self.times else 0
        if kind is Kind.FENCE:
            return max(time, self.fence or 0)
        behind = self.seen[kind] - WAITING.get(kind, 3)
        self.seen[kind] += 1
        ended = self.ended[kind]
        return max(time, ended[behind] + 1) if 0 <= behind < len(ended) else time


class _Turner:
    """The square of registers that transposes weights on their way.

    A square leaves while the next one enters, if that is there when it can begin to; or alone.
    """

    def __init__(self, size: int):
        self.steps = np.arange(size)
        self.free = 0  # the first cycle of its next phase
        self.full = False

    def turn(self, arrivals: NDArray[np.int64], squares: int) -> NDArray[np.int64]:
        """When the vectors of some squares leave, given when theirs arrive."""
        leaving = []
        for number, square in enumerate(arrivals.reshape(squares, -1)):
            if self.full and square[0] > self.free:
                if number:
                    leaving.append(self.free + self.steps)
                self.free += len(self.steps)
                self.full = False
            missing = np.full(len(self.steps) - len(square), square[-1])
            times = _each(self.free, len(self.steps), np.concatenate([square, missing]))
            if self.full and number:
                leaving.append(times)
            self.full, self.free = True, int(times[-1]) + 1
        # Nobody knows yet whether another one will push the last square out.
        leaving.append(self.free + self.steps)
        return np.concatenate(leaving)


class _Feed:
    """One operand: its banks, and the beats of its passes."""

    def __init__(self, side: str, timing: Timing, bus: Bus, commands: _Commands):
        hardware = timing.hardware
        self.channel = int(side == "w")
        self.lanes = hardware.cols if self.channel else hardware.rows
        self.size = timing.b_size if self.channel else timing.a_size
        self.passed, self.filled = Kind[f"{side.upper()}_PASS"], Kind[f"{side.upper()}_LOAD"]
        self.bus, self.commands = bus, commands
        self.turner = _Turner(self.lanes)
        self.banks: list[list[Fill]] = [[]]
        self.readings: list[list[tuple[Fill, Reading]]] = []
        self.passes: list[Pass] = []
        self.asked = 0  # the first cycle in which the next load can be taken
        self.arrived: NDArray[np.int64] | None = None
        self.number = 0  # of the bank under the walk
        self.at = 0
        self.walked: tuple[NDArray[np.int64], NDArray[np.bool_]] | None = None
        self.begin = 0
        self.issued: list[int] = [-1] * (LOOK_AHEAD + 1)  # the last beats

    def add(self, kind: Kind, content: object) -> None:
        """A command of this side."""
        if kind is self.passed:
            self.passes.append(content)
        elif kind is self.filled:
            self.banks[-1].append(content)
            if content.closes:
                self.banks.append([])

    def start(self) -> None:
        """All commands are known: the first banks are free."""
        self.banks.pop()
        self.passes.reverse()
        self.free = [0] * BANKS
        self.load()

    def load(self) -> None:
        """Ask for the banks that are free."""
        while self.free and len(self.readings) < len(self.banks):
            if self.commands.waits(self.banks[len(self.readings)][0]):
                return
            self._load(self.free.pop(0))

    def _load(self, free: int) -> None:
        readings = []
        for fill in self.banks[len(self.readings)]:
            take = max(self.commands.time(fill) + 1, free, self.asked)
            vectors = fill.run.length // self.lanes
            readings.append((fill, self.bus.ask(
                self.channel, take + LOAD - 1, fill.run.requests, vectors, self.lanes * self.size
            )))  # fmt: skip
            self.asked = take + fill.run.requests
            self.commands.ended[self.filled].append(take)
        self.readings.append(readings)

    def left(self) -> int:
        """Beats of this pass still to come."""
        return self.passes[-1].walk.length - self.at

    def _arrivals(self) -> NDArray[np.int64]:
        if self.arrived is None:
            made = []
            for fill, reading in self.readings[self.number]:
                times = self.bus.arrivals(reading)
                turned = fill.load.turned
                made.append(self.turner.turn(times, fill.run.requests) if turned else times)
            self.arrived = np.concatenate(made)
        return self.arrived

    def ready(self, count: int, now: int) -> NDArray[np.int64] | None:
        """When each of the next beats can be issued; None: all can at ``now``."""
        step = self.passes[-1]
        if self.walked is None and self.at == 0:
            self.begin = self.commands.time(step) + COMMAND
        arrived = self._arrivals()
        if arrived[-1] + ARRIVAL <= now and self.begin <= now:
            return None
        if self.walked is None:
            self.walked = step.walk.beats()
        address, real = self.walked
        part = slice(self.at, self.at + count)
        times = np.where(real[part], arrived[np.where(real[part], address[part], 0)] + ARRIVAL, 0)
        if step.release and self.at + count == step.walk.length:
            times[-1] = max(times[-1], int(arrived[-1]) + ARRIVAL)
        return np.maximum(times, self.begin)

    def took(self, count: int, last: int, end: int | None = None) -> None:
        """The next beats were issued, one a cycle up to ``last``, but the last one at ``end``."""
        end = last if end is None else end
        beats = [*range(last - min(count, LOOK_AHEAD + 1) + 1, last), end]
        self.issued = [*self.issued, *beats][-LOOK_AHEAD - 1 :]
        self.at += count
        if self.left() == 0:
            self._walked_over(self.passes.pop())

    def _walked_over(self, step: Pass) -> None:
        """The walk's last beat left it when there was a place, and with a bank when it was full."""
        over = max(self.issued[0] + 1, self.begin - COMMAND + 1 + step.walk.length)
        if step.release:
            over = max(over, int(self._arrivals()[-1]) + 1)
            self.number += 1
            self.arrived = None
            self.free.append(over + 1)
        self.at, self.walked = 0, None
        self.commands.ended[self.passed].append(over)
        self.load()


class _Clock:
    """The cycle in which each resource is free again."""

    def __init__(self, timing: Timing, bus: Bus, commands: Sequence[tuple[Kind, object]]):
        self.timing, self.bus = timing, bus
        self.rows, self.cascade = timing.hardware.rows, timing.hardware.cascade
        self.commands = _Commands(commands)
        self.x, self.w = (_Feed(side, timing, bus, self.commands) for side in ("x", "w"))
        for kind, content in commands:
            self.x.add(kind, content)
            self.w.add(kind, content)
        self.x.start()
        self.w.start()
        self.a = self.b = self.scale = FIRST
        self.begun, self.clear, self.after_tile, self.last = -TILE_GAP, 0, 0, 0
        self.dirty = not self.cascade
        self.claimed: list[int] = []
        self.handed: list[int] = []  # when each result left for memory
        self.copied = 0

    def copy(self, copy: Copy) -> None:
        """Vectors through the bank and back to memory."""
        size = self.timing.hardware.rows * self.timing.a_size
        (step,) = copy.a_passes
        ready = self.x.ready(step.walk.length, -1)
        times = ready - 1
        accepted = self._hand(times, size)
        self.x.took(step.walk.length, max(int(times[-1]), accepted[-1] - 2))
        self.commands.ended[Kind.PLACES].append(accepted[-1])
        self.copied = accepted[-1] + 1

    def _hand(self, times: NDArray[np.int64], size: int) -> list[int]:
        accepted = self.bus.write([int(time) + 1 for time in times], size)
        self.handed += [max(int(t), a - 2) for t, a in zip(times, accepted, strict=True)]
        return accepted

    def pass_fence(self) -> None:
        """All copies are in memory."""
        self.commands.fence, self.copied = self.copied, 0
        self.x.load()
        self.w.load()

    def product(self, product: Product) -> None:
        start = self.commands.time(product) + FIRST
        self.a, self.b, self.scale = (max(t, start) for t in (self.a, self.b, self.scale))
        if len(self.claimed) >= SCALES:
            self.scale = max(self.scale, self.claimed[-SCALES])
        self.scale += 1
        self.a = max(self.a, self.scale)
        if product.stationary_sums:
            self._output_stationary(product, start)
        else:
            self._weight_stationary(product)
        self.claimed.append(self.last - 2)
        self.commands.ended[Kind.PRODUCT].append(max(self.a, self.b, self.scale))
        self.commands.ended[Kind.PLACES].append(self.handed[-1] if self.handed else 0)

    def _weight_stationary(self, product: Product) -> None:
        tiles = product.k // self.rows
        for tile in range(tiles):
            begin = max(self.b, self.begun + 1)
            loaded = _last(begin, self.rows, self.w.ready(self.rows, begin))
            self.w.took(self.rows, loaded)
            begin = max(self.a, loaded, self.begun + TILE_GAP, self.after_tile)
            ready = self.x.ready(product.m, begin)
            if tile == tiles - 1:
                times = self._with_room(_each(begin, product.m, ready))
                end = int(times[-1])
            else:
                end = _last(begin, product.m, ready)
            self.x.took(product.m, end)
            self.begun = begin if ready is None else max(begin, int(ready[0]))
            self.b, self.a = loaded + 1, end + 1
        if not self.cascade:
            self.dirty = True
            self.clear = max(self.clear, self.a + self.rows - 2)
        results = times + self.rows - 1 + self.timing.result_latency
        self._result(product, results)

    def _with_room(self, times: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows of results are begun while there is room for them."""
        room = self.timing.capacity
        done = len(self.handed)
        latency = self.rows - 1 + self.timing.result_latency
        if len(times) + done <= room or (len(times) <= room and self.handed[-1] < times[0]):
            return times
        each = -(-self.timing.c_size * self.timing.hardware.cols // self.bus.width)
        freed = list(self.handed)
        made: list[int] = []
        for place, time in enumerate(times.tolist()):
            time = max(time, made[-1] + 1) if made else time
            if place + done >= room:
                time = max(time, freed[place + done - room] + 2)
            made.append(time)
            # An estimate; the memory tells in the end.
            freed.append(max(time + latency, freed[-1] + each if freed else 0))
        return np.array(made)

    def _result(self, product: Product, results: NDArray[np.int64]) -> None:
        """Results leave the product at these cycles, and go to memory if they have a place."""
        self.last = int(results[-1])
        if product.places.real < len(results):
            results = results[product.places.beats()[1]]
        if len(results):
            self._hand(results, self.timing.c_size * product.n)

    def _output_stationary(self, product: Product, start: int) -> None:
        if self.dirty:
            wash = max(start, self.a if self.last else start)
            self.clear = max(self.clear, wash + self.rows - 1)
            self.a = max(self.a, wash + 1)
            self.dirty = False
        self.a = max(self.a, self.b)
        results = []
        for _ in range(product.m // self.rows):
            left = product.k
            while left:
                count = min(left, self.x.left(), self.w.left())
                both = [feed.ready(count, self.a) for feed in (self.x, self.w)]
                known = [ready for ready in both if ready is not None]
                end = _last(self.a, count, np.maximum.reduce(known) if known else None)
                left -= count
                natural, end = end, end if left else max(end, self.clear)
                for feed in (self.x, self.w):
                    feed.took(count, natural, end)
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


def model(steps: Sequence[Product | Copy], timing: Timing, bus: Bus | None = None) -> int:
    """Cycles from the first request to the report of the counters, both counted."""
    bus = bus or Bus()
    commands = list(ordered(steps, timing.hardware, timing.levels, timing.turns))
    clock = _Clock(timing, bus, commands)
    first = min(reading.begin for *_, reading in bus.waiting)
    first = min(first, SCALE) if isinstance(steps[0], Product) else first
    for step in steps:
        if isinstance(step, Copy):
            clock.copy(step)
            continue
        if clock.copied:
            clock.pass_fence()
        clock.product(step)
    return bus.accepted[-1] + END - first


SCALE = 3
"""The cycle in which the first scales are taken."""

END = 3
"""Cycles from the last write to the report's end."""


def _each(begin: int, count: int, ready: NDArray[np.int64] | None) -> NDArray[np.int64]:
    """``count`` beats, one a cycle from ``begin``, none before its time."""
    steps = np.arange(count)
    if ready is None:
        return begin + steps
    return np.maximum.accumulate(np.maximum(ready, begin) - steps) + steps


def _last(begin: int, count: int, ready: NDArray[np.int64] | None) -> int:
    """When the last of them comes."""
    return int(_each(begin, count, ready)[-1]) if ready is not None else begin + count - 1
