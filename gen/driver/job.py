"""A product under way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from numpy.typing import NDArray

from .errors import DriverError
from .operands import Operand

if TYPE_CHECKING:
    from .accelerator import Accelerator
    from .product import Weights

__all__ = ["Job"]


class Job:
    """What :meth:`~.accelerator.Accelerator.submit` returns. It holds its operands until the end.

    A job that nobody asks for its result is ended with the accelerator.
    """

    def __init__(
        self,
        accelerator: Accelerator,
        commands: int,
        operands: Sequence[Operand | Weights],
        result: Callable[[], NDArray],
        reads: Sequence[tuple[int, int]],
        writes: tuple[int, int],
    ):
        self._accelerator = accelerator
        self._left = commands
        self._operands = operands
        self._result = result
        self._reads = reads
        self._writes = writes
        self._error: DriverError | None = None
        self._value: NDArray | None = None

    @property
    def done(self) -> bool:
        """Whether it is over, rightly or not; what is complete by now is looked at first."""
        if self._left:
            self._accelerator.collect()
        return not self._left

    def result(self, timeout: float | None = None) -> NDArray:
        """Return the product, waiting for up to ``timeout`` seconds, the bus's where None.

        :class:`~.errors.CommandError` says what became of the first command that failed;
        :class:`~.errors.DriverTimeout` that time is over, and the job may be asked again.
        """
        if self._left:
            self._accelerator.wait(lambda: not self._left, timeout)
        if self._error is not None:
            raise self._error
        if self._value is None:
            self._value = self._result()
            self.release()
        return self._value

    def follows(self, other: Job) -> bool:
        """Return whether it reads what ``other`` writes, or writes what that one touches."""
        return any(_meet(other._writes, each) for each in (*self._reads, self._writes)) or any(
            _meet(self._writes, each) for each in other._reads
        )

    def end(self, error: DriverError | None) -> None:
        """Take note that a command of it is over."""
        self._error = self._error or error
        self._left -= 1
        if self._error is not None and not self._left:
            self.release()

    def release(self) -> None:
        """Give back the memory of operands that were copied."""
        for each in self._operands:
            each.free()


def _meet(first: tuple[int, int], second: tuple[int, int]) -> bool:
    """Return whether two pieces of memory, each an offset and a length, have a byte in common."""
    return first[0] < second[0] + second[1] and second[0] < first[0] + first[1]
