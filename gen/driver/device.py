"""The hardware behind a bus: registers, memory, a queue, and jobs that order themselves."""

from collections.abc import Callable, Mapping, Sequence

from numpy.typing import DTypeLike, NDArray

from gemmule.golden.common.errors import UsageError
from gemmule.golden.soc.commands import Flags

from .buffers import Buffer, Pool
from .buses.bus import Bus
from .errors import DriverError, DriverTimeout
from .flight import POLL, Flight
from .identity import identify
from .job import Job, Owned, meet
from .operands import Operand, span_of
from .page import Page
from .queue import DirectQueue, Queue, RingQueue

__all__ = ["Device"]

MOST_COMMANDS = 1 << 15
"""In a ring: half of the numbers that a sequence has."""


class Device:
    """Whatever an accelerator does, without what it computes; parameters are the accelerator's.

    Attributes
    ----------
    bus
    hardware : what commands may ask for
    config : all of the hardware's parameters, by name
    page : the registers
    pool : the shared memory
    queue : how commands get to the hardware
    flight : the commands under way
    """

    def __init__(
        self,
        bus: Bus,
        *,
        config_hash: int | None,
        ring: int | None,
        interrupts: bool,
        halt_on_error: bool,
        watchdog: int,
        coherent: bool,
    ):
        self.bus = bus
        self.page = Page(bus)
        self.hardware, self.config = identify(self.page, config_hash)
        self.pool = Pool(bus)
        self.queue = self._make_queue(64 if ring is None and self.hardware.ring else ring or 0)
        self.flight = Flight(self.page, self.queue, bus, interrupts=interrupts)
        self._interrupts = interrupts
        self._control = {"enable": 1, "halt_on_error": int(halt_on_error)}
        self._watchdog = watchdog
        self._cache = 15 if coherent else 3
        self.reset()

    def alloc(self, shape: int | Sequence[int], dtype: DTypeLike) -> Buffer:
        """Return a buffer in shared memory: operands and results that lie in one are not copied."""
        return self.pool.alloc(shape, dtype)

    def settle(self, array: NDArray) -> None:
        """Wait for the jobs that write where an array lies, if any do: it is about to be read."""
        span = span_of(self.pool, array)
        if span is not None:
            writers = [job for job in self.flight.jobs if meet(job.writes, span)]
            self.flight.wait(lambda: all(job.over for job in writers), None)

    def launch(
        self,
        commands: list[dict[str, int]],
        own: Sequence[Owned],
        target: Operand,
        reads: Sequence[Operand],
        order: Mapping[str, int],
        finish: Callable[[NDArray], NDArray] | None = None,
    ) -> Job:
        """Hand commands over as a job, behind those whose results it needs.

        ``own`` is given back at its end, and ``order`` counts for each of its commands. ``finish``
        makes the result, an array of its own, of what is in the target.
        """
        spans = [each.span for each in reads]
        job = Job(self.flight, len(commands), own, target, spans, finish)
        if any(job.follows(each) for each in self.flight.jobs):
            commands[0]["flags"] |= Flags.FENCE
        self.flight.put([{**each, **order} for each in commands], job)
        return job

    # Control

    def reset(self, timeout: float | None = None) -> None:
        """Stop whatever runs, and begin anew; jobs under way end with an error.

        Their results may be written in part, but never later than this returns.
        """
        page = self.page
        page.write("CTRL", reset=1)
        deadline = self.bus.now() + (self.bus.timeout if timeout is None else timeout)
        while not page.read("STATUS")["reset_done"]:
            if self.bus.now() > deadline:
                raise DriverTimeout("the hardware's reset did not end in time")
            self.bus.wait(POLL[0], interrupt=False)
        self.flight.abandon(DriverError("the accelerator was reset while this ran"))
        page.write("IRQ_STATUS", complete=1, error=1, access=1, overflow=1)
        page.write("IRQ_COALESCE", count=0, time=0)
        page.write("BUS", read_cache=self._cache, write_cache=self._cache)
        page.write("WATCHDOG", cycles=self._watchdog)
        page.write_address("WINDOW_0_BASE", self.bus.base)
        page.write_address("WINDOW_0_LIMIT", self.bus.base + self.bus.memory.size - 1)
        page.write("WINDOW_CTRL", read=1, write=1, everything=0)
        self.queue.begin()
        page.write("IRQ_ENABLE", complete=int(self._interrupts), error=int(self._interrupts))
        page.write("CTRL", **self._control)

    def resume(self) -> None:
        """Go on behind a command that failed, where the accelerator halts on errors."""
        self.page.write("CTRL", **self._control, resume=1)

    def counters(self) -> dict[str, int]:
        """Return the hardware's counters, all of one moment."""
        return self.page.counters()

    def close(self) -> None:
        """Reset the hardware, and let go of the bus."""
        try:
            self.reset()
            self.page.write("CTRL", enable=0)
        finally:
            self.bus.close()

    def _make_queue(self, size: int) -> Queue:
        if not size:
            return DirectQueue(self.page)
        if size & (size - 1) or not 1 < size <= MOST_COMMANDS:
            raise UsageError(f"ring must be 0 or a power of two up to {MOST_COMMANDS}, not {size}")
        if not self.hardware.ring:
            raise UsageError("ring: this hardware has none; give 0")
        return RingQueue(self.page, self.pool, size)
