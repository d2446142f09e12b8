"""The order of commands: each as early as it can begin, and none that waits for one behind it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gemmule.golden.common.codes import Code

from .maps import Run
from .program import Copy, Hardware, Load, Pass, Product

__all__ = ["BANKS", "Fill", "Kind", "ordered"]

BANKS = 2
"""Banks of an operand's buffer."""

_LATE = 100
"""Where passes stand among commands that can begin in the same slot: behind all but the loads of
banks that are free then, which nobody waits for yet."""


class Kind(Code):
    """What a command of a convolution is."""

    PRODUCT = 0, "multiply: what x and w pass to the array, of these sizes, by these settings"
    X_PASS = 1, "walk over the oldest bank of the streamed operand, and pass the beats on"
    W_PASS = 2, "walk over the oldest bank of the other operand, and pass the beats on"
    X_LOAD = 3, "ask memory for vectors of the streamed operand, into its newest bank"
    W_LOAD = 4, "ask memory for vectors of the other operand, into its newest bank"
    PLACES = 5, "write the rows of the next product, or vectors to copy, to these places"
    FENCE = 6, "wait until all that was to be written is handed to memory; ends each program"


@dataclass(frozen=True)
class Fill:
    """Requests of a load; after the last of a bank it ``closes``."""

    load: Load
    run: Run
    closes: bool

    @property
    def vectors(self) -> int:
        """Those that memory gives for a request."""
        return self.run.length // self.load.vectors.lanes


@dataclass(frozen=True)
class _Entry:
    """A command and when it can begin: the step's number, and the slot of K within it."""

    step: int
    slot: int
    rank: int
    kind: Kind
    content: Product | Copy | Pass | Fill | None


def ordered(
    steps: Sequence[Product | Copy], hardware: Hardware
) -> Iterator[tuple[Kind, Product | Copy | Pass | Fill | None]]:
    """The commands of a layer; the last one waits until all results are written.

    A bank is loaded when the one two before it is released: its loads stand behind all passes that
    begin by then.
    """
    entries: list[_Entry] = []
    fence = 0
    for number, step in enumerate(steps):
        if number and isinstance(step, Product) and isinstance(steps[number - 1], Copy):
            entries.append(_Entry(number, -2, 0, Kind.FENCE, None))
            fence = number
        if isinstance(step, Product):
            entries.append(_Entry(number, -1, 0, Kind.PRODUCT, step))
        entries.append(_Entry(number, -1, 1, Kind.PLACES, step))
    for side in ("x", "w"):
        entries += _side(steps, hardware, side, (fence, -1))
    entries.sort(key=lambda entry: (entry.step, entry.slot, entry.rank))
    for entry in entries:
        yield entry.kind, entry.content
    yield Kind.FENCE, None


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
