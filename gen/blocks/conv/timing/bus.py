"""The external memory's time: which bytes move in which cycle, as in the simulator's memory."""

import heapq
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.common.memory import QUEUE

__all__ = ["Bus", "Reading"]

STEPS = 32
"""Vectors that are looked at one by one before several at once are tried again."""


@dataclass
class Reading:
    """Requests of one load, one a cycle from ``begin`` on; ``served`` of them have ``arrivals``."""

    begin: int
    requests: int
    vectors: int
    size: int
    served: int = 0
    arrivals: list[NDArray[np.int64] | list[int]] = field(default_factory=list)


class Bus:
    """``width`` bytes a cycle: vectors to write first, then requests to read, oldest first.

    A vector is there ``latency`` cycles after its last byte was moved. Requests are told in any
    order, and served when someone asks; whatever was asked for earlier must be known by then.
    """

    def __init__(self, width: int = 16, latency: int = 32):
        self.width, self.latency = width, latency
        self.left = np.full(1 << 12, width, np.int64)
        self.waiting: list[tuple[int, int, int, Reading]] = []
        self.cursor = 0
        self.told = 0
        self.offered: dict[int, int] = {}
        self.served: list[int] = []  # when the last vectors to write had moved
        self.accepted = -1  # when the last one was taken
        self.bytes_read = self.bytes_written = 0

    def ask(self, channel: int, begin: int, requests: int, vectors: int, size: int) -> Reading:
        """Ask for ``vectors`` of ``size`` bytes by each of some requests, one a cycle."""
        reading = Reading(begin, requests, vectors, size)
        self.bytes_read += requests * vectors * size
        self.told += 1
        heapq.heappush(self.waiting, (begin, channel, self.told, reading))
        return reading

    def arrivals(self, reading: Reading) -> NDArray[np.int64]:
        """Return when each vector is taken from the memory."""
        while reading.served < reading.requests:
            self._serve(*heapq.heappop(self.waiting))
        return np.concatenate(reading.arrivals)

    def _serve(self, asked: int, channel: int, number: int, reading: Reading) -> None:
        """Serve the requests of one reading until another reading's request is older."""
        rival = self.waiting[0] if self.waiting else (1 << 60, 0)
        free = rival[0] - asked + (channel < rival[1])
        count = min(reading.requests - reading.served, max(1, free))
        before = self.offered.get(channel, -1)
        if count * reading.vectors == 1:
            self.cursor = self._pay(max(self.cursor, asked + 1), reading.size)
            arrivals = np.array([max(self.cursor + self.latency, before + 1)])
        else:
            services = self._move(asked + np.arange(count), reading.vectors, reading.size)
            services[0] = max(services[0], before + 1 - self.latency)
            steps = np.arange(len(services))
            arrivals = np.maximum.accumulate(services - steps) + steps + self.latency
        self.offered[channel] = int(arrivals[-1])
        reading.arrivals.append(arrivals)
        reading.served += count
        if reading.served < reading.requests:
            heapq.heappush(self.waiting, (asked + count, channel, number, reading))

    def _move(self, asked: NDArray[np.int64], vectors: int, size: int) -> NDArray[np.int64]:
        """Return the cycles that move each vector's last byte; requests begin a cycle later."""
        services = []
        at = 0
        while at < len(asked):
            # Requests that are there when the ones before them are done move as one.
            start = max(self.cursor, int(asked[at]) + 1)
            most = len(asked) - at
            if start == asked[at] + 1 and vectors * size < self.width:
                most = 1
            each = vectors * size
            ends = self._until(start, each * most)
            moved = np.searchsorted(ends, np.arange(1, most * vectors + 1) * size) + start
            # The first request that was not yet there when its turn came begins anew.
            firsts = moved[::vectors]
            late = np.flatnonzero(asked[at : at + most] + 1 > firsts)
            many = int(late[0]) if len(late) else most
            moved = moved[: many * vectors]
            last = int(moved[-1])
            self.left[start:last] = 0
            self.left[last] = ends[last - start] - many * each
            self.cursor = last
            services.append(moved)
            at += many
        return np.concatenate(services)

    def _until(self, start: int, size: int) -> NDArray[np.int64]:
        """Return the bytes that can have moved after each cycle from ``start``, up to ``size``."""
        span = -(-size // self.width) + 1
        while True:
            self._reach(start + span)
            ends = np.cumsum(self.left[start : start + span])
            if ends[-1] >= size:
                return ends
            span *= 2

    def _reach(self, end: int) -> None:
        """Give the cycles before ``end`` their bytes."""
        if end > len(self.left):
            more = max(len(self.left), end - len(self.left))
            self.left = np.concatenate([self.left, np.full(more, self.width, np.int64)])

    def write(self, ready: NDArray[np.int64], size: int) -> NDArray[np.int64]:
        """Write vectors that are offered at these cycles; return when each is accepted."""
        accepted = np.empty(len(ready), np.int64)
        at = 0
        while at < len(ready):
            count = self._at_once(ready[at:], size)
            if count:
                part = ready[at : at + count]
                self.left[part + 1] -= size
                accepted[at : at + count] = part
                self.accepted = int(part[-1])
                self.served = [*self.served, *(part[-QUEUE:] + 1).tolist()][-QUEUE:]
                at += count
            for number in range(at, min(at + STEPS, len(ready))):
                accepted[number] = self._write(int(ready[number]), size)
                at += 1
        self.bytes_written += size * len(ready)
        return accepted

    def _at_once(self, ready: NDArray[np.int64], size: int) -> int:
        """Return how many are accepted as they are offered, and move a cycle later."""
        self._reach(int(ready[-1]) + 2)
        first = int(ready[0])
        early = self.served and first + 1 < self.served[-1]
        # Each takes the place of the one QUEUE before it, which has moved by then.
        places = enumerate(self.served, QUEUE - len(self.served))
        full = any(time >= first + number for number, time in places)
        if size > self.width or first <= self.accepted or early or full:
            return 0
        free = (self.left[ready + 1] >= size) & (np.diff(ready, prepend=ready[0] - 1) > 0)
        return len(ready) if free.all() else int(free.argmin())

    def _write(self, time: int, size: int) -> int:
        begin = 0
        if self.served:
            time, begin = max(time, self.accepted + 1), self.served[-1]
        if len(self.served) == QUEUE:
            time = max(time, self.served[0] + 1)
        self.accepted = time
        self.served = [*self.served, self._pay(max(time + 1, begin), size)][-QUEUE:]
        return time

    def _pay(self, cycle: int, owed: int) -> int:
        """Move a vector from ``cycle`` on; return the cycle that moves its last byte."""
        span = -(-owed // self.width)
        self._reach(cycle + span)
        part = self.left[cycle : cycle + span]
        if part.min() == self.width:
            part[:-1] = 0
            part[-1] = span * self.width - owed
            return cycle + span - 1
        while True:
            self._reach(cycle + 1)
            paid = min(owed, int(self.left[cycle]))
            self.left[cycle] -= paid
            owed -= paid
            if not owed:
                return cycle
            cycle += 1
