"""The accelerator: NumPy arrays in and out."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import check_array
from gemmule.golden.soc.commands import COLUMN, COMMAND, SETTINGS, Cause, Flags
from gemmule.golden.systolic.gemm import check_shapes

from .buffers import Buffer, Pool
from .buses.bus import Bus
from .errors import CommandError, DeviceError, DriverError, DriverTimeout
from .identity import identify
from .job import Job
from .operands import Operand, placed, shared
from .page import Page
from .product import LARGEST_SIDE, Weights, commands_of, overlap
from .queue import DirectQueue, Queue, RingQueue
from .registers import REGISTERS
from .settings import Settings

__all__ = ["Accelerator", "Weights"]

MOST_COMMANDS = 1 << 15
"""In a ring: half of the numbers that a sequence has."""

POLL = 2e-6, 1e-3
"""Seconds between two looks at memory without an interrupt, first and at most: they double."""


class Accelerator:
    """A Gemmule accelerator behind a bus.

    It is reset at the beginning, and takes commands that read and write the bus's memory alone,
    whatever they say. Nothing waits for ever: whatever does not happen in ``bus.timeout`` seconds,
    or those that a call names, is a :class:`~.errors.DriverTimeout`.

    Parameters
    ----------
    bus
    config_hash
        The configuration that is expected; None takes any.
    ring
        Commands that can wait in memory, a power of two; 0 writes them to registers, one at a
        time, as hardware without a ring must be asked.
    interrupts
        Whether to wait for interrupts, or to look at memory now and then. Without them a job costs
        one access to a register: the doorbell.
    halt_on_error
        Whether commands behind one that failed wait for :meth:`resume`.
    watchdog
        Cycles without progress after which the hardware resets itself; 0 is never.
    coherent
        Whether the port to memory takes part in the coherence of the processor's caches.

    Attributes
    ----------
    hardware : what commands may ask for
    config : all of the hardware's parameters, by name
    page : the registers

    Examples
    --------
    >>> from gemmule.gen.driver.buses.golden import GoldenBus
    >>> acc = Accelerator(GoldenBus())
    >>> acc.gemm(np.array([[1, 2]]), np.array([[3], [4]]), multiplier=[1], shift=[1])
    array([[6]], dtype=int8)
    >>> with acc.weights(np.eye(3, dtype=int)) as b:
    ...     jobs = [acc.submit(np.full((2, 3), n), b) for n in range(2)]
    ...     [int(job.result().sum()) for job in jobs]
    [0, 6]
    """

    def __init__(
        self,
        bus: Bus,
        *,
        config_hash: int | None = None,
        ring: int | None = None,
        interrupts: bool = True,
        halt_on_error: bool = False,
        watchdog: int = 0,
        coherent: bool = False,
    ):
        self.bus = bus
        self.page = Page(bus)
        self.hardware, self.config = identify(self.page, config_hash)
        self._interrupts = interrupts
        self._pool = Pool(bus)
        self._queue = self._make_queue(64 if ring is None and self.hardware.ring else ring or 0)
        self._control = {"enable": 1, "halt_on_error": int(halt_on_error)}
        self._watchdog = watchdog
        self._cache = 15 if coherent else 3
        self._sequence = 0
        self._pending: dict[int, tuple[dict[str, int], Job]] = {}
        self.reset()

    def __enter__(self) -> "Accelerator":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        # What went wrong inside counts, not that the hardware cannot be closed after it.
        with suppress(Exception) if kind else nullcontext():
            self.close()

    # Memory

    def alloc(self, shape: int | Sequence[int], dtype: DTypeLike) -> Buffer:
        """Return a buffer in shared memory: operands and results that lie in one are not copied."""
        return self._pool.alloc(shape, dtype)

    def weights(self, b: ArrayLike | Buffer, **scale: Any) -> Weights:
        """Prepare the right operand of products, and how their sums are scaled.

        ``scale`` is what :func:`golden.systolic.gemm.gemm` takes beside formats and widths:
        ``a_zero_point``, ``b_zero_point``, ``bias``, ``multiplier``, ``shift``, ``zero_point``,
        ``rounding``, ``c_format``, ``clamp``.
        """
        given = _array(b)
        fmt = self.hardware.b_format
        numbers = check_array("b", given, fmt)
        if given.ndim not in (2, 3) or 0 in given.shape or max(given.shape) > LARGEST_SIDE:
            raise UsageError(
                f"b must have shape [K, N] or [batch, K, N], each in 1..{LARGEST_SIDE}, not"
                f" {list(given.shape)}"
            )
        settings = Settings.make(self.hardware, numbers, **scale)
        made = Weights(placed(self._pool, given, fmt.dtype), settings)
        try:
            for octets in settings.records or ():
                # The hardware checks that there is room for a record of each column.
                room = SETTINGS.size + COLUMN.size * numbers.shape[-1]
                buffer = self._pool.alloc(room, np.uint8)
                made.records.append(buffer)
                buffer.array[: len(octets)] = np.frombuffer(octets, np.uint8)
                buffer.for_device()
        except UsageError:
            made.free()
            raise
        return made

    # Products

    def gemm(
        self,
        a: ArrayLike | Buffer,
        b: ArrayLike | Buffer | Weights,
        *,
        out: NDArray | Buffer | None = None,
        timeout: float | None = None,
        **scale: Any,
    ) -> NDArray:
        """Return ``requantize((a - a_zero_point) @ (b - b_zero_point))``, as golden's ``gemm``.

        Parameters
        ----------
        a : ``[M, K]`` or ``[batch, M, K]``
        b : ``[K, N]`` or ``[batch, K, N]``, or of :meth:`weights`, which has its ``scale``
        out : in shared memory, where the result goes; without it the result is an array of its own
        timeout : seconds
        scale : as of :meth:`weights`
        """
        return self.submit(a, b, out=out, **scale).result(timeout)

    def submit(
        self,
        a: ArrayLike | Buffer,
        b: ArrayLike | Buffer | Weights,
        *,
        out: NDArray | Buffer | None = None,
        wait: int = 0,
        wait_value: int = 0,
        signal: int = 0,
        **scale: Any,
    ) -> Job:
        """Hand a product over, and return while it runs; all else is as of :meth:`gemm`.

        ``a``, ``b`` and ``out`` must not be changed before its result is there. A job that reads
        what an earlier one writes waits for it by itself. Its commands begin
        when the dependency counter ``wait`` is at least ``wait_value``, modulo 2**16; each adds 1
        to the counter ``signal``.
        """
        weights = b if isinstance(b, Weights) else self.weights(b, **scale)
        if weights is b and scale:
            raise UsageError(f"{sorted(scale)[0]}: weights have their scale already")
        own: list[Operand | Weights] = [] if weights is b else [weights]
        try:
            job, commands = self._plan(a, weights, out, own)
        except UsageError:
            for each in own:
                each.free()
            raise
        order = {"wait": wait, "wait_value": wait_value, "signal": signal}
        self._put([{**each, **order} for each in commands], job)
        return job

    def _plan(
        self,
        a: ArrayLike | Buffer,
        weights: Weights,
        out: NDArray | Buffer | None,
        own: list[Operand | Weights],
    ) -> tuple[Job, list[dict[str, int]]]:
        """Return a job and its commands; what is to be given back at its end joins ``own``."""
        given = _array(a)
        hardware, right = self.hardware, weights.b.array
        check_shapes(
            given.shape, right.shape, hardware.a_format, hardware.b_format, hardware.acc_width
        )
        check_array("a", given, hardware.a_format)
        shape = np.broadcast_shapes(given.shape[:-2], right.shape[:-2])
        shape += given.shape[-2], right.shape[-1]
        c = self._target(out, shape, weights.settings)
        own.append(c)
        left = placed(self._pool, given, hardware.a_format.dtype)
        own.append(left)
        commands = commands_of(left, weights, c)

        def result() -> NDArray:
            c.for_host()
            return c.array.copy() if c.own else c.array

        reads = [left.span, weights.b.span]
        job = Job(self, len(commands), own, result, reads, c.span)
        if overlap(c, left) or overlap(c, weights.b):
            raise UsageError("out must have no byte in common with a or b")
        if any(job.follows(each) for each in self._jobs()):
            commands[0]["flags"] |= Flags.FENCE
        return job, commands

    def _jobs(self) -> list[Job]:
        """Return the jobs that are under way."""
        return list({id(job): job for _command, job in self._pending.values()}.values())

    def _target(
        self, out: NDArray | Buffer | None, shape: tuple[int, ...], settings: Settings
    ) -> Operand:
        dtype = settings.format.dtype
        if out is None:
            buffer = self._pool.alloc(shape, dtype)
            target: Operand | None = Operand(buffer.array, buffer.address, self._pool, [buffer])
        else:
            array = _array(out)
            target = shared(self._pool, array, dtype) if array.shape == shape else None
            if target is None:
                raise UsageError(
                    f"out must be an array of {list(shape)} {dtype} in shared memory with whole"
                    f" rows, not of {list(array.shape)} {array.dtype}"
                )
        assert target is not None
        target.for_device()  # no line of a cache may fall on what the hardware will have written
        return target

    def _put(self, commands: list[dict[str, int]], job: Job) -> None:
        """Give commands their numbers and hand them over, all at once where there is room."""
        commands[-1]["flags"] |= Flags.INTERRUPT
        while commands:
            self.wait(lambda: self._queue.room > 0, None)
            now = [commands.pop(0) for _ in range(min(self._queue.room, len(commands)))]
            for each in now:
                each["sequence"] = self._sequence
                self._pending[self._sequence] = each, job
                self._sequence = self._sequence + 1 & 0xFFFF
            if commands:
                now[-1]["flags"] |= Flags.INTERRUPT
            self._queue.put([COMMAND.encode(each) for each in now])

    # Completions

    def collect(self) -> bool:
        """Take note of what is complete; return whether anything was."""
        some = failed = False
        for each in self._queue.collect():
            some = True
            command, job = self._pending.pop(each["sequence"])
            cause = Cause.of(each["cause"])
            error = None if cause is Cause.NONE else CommandError(cause, command, each["address"])
            failed |= error is not None
            job.end(error)
        if failed:
            self.page.write("IRQ_STATUS", error=1)
        return some

    def wait(self, done: Callable[[], bool], timeout: float | None) -> None:
        """Wait until ``done``, for up to ``timeout`` seconds; :class:`~.errors.DriverTimeout`."""
        deadline = self.bus.now() + (self.bus.timeout if timeout is None else timeout)
        step = POLL[0]
        self.collect()
        while not done():
            left = deadline - self.bus.now()
            if left <= 0:
                self._look()
                raise DriverTimeout(self._standstill())
            self.bus.wait(left if self._interrupts else min(left, step), self._interrupts)
            if self._interrupts:
                self.page.write("IRQ_STATUS", complete=1)
            step = min(2 * step, POLL[1])
            if not self.collect() and self._interrupts:
                self._look()

    def _look(self) -> None:
        """Raise what the hardware says of itself, and of no command."""
        if not self.page.read("IRQ_STATUS")["error"]:
            return
        error = self.page.read("ERROR")
        address = self.page.address("ERROR_ADDR")
        self.page.write("IRQ_STATUS", error=1)
        if self.collect():  # it was a command's, and its completion came only now
            return
        cause = Cause.of(error["cause"])
        failure = DeviceError(cause, error["unit"], error["sequence"], address)
        self._abandon(failure)
        raise failure

    def _standstill(self) -> str:
        status = self.page.read("STATUS")
        state = ", ".join(f"{name} {value}" for name, value in status.items())
        return (
            f"not done in time: {len(self._pending)} commands are under way, the hardware completed"
            f" {self.page.word('COMPLETED')} since its reset; STATUS: {state}; reset() begins anew"
        )

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
        self._abandon(DriverError("the accelerator was reset while this ran"))
        page.write("IRQ_STATUS", complete=1, error=1, access=1, overflow=1)
        page.write("IRQ_COALESCE", count=0, time=0)
        page.write("BUS", read_cache=self._cache, write_cache=self._cache)
        page.write("WATCHDOG", cycles=self._watchdog)
        page.write_address("WINDOW_0_BASE", self.bus.base)
        page.write_address("WINDOW_0_LIMIT", self.bus.base + self.bus.memory.size - 1)
        page.write("WINDOW_CTRL", read=1, write=1, everything=0)
        self._queue.begin()
        page.write("IRQ_ENABLE", complete=int(self._interrupts), error=int(self._interrupts))
        page.write("CTRL", **self._control)

    def resume(self) -> None:
        """Go on behind a command that failed, where the accelerator halts on errors."""
        self.page.write("CTRL", **self._control, resume=1)

    def counters(self) -> dict[str, int]:
        """Return the hardware's counters, all of one moment."""
        self.page.write("COUNTER_CTRL", latch=1)
        names = [
            name[8:-3] for name in REGISTERS if name.startswith("COUNTER_") and name[-3:] == "_LO"
        ]
        return {
            name.lower(): self.page.word(f"COUNTER_{name}_LO")
            | self.page.word(f"COUNTER_{name}_HI") << 32
            for name in names
        }

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
        return RingQueue(self.page, self._pool, size)

    def _abandon(self, error: DriverError) -> None:
        pending, self._pending = self._pending, {}
        for _command, job in pending.values():
            job.end(error)


def _array(given: Any) -> NDArray:
    return given.array if isinstance(given, Buffer) else np.asarray(given)
