"""Commands that make one result, under way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from numpy.typing import NDArray

from gemmule.golden.common.errors import UsageError

from .errors import DriverError
from .operands import Operand

if TYPE_CHECKING:
    from .flight import Flight

__all__ = ["Job", "Owned", "given_back", "meet"]


class Owned(Protocol):
    """What holds memory that can be given back."""

    def free(self) -> None:
        """Give it back; twice does no harm."""


class Job:
    """What :meth:`~.accelerator.Accelerator.submit` returns. It holds its operands until the end.

    A job that nobody asks for its result is ended with the accelerator.

    Attributes
    ----------
    reads, writes : pieces of shared memory, each an offset and a length
    """

    def __init__(
        self,
        flight: Flight,
        commands: int,
        own: Sequence[Owned],
        target: Operand,
        reads: Sequence[tuple[int, int]],
        finish: Callable[[NDArray], NDArray] | None = None,
    ):
        self._flight = flight
        self._left = commands
        self._own = own
        self._target = target
        self._finish = finish
        self.reads = reads
        self.writes = target.span
        self._error: DriverError | None = None
        self._value: NDArray | None = None

    @property
    def over(self) -> bool:
        """Whether it is known to be over, rightly or not."""
        return not self._left

    @property
    def done(self) -> bool:
        """Whether it is over, rightly or not; what is complete by now is looked at first."""
        if self._left:
            self._flight.collect()
        return not self._left

    def result(self, timeout: float | None = None) -> NDArray:
        """Return the result, waiting for up to ``timeout`` seconds, the bus's where None.

        :class:`~.errors.CommandError` says what became of the first command that failed;
        :class:`~.errors.DriverTimeout` that time is over, and the job may be asked again.
        """
        if self._left:
            self._flight.wait(lambda: not self._left, timeout)
        if self._error is not None:
            raise self._error
        if self._value is None:
            self._value = self._made()
            self.release()
        return self._value

    def _made(self) -> NDArray:
        """Return the result, an array of its own unless it lies where the user wanted it."""
        array = self._target.array
        if self._finish is not None:
            return self._finish(array)
        return array.copy() if self._target.own else array

    def follows(self, other: Job) -> bool:
        """Return whether it reads what ``other`` writes, or writes what that one touches."""
        return any(meet(other.writes, each) for each in (*self.reads, self.writes)) or any(
            meet(self.writes, each) for each in other.reads
        )

    def end(self, error: DriverError | None) -> None:
        """Take note that a command of it is over."""
        self._error = self._error or error
        self._left -= 1
        if not self._left:
            self._target.for_host()
        if self._error is not None and not self._left:
            self.release()

    def release(self) -> None:
        """Give back the memory of operands that were copied."""
        for each in self._own:
            each.free()


@contextmanager
def given_back(own: list[Owned]) -> Iterator[None]:
    """Give back what was made, where a use is refused in the body."""
    try:
        yield
    except UsageError:
        for each in own:
            each.free()
        raise


def meet(first: tuple[int, int], second: tuple[int, int]) -> bool:
    """Return whether two pieces of memory, each an offset and a length, have a byte in common."""
    return first[0] < second[0] + second[1] and second[0] < first[0] + first[1]
