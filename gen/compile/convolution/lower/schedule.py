"""The order of commands: each as early as it can begin, and none that waits for one behind it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gemmule.golden.conv.commands import BANKS, Opcode

from .memory_layout import Burst
from .program import Copy, Load, Pass, Product
from .target import Hardware

__all__ = ["Content", "Fill", "scheduled"]

_LATE = 100
"""Rank of passes within a slot: last, but before loads into a bank that becomes free in that slot,
which nobody waits for yet. The number is larger than the rank of any command that comes first."""


@dataclass(frozen=True)
class Fill:
    """Requests of a load; after the last of a bank it ``closes``."""

    load: Load
    burst: Burst
    closes: bool

    @property
    def vectors(self) -> int:
        """The vectors that memory gives for a request."""
        return self.burst.length // self.load.vectors.lanes


Content = Product | Copy | Pass | Fill | None
"""What a command carries, by its opcode."""


@dataclass(frozen=True)
class _Entry:
    """A command and when it can begin: the step's number, and the slot of K within it."""

    step: int
    slot: int
    rank: int
    opcode: Opcode
    content: Content


def scheduled(
    steps: Sequence[Product | Copy], hardware: Hardware
) -> Iterator[tuple[Opcode, Content]]:
    """Yield the commands of a layer; the last one waits until all results are written.

    A bank is loaded when the one two before it is released: its loads stand behind all passes that
    begin by then.
    """
    entries: list[_Entry] = []
    fence = 0
    for number, step in enumerate(steps):
        if number and isinstance(step, Product) and isinstance(steps[number - 1], Copy):
            entries.append(_Entry(number, -2, 0, Opcode.FENCE, None))
            fence = number
        if isinstance(step, Product):
            entries.append(_Entry(number, -1, 0, Opcode.PRODUCT, step))
        entries.append(_Entry(number, -1, 1, Opcode.PLACES, step))
    for side in ("a", "b"):
        entries += _side(steps, hardware, side, (fence, -1))
    entries.sort(key=lambda entry: (entry.step, entry.slot, entry.rank))
    for entry in entries:
        yield entry.opcode, entry.content
    yield Opcode.FENCE, None


def _side(
    steps: Sequence[Product | Copy], hardware: Hardware, side: str, fence: tuple[int, int]
) -> Iterator[_Entry]:
    """Yield an operand's passes and its banks' fills, those of products behind the fence."""
    second = int(side == "a")
    passed, filled = Opcode[f"{side.upper()}_PASS"], Opcode[f"{side.upper()}_LOAD"]
    freed = [(0, -1), *[(0, 0)] * (BANKS - 1)]
    banks: list[tuple[int, Sequence[Load]]] = []
    for number, step in enumerate(steps):
        slot = 0
        passes = getattr(step, f"{side}_passes")
        for each in passes:
            yield _Entry(number, slot, _LATE + second, passed, each)
            slot += each.walk.length * _slots(step, hardware, side)
            if each.release:
                freed.append((number + 1, 0) if each is passes[-1] else (number, slot))
        banks += [(number, bank.loads) for bank in getattr(step, f"{side}_loads")]
    for place, ((number, loads), begin) in enumerate(zip(banks, freed, strict=False)):
        if isinstance(steps[number], Product):
            begin = max(begin, fence)
        fills = [(load, burst) for load in loads for burst in load.bursts(hardware)]
        for fill in fills:
            # Of both sides, what is asked for by fewer commands comes first.
            rank = (_LATE + 3 if place else 3) - second
            yield _Entry(*begin, rank, filled, Fill(*fill, fill is fills[-1]))


def _slots(step: Product | Copy, hardware: Hardware, side: str) -> int:
    """Return the slots of K that pass while one beat does, in units that both operands share."""
    if isinstance(step, Copy) or step.stationary_sums:
        return 1
    return hardware.rows if side == "a" else step.m
