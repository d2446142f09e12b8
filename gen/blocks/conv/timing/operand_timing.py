"""When operands arrive: commands in order, loads from memory, banks, and the walks over them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.compile.convolution.lower.program import Pass
from gemmule.gen.compile.convolution.lower.schedule import Content, Fill
from gemmule.gen.compile.convolution.lower.target import Hardware
from gemmule.golden.conv.commands import BANKS, Opcode
from gemmule.golden.systolic.limits import COMMANDS

from .bus import Bus, Reading

__all__ = ["Commands", "OperandTiming", "Timing", "one_a_cycle"]

ARRIVAL = 3
"""Cycles from a vector's arrival to the issue of its beat: bank, walk, look-up, skid buffer."""

LOOK_AHEAD = 3
"""Beats by which a walk is ahead of their issue."""

COMMAND = 4
"""Cycles from a pass's command to the issue of its first beat."""

NOTHING = np.full(1, -ARRIVAL)
"""What masked beats wait for."""

LOAD = 2
"""Cycles from a load's command to its first request."""

WAITING = {Opcode.PRODUCT: COMMANDS, Opcode.A_LOAD: 2, Opcode.B_LOAD: 2}
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


def one_a_cycle(begin: int, count: int, ready: NDArray[np.int64] | None) -> NDArray[np.int64]:
    """Return the cycles of ``count`` beats, one a cycle from ``begin``, none before its time."""
    steps = np.arange(count)
    if ready is None:
        return begin + steps
    return np.maximum.accumulate(np.maximum(ready, begin) - steps) + steps


class Commands:
    """When each command is dispatched: one a cycle, each when its target has a place."""

    def __init__(self, commands: Sequence[tuple[Opcode, Content]]):
        self.opcodes = [opcode for opcode, _ in commands]
        self.numbers = {id(content): n for n, (_, content) in enumerate(commands)}
        self.times: list[int] = []
        self.fenced = self.opcodes.index(Opcode.FENCE)  # the first one's number
        self.fence: int | None = None  # the cycle in which the copies are done
        self.ended: dict[Opcode, list[int]] = {opcode: [] for opcode in Opcode}
        self.seen: dict[Opcode, int] = dict.fromkeys(Opcode, 0)

    def time(self, content: object) -> int:
        """Return the cycle in which a command leaves the stream."""
        number = self.numbers[id(content)]
        while len(self.times) <= number:
            self.times.append(self._next())
        return self.times[number]

    def waits(self, content: object) -> bool:
        """Return whether it stands behind a fence that nobody knows the end of yet."""
        return self.fence is None and self.fenced < self.numbers[id(content)]

    def _next(self) -> int:
        opcode = self.opcodes[len(self.times)]
        time = self.times[-1] + 1 if self.times else 0
        if opcode is Opcode.FENCE:
            return max(time, self.fence or 0)
        behind = self.seen[opcode] - WAITING.get(opcode, 3)
        self.seen[opcode] += 1
        ended = self.ended[opcode]
        return max(time, ended[behind] + 1) if 0 <= behind < len(ended) else time


class _Transposer:
    """The square of registers that transposes weights on their way.

    A square leaves while the next one enters, if that is there when it can begin to; or alone.
    """

    def __init__(self, size: int):
        self.steps = np.arange(size)
        self.free = 0  # the first cycle of its next phase
        self.full = False

    def leave(self, arrivals: NDArray[np.int64], squares: int) -> NDArray[np.int64]:
        """Return when the vectors of some squares leave, given when theirs arrive."""
        leaving = []
        for number, square in enumerate(arrivals.reshape(squares, -1)):
            if self.full and square[0] > self.free:
                if number:
                    leaving.append(self.free + self.steps)
                self.free += len(self.steps)
                self.full = False
            missing = np.full(len(self.steps) - len(square), square[-1])
            times = one_a_cycle(self.free, len(self.steps), np.concatenate([square, missing]))
            if self.full and number:
                leaving.append(times)
            self.full, self.free = True, int(times[-1]) + 1
        # Nobody knows yet whether another one will push the last square out.
        leaving.append(self.free + self.steps)
        return np.concatenate(leaving)


