"""The order of commands: each as early as it can begin, and none that waits for one behind it."""

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .maps import Run
from .program import Copy, Hardware, Load, Pass, Product

__all__ = ["BANKS", "Fill", "Kind", "ordered"]

BANKS = 2
"""Banks of an operand's buffer."""

_LATE = 100
"""Where passes stand among commands that can begin in the same slot: behind all but the loads of
banks that are free then, which nobody waits for yet."""


class Kind(enum.Enum):
    """To whom a command goes; a fence stops those behind it until all results are written."""

    PRODUCT = 0
    X_PASS = 1
    W_PASS = 2
    X_LOAD = 3
    W_LOAD = 4
    PLACES = 5
    FENCE = 6


@dataclass(frozen=True)
class Fill:
    """Requests of a load; after the last of a bank it ``closes``."""

    load: Load
    run: Run
    closes: bool

    @property
    def vectors(self) -> int:
        """Those that arrive in the bank."""
        lanes = self.load.vectors.lanes
        return self.run.requests * (lanes if self.load.turned else self.run.length // lanes)


@dataclass(frozen=True)
class _Entry:
    """A command and when it can begin: the step's number, and the slot of K within it."""

    step: int
    slot: int
    rank: int
    kind: Kind
    content: Product | Copy | Pass | Fill | bool


def ordered(
    steps: Sequence[Product | Copy], hardware: Hardware
) -> Iterator[tuple[Kind, Product | Copy | Pass | Fill | bool]]:
    """The commands of a layer; the last one reports the counters when all results are written.

    A bank is loaded when the one two before it is released: its loads stand behind all passes that
    begin by then.
    """
    entries: list[_Entry] = []
    fence = 0
    for number, step in enumerate(steps):
        if number and isinstance(step, Product) and isinstance(steps[number - 1], Copy):
            entries.append(_Entry(number, -2, 0, Kind.FENCE, False))
            fence = number
        if isinstance(step, Product):
            entries.append(_Entry(number, -1, 0, Kind.PRODUCT, step))
        entries.append(_Entry(number, -1, 1, Kind.PLACES, step))
    for side in ("x", "w"):
        entries += _side(steps, hardware, side, (fence, -1))
    entries.sort(key=lambda entry: (entry.step, entry.slot, entry.rank))
    for entry in entries:
        yield entry.kind, entry.content
    yield Kind.FENCE, True


def _side(
    steps: Sequence[Product | Copy], hardware: Hardware, side: str, fence: tuple[int, int]
) -> Iterator[_Entry]:
    """The passes of an operand and the fills of its banks, those of products behind the fence."""
    name, second = ("a", 1) if side == "x" else ("b", 0)
    passed, filled = Kind[f"{side.upper()}_PASS"], Kind[f"{side.upper()}_LOAD"]
    freed = [(0, -1), *[(0, 0)] * (BANKS - 1)]
    banks: list[tuple[int, Sequence[Load]]] = []
    for number, step in enumerate(steps):
        slot = 0
        passes = getattr(step, f"{name}_passes")
        for each in passes:
            yield _Entry(number, slot, _LATE + second, passed, each)
            slot += each.walk.length * _slots(step, hardware, side)
            if each.release:
                freed.append((number + 1, 0) if each is passes[-1] else (number, slot))
        banks += [(number, bank.loads) for bank in getattr(step, f"{name}_loads")]
    for place, ((number, loads), begin) in enumerate(zip(banks, freed, strict=False)):
        if isinstance(steps[number], Product):
            begin = max(begin, fence)
        fills = [(load, run) for load in loads for run in load.runs(hardware)]
        for fill in fills:
            # Of both sides, what is asked for by fewer commands comes first.
            rank = (_LATE + 3 if place else 3) - second
            yield _Entry(*begin, rank, filled, Fill(*fill, fill is fills[-1]))


def _slots(step: Product | Copy, hardware: Hardware, side: str) -> int:
    """Slots of K that pass while one beat of an operand does, in units that both share."""
    if isinstance(step, Copy) or step.stationary_sums:
        return 1
    return hardware.rows if side == "x" else step.m
