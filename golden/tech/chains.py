"""How the rows of an array of DSP blocks fall into chains, and when each row works."""

from dataclasses import dataclass
from functools import cached_property

from .packing import Packing

__all__ = ["CELL_LATENCY", "ChainPlan"]

CELL_LATENCY = 3
"""Cycles through the registers of the operands, of the product and of the sum of a DSP block."""


@dataclass(frozen=True)
class ChainPlan:
    """The chains of a column, and the cycles between its parts.

    A chain is as deep as its packing allows; several are added behind their unpacking. All chains
    begin together, so that their sums meet: row ``r`` of the array takes ``a`` and ``swap``
    :meth:`late` cycles after their slot. The cascade of the weights runs through all rows, so
    ``shift`` is ``r`` cycles late instead. Row ``r`` takes its weight at least ``r`` slots before
    the last weight of the tile, which is before the ``swap``: so in every row ``swap`` comes after
    the last ``shift`` of its tile, and before the first of the next.

    ``collect`` is the cycles from a bottom cell's sum to the column's result where a drain is
    beside it; ``least`` is the latency of the column of generic cells that sums ``a`` itself.

    Examples
    --------
    >>> from gemmule.golden.common.formats import Format
    >>> from gemmule.golden.tech.packing import packing
    >>> pair = packing("dsp48e2", "n", Format.parse("s8"), Format.parse("s8"))
    >>> plan = ChainPlan(pair, rows=16, cols=16)
    >>> plan.spans, plan.late(9), plan.levels, plan.latency
    (((0, 8), (8, 16)), 1, 1, 4)
    """

    packing: Packing
    rows: int
    cols: int
    collect: int = 0
    least: int = CELL_LATENCY

    @cached_property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """First row and end of each chain, the deepest first, their depths at most 1 apart."""
        count = -(-self.rows // self.packing.depth)
        depths = [self.rows // count + (index < self.rows % count) for index in range(count)]
        ends = [sum(depths[: index + 1]) for index in range(count)]
        return tuple((end - depth, end) for end, depth in zip(ends, depths, strict=True))

    @property
    def depth(self) -> int:
        """Rows of the deepest chain."""
        return self.spans[0][1]

    @property
    def groups(self) -> int:
        """Columns of DSP blocks."""
        return -(-self.cols // self.packing.columns)

    @property
    def levels(self) -> int:
        """Levels of the tree that adds the chains."""
        return (len(self.spans) - 1).bit_length()

    @property
    def unpacks(self) -> bool:
        """Whether anything lies between a chain's sum and the column's."""
        return self.packing.fields > 1 or self.levels > 0

    def late(self, row: int) -> int:
        """Count the cycles from a slot to its ``a`` in front of row ``row`` of the first column."""
        start, end = next(span for span in self.spans if span[0] <= row < span[1])
        return row - start + self.depth - (end - start)

    @property
    def _straight(self) -> int:
        """Cycles from a slot to its sums where nothing waits."""
        unpacking = self.levels + 1 if self.unpacks else 0
        return self.depth - 1 + CELL_LATENCY + unpacking + self.collect + self.groups - 1

    @property
    def latency(self) -> int:
        """Cycles from a weight-stationary slot to its sums, less ``rows - 1``."""
        return max(self._straight - (self.rows - 1), self.least)

    @property
    def spare(self) -> int:
        """Cycles that every result waits, so that :attr:`latency` holds."""
        return self.latency + self.rows - 1 - self._straight