class OperandTiming:
    """One operand: its banks, and the beats of its passes."""

    def __init__(self, side: str, timing: Timing, bus: Bus, commands: Commands):
        hardware = timing.hardware
        self.channel = int(side == "b")
        self.lanes = hardware.cols if self.channel else hardware.rows
        self.size = timing.b_size if self.channel else timing.a_size
        self.passed, self.filled = Opcode[f"{side.upper()}_PASS"], Opcode[f"{side.upper()}_LOAD"]
        self.bus, self.commands = bus, commands
        self.transposer = _Transposer(self.lanes)
        self.banks: list[list[Fill]] = [[]]
        self.readings: list[list[tuple[Fill, Reading]]] = []
        self.passes: list[Pass] = []
        self.asked = 0  # the first cycle in which the next load can be taken
        self.arrived: NDArray[np.int64] | None = None
        self.number = 0  # of the bank under the walk
        self.at = 0
        self.walked: tuple[NDArray[np.int64], NDArray[np.bool_]] | None = None
        self.begin = 0
        self.needy = True  # whether this pass needs its bank
        self.issued = np.full(LOOK_AHEAD, -1, np.int64)  # the last beats
        self.walk = -1  # when the walk took its last beat

    def add(self, opcode: Opcode, content: Content) -> None:
        """Add a command of this side."""
        if opcode is self.passed and isinstance(content, Pass):
            self.passes.append(content)
        elif opcode is self.filled and isinstance(content, Fill):
            self.banks[-1].append(content)
            if content.closes:
                self.banks.append([])

    def start(self) -> None:
        """Load the first banks: all commands are known."""
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
            vectors = fill.burst.length // self.lanes
            readings.append((
                fill,
                self.bus.ask(
                    self.channel,
                    take + LOAD - 1,
                    fill.burst.requests,
                    vectors,
                    self.lanes * self.size,
                ),
            ))
            self.asked = take + fill.burst.requests
            self.commands.ended[self.filled].append(take)
        self.readings.append(readings)

    def _needed(self) -> NDArray[np.int64]:
        """Return when the vectors come that this pass reads."""
        if self.at == 0:
            step = self.passes[-1]
            self.begin = self.commands.time(step) + COMMAND
            self.needy = step.release or step.walk.real > 0
        return self._arrivals() if self.needy else NOTHING

    def left(self) -> int:
        """Return the beats of this pass still to come."""
        return self.passes[-1].walk.length - self.at

    def _arrivals(self) -> NDArray[np.int64]:
        if self.arrived is None:
            made = []
            for fill, reading in self.readings[self.number]:
                times = self.bus.arrivals(reading)
                if fill.load.transposed:
                    times = self.transposer.leave(times, fill.burst.requests)
                made.append(times)
            self.arrived = np.concatenate(made)
        return self.arrived

    def ready(self, count: int, now: int) -> NDArray[np.int64] | None:
        """Return when each of the next beats can be issued; None: all can at ``now``."""
        arrived = self._needed()
        if arrived[-1] + ARRIVAL <= now and self.begin <= now:
            return None
        return self.earliest(count)

    def earliest(self, count: int) -> NDArray[np.int64]:
        """Return the first cycle in which each of the next beats can be issued."""
        step, arrived = self.passes[-1], self._needed()
        if self.walked is None:
            self.walked = step.walk.beats()
        address, real = self.walked
        part = slice(self.at, self.at + count)
        times = np.where(real[part], arrived[np.where(real[part], address[part], 0)] + ARRIVAL, 0)
        if step.release and self.at + count == step.walk.length:
            times[-1] = max(times[-1], int(arrived[-1]) + ARRIVAL)
        return np.maximum(times, self.begin)

    def took(self, times: NDArray[np.int64], ready: NDArray[np.int64] | None) -> None:
        """Take the cycles in which beats were issued; ``ready`` is what :meth:`ready` said.

        The walk takes a beat when its vector has come and the one three before it was issued.
        """
        issued = np.concatenate([self.issued, times])
        bound = issued[: len(times)] + 1
        if ready is not None:
            bound = np.maximum(bound, ready - ARRIVAL + 1)
        self.walk = int(one_a_cycle(self.walk + 1, len(times), bound)[-1])
        self.issued = issued[-LOOK_AHEAD:]
        self.at += len(times)
        if self.left() == 0:
            self._walked_over(self.passes.pop())

    def _walked_over(self, step: Pass) -> None:
        """Give the bank back when it was full and the walk's last beat was taken."""
        over = self.walk
        if step.release:
            over = max(over, int(self._arrivals()[-1]) + 1)
            self.number += 1
            self.arrived = None
            self.free.append(over + 1)
        self.at, self.walked = 0, None
        self.commands.ended[self.passed].append(over)
        self.load()
