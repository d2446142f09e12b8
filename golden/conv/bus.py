"""The external memory's time: which bytes move in which cycle, as in the simulator's memory."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bus", "Reading"]

WRITES = 4
"""Vectors to write that the memory holds."""


@dataclass
class Reading:
    """Requests of one load, a cycle each from ``begin`` on; ``arrivals`` of its vectors."""

    begin: int
    requests: int
    vectors: int
    size: int
    arrivals: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))


class Bus:
    """``width`` bytes a cycle: vectors to write first, then requests to read, oldest first.

    A vector is there ``latency`` cycles after its last byte was moved. Requests are told in any
    order, and served when someone asks; whatever was asked for earlier must be known by then.
    """

    def __init__(self, width: int = 16, latency: int = 32):
        self.width, self.latency = width, latency
        self.left = np.full(1 << 12, width, np.int64)
        self.waiting: list[tuple[int, int, int, int, Reading]] = []
        self.cursor = 0
        self.told = 0
        self.offered: dict[int, int] = {}
        self.served: list[int] = []
        self.accepted: list[int] = []
        self.bytes_read = self.bytes_written = 0

    def ask(self, channel: int, begin: int, requests: int, vectors: int, size: int) -> Reading:
        """Requests of ``vectors`` each, of ``size`` bytes a vector, one a cycle."""
        reading = Reading(begin, requests, vectors, size)
        self.bytes_read += requests * vectors * size
        self.told += 1
        heapq.heappush(self.waiting, (begin, channel, self.told, 0, reading))
        return reading

    def arrivals(self, reading: Reading) -> NDArray[np.int64]:
        """When each vector is taken from the memory."""
        while len(reading.arrivals) < reading.requests * reading.vectors:
            self._serve(*heapq.heappop(self.waiting))
        return reading.arrivals

    def _serve(self, asked: int, channel: int, number: int, done: int, reading: Reading) -> None:
        """As many of a reading's requests as no other one's come between."""
        rival = self.waiting[0] if self.waiting else (1 << 60, 0)
        free = rival[0] - asked + (channel < rival[1])
        count = min(reading.requests - done, max(1, free))
        times = asked + np.arange(count)
        services = self._move(times, reading.vectors, reading.size) + self.latency
        before = self.offered.get(channel, -1)
        services[0] = max(services[0], before + 1)
        steps = np.arange(len(services))
        arrivals = np.maximum.accumulate(services - steps) + steps
        self.offered[channel] = int(arrivals[-1])
        reading.arrivals = np.concatenate([reading.arrivals, arrivals])
        if done + count < reading.requests:
            heapq.heappush(self.waiting, (asked + count, channel, number, done + count, reading))

    def _move(self, asked: NDArray[np.int64], vectors: int, size: int) -> NDArray[np.int64]:
        """The cycles that move the last byte of each vector; requests begin a cycle later."""
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
        """Bytes that can be moved by the end of each cycle from ``start`` on, ``size`` at least."""
        span = -(-size // self.width) + 1
        while True:
            if start + span > len(self.left):
                more = max(len(self.left), start + span - len(self.left))
                self.left = np.concatenate([self.left, np.full(more, self.width, np.int64)])
            ends = np.cumsum(self.left[start : start + span])
            if ends[-1] >= size:
                return ends
            span *= 2

    def write(self, ready: Sequence[int], size: int) -> list[int]:
        """Vectors that are offered at these cycles: when each is accepted."""
        accepted = []
        for time in ready:
            number = len(self.served)
            if number:
                time = max(time, self.accepted[-1] + 1)
            if number >= WRITES:
                time = max(time, self.served[number - WRITES] + 1)
            cycle = max(time + 1, self.served[-1] if number else 0)
            owed = size
            while True:
                if cycle >= len(self.left):
                    self._until(cycle, self.width)
                paid = min(owed, int(self.left[cycle]))
                self.left[cycle] -= paid
                owed -= paid
                if not owed:
                    break
                cycle += 1
            self.accepted.append(time)
            self.served.append(cycle)
            accepted.append(time)
        self.bytes_written += size * len(accepted)
        return accepted
