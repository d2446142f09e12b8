"""Chains of products on the `gemm` array: their order, and when results are out."""

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from typing import Any, NamedTuple

from gemmule.golden.systolic.beats import Tiling
from gemmule.golden.systolic.cycles import Clock, steady_cycles
from gemmule.hw.systolic.params import GemmParams

__all__ = ["MatMul", "Need", "Placed", "Plan", "Schedule", "Step"]


class MatMul(NamedTuple):
    """``[m, k] @ [k, n]``."""

    m: int
    k: int
    n: int

    @property
    def macs(self) -> int:
        """The number of multiply-accumulates."""
        return self.m * self.k * self.n


class Need(NamedTuple):
    """A step's results, read from ``k`` on, as the left operand or as the right one."""

    step: int
    k: int = 0
    right: bool = False


class Step(NamedTuple):
    """A product and the earlier steps whose results it reads."""

    product: MatMul
    needs: tuple[Need, ...] = ()


class Plan(list[Step]):
    """Steps in order of preference, each behind those that it needs.

    Examples
    --------
    >>> plan = Plan()
    >>> hidden = plan.add(MatMul(m=50, k=64, n=32))
    >>> plan.add(MatMul(m=50, k=32, n=8), Need(hidden))
    1
    >>> Schedule(16, 16).run(plan).cycles
    644
    """

    def add(self, product: MatMul, *needs: Need) -> int:
        """Add a step; return its number."""
        self.append(Step(product, needs))
        return len(self) - 1

    @property
    def macs(self) -> int:
        """The number of multiply-accumulates of all steps."""
        return sum(step.product.macs for step in self)


class Placed(NamedTuple):
    """How a step is put on the array, in which chain, and its last result's transfer."""

    tiling: Tiling
    chain: int
    last: int


@dataclass
class Schedule:
    """Chains of products on the `gemm` block of ``rows`` x ``cols`` cells, one after the other.

    The products of a chain follow each other in the array, which fills and drains once. One may
    join if every result that it needs has been transferred ``latency`` cycles, those of the unit
    between two layers, before it is read. If no product may, the chain ends, and the next one
    begins on an empty array. Of those that may join, the first in the order of the plan does.

    A product runs in either dataflow, as ``c = a b`` or, its operands swapped and its results
    requantized by row, as ``c^T = b^T a^T``: whichever leaves the array free the earliest.
    """

    rows: int
    cols: int
    latency: int = 0
    placed: dict[int, Placed] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._begun = self._chain = 0
        self._begin()

    @property
    def chains(self) -> int:
        """How often the array fills and drains."""
        return self._chain + 1

    @property
    def cycles(self) -> int:
        """The number of cycles of all chains, until the last result."""
        return self._begun + 1 + max(self._here.values())

    def fork(self) -> "Schedule":
        """Return a schedule that goes on from here by itself."""
        twin = copy(self)
        twin.placed, twin._here = dict(self.placed), dict(self._here)
        twin._clock = self._clock.fork()
        return twin

    def run(self, plan: Sequence[Step]) -> "Schedule":
        """Place the steps of ``plan`` that are not there yet."""
        left = [number for number in range(len(plan)) if number not in self.placed]
        while left:
            number = next((each for each in left if self._join(each, plan[each])), None)
            if number is None:
                self._begun = self.cycles + self.latency
                self._chain += 1
                self._begin()
            else:
                left.remove(number)
        return self

    def _begin(self) -> None:
        params = GemmParams(rows=self.rows, cols=self.cols, row_scales=True)
        self._clock = Clock(self.rows, params.result_latency)
        self._here: dict[int, int] = {}  # the last transfer of each of this chain's results

    def _join(self, number: int, step: Step) -> bool:
        """Let the step join the chain if it can; return whether it did."""
        if any(need.step not in self.placed for need in step.needs):
            return False
        needs = [need for need in step.needs if need.step in self._here]
        tried: list[tuple[Any, ...]] = []
        for tiling in _tilings(step.product, self.rows, self.cols):
            out = {need: self._here[need.step] + self.latency for need in needs}
            if all(cycle < _read(self._clock, tiling, need) for need, cycle in out.items()):
                clock = self._clock.fork()
                last = clock.command(tiling)
                tried.append((max(clock.a, clock.b), last, len(tried), clock, tiling))
        if tried:
            *_, last, _, self._clock, tiling = min(tried)
            self._here[number] = last
            self.placed[number] = Placed(tiling, self._chain, self._begun + last)
        return bool(tried)


@lru_cache(maxsize=4096)
def _tilings(each: MatMul, rows: int, cols: int) -> list[Tiling]:
    """List the ways to put a product on the array, without those that no chain makes up for."""
    found = list(_all_tilings(each, rows, cols))
    cheapest = min(map(steady_cycles, found))
    return [tiling for tiling in found if steady_cycles(tiling) <= cheapest + 2 * rows + cols]


def _all_tilings(each: MatMul, rows: int, cols: int) -> Iterator[Tiling]:
    params = GemmParams(rows=rows, cols=cols, row_scales=True)
    for swapped, output_stationary in product((False, True), repeat=2):
        m, n = (each.n, each.m) if swapped else (each.m, each.n)
        yield params.tiling(m, n, each.k, output_stationary=output_stationary, by_row=swapped)


def _read(clock: Clock, tiling: Tiling, need: Need) -> int:
    """Return the first cycle in which a product not yet issued could read from ``need.k`` on."""
    if tiling.output_stationary:
        return max(clock.a, clock.b) + need.k
    # From one tile's first beat to the next one's, while the first stretch of M runs.
    gaps = [max(tiling.stretches[0], depth) for depth in tiling.k_tiles[1:]]
    tile = need.k // tiling.rows
    if need.right == tiling.by_row:
        return clock.a + sum(gaps[:tile])
    # Weights are loaded while the tile before runs.
    load = max(clock.b, clock.begun + 1)
    return max(load, clock.a + 1 + sum(gaps[: tile - 1])) if tile else load
