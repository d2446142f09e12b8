"""Commands under way: their numbers, their completions, and what the hardware says of itself."""

from collections.abc import Callable

from gemmule.golden.soc.commands import COMMAND, Cause, Flags

from .buses.bus import Bus
from .errors import CommandError, DeviceError, DriverError, DriverTimeout
from .job import Job
from .page import Page
from .queue import Queue

__all__ = ["POLL", "Flight"]

POLL = 2e-6, 1e-3
"""Seconds between two looks at memory without an interrupt, first and at most: they double."""


class Flight:
    """The commands that were handed over and are not complete.

    Parameters
    ----------
    page, queue, bus
    interrupts
        Whether to wait for interrupts, or to look at memory now and then.

    Attributes
    ----------
    pending : each command with its job, by its number
    """

    def __init__(self, page: Page, queue: Queue, bus: Bus, *, interrupts: bool):
        self._page = page
        self._queue = queue
        self._bus = bus
        self._interrupts = interrupts
        self._sequence = 0
        self.pending: dict[int, tuple[dict[str, int], Job]] = {}

    @property
    def jobs(self) -> list[Job]:
        """The jobs that are under way."""
        return list({id(job): job for _command, job in self.pending.values()}.values())

    def put(self, commands: list[dict[str, int]], job: Job) -> None:
        """Give commands their numbers and hand them over, all at once where there is room."""
        commands[-1]["flags"] |= Flags.INTERRUPT
        while commands:
            self.wait(lambda: self._queue.room > 0, None)
            now = [commands.pop(0) for _ in range(min(self._queue.room, len(commands)))]
            for each in now:
                each["sequence"] = self._sequence
                self.pending[self._sequence] = each, job
                self._sequence = self._sequence + 1 & 0xFFFF
            if commands:
                now[-1]["flags"] |= Flags.INTERRUPT
            self._queue.put([COMMAND.encode(each) for each in now])

    def collect(self) -> bool:
        """Take note of what is complete; return whether anything was."""
        some = failed = False
        for each in self._queue.collect():
            some = True
            command, job = self.pending.pop(each["sequence"])
            cause = Cause.of(each["cause"])
            error = None if cause is Cause.NONE else CommandError(cause, command, each["address"])
            failed |= error is not None
            job.end(error)
        if failed:
            self._page.write("IRQ_STATUS", error=1)
        return some

    def wait(self, done: Callable[[], bool], timeout: float | None) -> None:
        """Wait until ``done``, for up to ``timeout`` seconds; :class:`~.errors.DriverTimeout`."""
        deadline = self._bus.now() + (self._bus.timeout if timeout is None else timeout)
        step = POLL[0]
        self.collect()
        while not done():
            left = deadline - self._bus.now()
            if left <= 0:
                self._look()
                raise DriverTimeout(self._standstill())
            self._bus.wait(left if self._interrupts else min(left, step), self._interrupts)
            if self._interrupts:
                self._page.write("IRQ_STATUS", complete=1)
            step = min(2 * step, POLL[1])
            if not self.collect() and self._interrupts:
                self._look()

    def abandon(self, error: DriverError) -> None:
        """End all jobs with an error."""
        pending, self.pending = self.pending, {}
        for _command, job in pending.values():
            job.end(error)

    def _look(self) -> None:
        """Raise what the hardware says of itself, and of no command."""
        if not self._page.read("IRQ_STATUS")["error"]:
            return
        error = self._page.read("ERROR")
        address = self._page.address("ERROR_ADDR")
        self._page.write("IRQ_STATUS", error=1)
        if self.collect():  # it was a command's, and its completion came only now
            return
        cause = Cause.of(error["cause"])
        failure = DeviceError(cause, error["unit"], error["sequence"], address)
        self.abandon(failure)
        raise failure

    def _standstill(self) -> str:
        status = self._page.read("STATUS")
        state = ", ".join(f"{name} {value}" for name, value in status.items())
        return (
            f"not done in time: {len(self.pending)} commands are under way, the hardware completed"
            f" {self._page.word('COMPLETED')} since its reset; STATUS: {state}; reset() begins anew"
        )
