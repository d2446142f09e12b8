"""How commands reach the hardware and completions come back: rings in memory, or registers."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from gemmule.golden.soc.commands import COMMAND, COMPLETION

from .buffers import Pool
from .page import Page

__all__ = ["DirectQueue", "Queue", "RingQueue"]


class Queue(Protocol):
    """A queue of commands; a completion is the fields of its record.

    Attributes
    ----------
    room
        Commands that can be put now, once what was completed is collected.
    """

    room: int

    def begin(self) -> None:
        """Set registers and memory up: the hardware was reset."""

    def put(self, commands: Sequence[bytes]) -> None:
        """Hand over as many commands as there is ``room`` for, or fewer."""

    def collect(self) -> Iterator[dict[str, int]]:
        """Yield what was completed since."""


class RingQueue:
    """Rings in shared memory: putting commands is one write of a register, collecting none."""

    def __init__(self, page: Page, pool: Pool, size: int):
        self._page = page
        self._size = size
        self._commands = pool.alloc((size, COMMAND.size), np.uint8)
        self._completions = pool.alloc((size, COMPLETION.size), np.uint8)
        self.begin_counts()

    def begin_counts(self) -> None:
        """Count from 0 on."""
        self._tail = self._head = 0
        self.room = self._size

    def begin(self) -> None:
        """Tell where the rings are; no completion of earlier days may look like a new one."""
        self.begin_counts()
        self._completions.array[:] = 0
        self._completions.for_device()
        page = self._page
        page.write_address("RING_BASE", self._commands.address)
        page.write_address("COMPLETION_BASE", self._completions.address, enable=1)
        page.write("RING_SIZE", log2=self._size.bit_length() - 1)

    def put(self, commands: Sequence[bytes]) -> None:
        """Write commands into the ring, then ring the doorbell once."""
        for each in commands:
            place = self._tail % self._size
            self._commands.array[place] = np.frombuffer(each, np.uint8)
            self._commands.for_device(place * COMMAND.size, COMMAND.size)
            self._tail = self._tail + 1 & 0xFFFF_FFFF
        self.room -= len(commands)
        self._page.write("TAIL", commands=self._tail)

    def collect(self) -> Iterator[dict[str, int]]:
        """Yield new completions: each tells by its index that it is new."""
        while True:
            # The index is written last: what is read after it was new belongs to it.
            if self._record()["index"] != self._head + 1 & 0xFFFF_FFFF:
                return
            record = self._record()
            self._head = record["index"]
            self.room += 1
            yield record

    def _record(self) -> dict[str, int]:
        """Return the next completion as it is in memory now."""
        place = self._head % self._size
        self._completions.for_host(place * COMPLETION.size, COMPLETION.size)
        return COMPLETION.decode(self._completions.array[place].tobytes())


class DirectQueue:
    """The command port among the registers, one command at a time."""

    def __init__(self, page: Page):
        self._page = page
        self.room = 1
        self._count = 0

    def begin(self) -> None:
        """Begin with no command."""
        self.room, self._count = 1, 0

    def put(self, commands: Sequence[bytes]) -> None:
        """Write a command and push it."""
        (command,) = commands
        for index, word in enumerate(np.frombuffer(command, "<u4").tolist()):
            self._page.write(f"COMMAND_{index}", bytes=word)
        self._page.write("PUSH", push=1)
        self.room = 0

    def collect(self) -> Iterator[dict[str, int]]:
        """Yield the completion of the command, if it is there."""
        if self.room or self._page.word("COMPLETED") == self._count:
            return
        self._count += 1
        self.room = 1
        last = self._page.read("LAST")
        address = self._page.address("ERROR_ADDR") if last["cause"] else 0
        yield {**last, "index": self._count, "address": address}
