"""When completed commands must raise the interrupt: the rule of IRQ_COALESCE, without time."""

from collections.abc import Mapping

from gemmule.golden.soc.commands import Flags

__all__ = ["Coalescing"]


class Coalescing:
    """Counts completions that were not told of, in the order in which they were written.

    A new ``count`` and ``time`` hold from the next time on that all is told of, at once where both
    are 0.
    """

    def __init__(self):
        self.count = self.time = 0
        self._next = 0, 0
        self.untold = 0
        self.told = False
        """Whether IRQ_STATUS.complete must be set, since `clear`."""

    def set(self, count: int, time: int) -> None:
        """Take new values of IRQ_COALESCE."""
        self._next = count, time
        self._begin()

    def _begin(self) -> None:
        if not self.untold:
            self.count, self.time = self._next

    def complete(self, command: Mapping[str, int]) -> None:
        """Take note of a completion."""
        self.untold += 1
        if command["flags"] & Flags.INTERRUPT or (self.count and self.untold >= self.count):
            self.tell()
        elif not self.count and not self.time:
            self.untold = 0
            self._begin()

    def tell(self) -> None:
        """Take note that all is told of."""
        self.untold = 0
        self.told = True
        self._begin()

    def reset(self) -> None:
        """Take note of a reset of the machine: nothing waits."""
        self.untold = 0
        self._begin()
