"""How many cycles the `gemm` block takes: the timing of its sequencer, tile by tile."""

from collections.abc import Sequence
from copy import copy
from itertools import product

from .beats import Tiling
from .limits import COMMANDS, SCALE_BANKS, TILE_GAP

__all__ = ["ArrayClock", "Clock", "cycles", "steady_cycles"]

FIRST = 4
"""The cycle, from the transfer of a command, in which its first beat can be issued."""


def steady_cycles(tiling: Tiling) -> int:
    """Count the cycles of the tiles alone, without filling and draining the array.

    Examples
    --------
    >>> tiling = Tiling(m=20, n=16, k=32, rows=16, cols=16, acc_depth=512, output_stationary=False)
    >>> steady_cycles(tiling)
    40
    >>> from dataclasses import replace
    >>> bubble_free = replace(tiling, output_stationary=True)
    >>> steady_cycles(bubble_free), steady_cycles(replace(bubble_free, cascade=True))
    (64, 94)
    """
    if tiling.output_stationary:
        drained = tiling.k + tiling.rows - 1
        tile = drained if tiling.cascade else max(tiling.k, tiling.rows)
        return tiling.n_tiles * len(tiling.stretches) * tile
    return tiling.n_tiles * sum(
        max(rows, depth, TILE_GAP) for rows, depth in product(tiling.stretches, tiling.k_tiles)
    )


def cycles(tilings: Sequence[Tiling], *, result_latency: int) -> int:
    """Count the cycles of products back to back, as `simulate` reports them.

    Operands are offered and results taken in every cycle, and all commands wait from the start.
    ``result_latency`` is that of the hardware's parameters, :class:`hw.systolic.params.GemmParams`.
    """
    clock = Clock(tilings[0].rows, result_latency)
    return max(map(clock.command, tilings)) + 1


class ArrayClock:
    """The cycle in which the array is free for each kind of beat, whoever brings the operands."""

    def __init__(self, rows: int):
        self.rows = rows
        self.a = self.b = self.scale = FIRST  # the next issue of each operand
        self.begun = -TILE_GAP  # the last weight-stationary tile's first beat
        self.clear = 0  # the first cycle in which an output-stationary tile may end
        self.dirty = True
        self.after_tile = 0  # the first cycle open to a weight-stationary beat
        self.last = 0  # the last result's transfer

    def wash(self, start: int) -> None:
        """Clear the sums that the other dataflow, or reset, left in the cells."""
        if self.dirty:
            wash = max(start, self.a if self.last else start)
            self.clear = max(self.clear, wash + self.rows - 1)
            self.a = max(self.a, wash + 1)
            self.dirty = False


class Clock(ArrayClock):
    """The cycle in which each resource is free again; cycle 0 takes the first command."""

    def __init__(self, rows: int, result_latency: int):
        super().__init__(rows)
        self.result_latency = result_latency
        self.row_scale = FIRST
        self.released: list[int] = []  # when each bank of scales came free
        self.ended: list[int] = []  # when each command had all its beats issued

    def fork(self) -> "Clock":
        """Return a clock that goes on from here by itself."""
        twin = copy(self)
        twin.released, twin.ended = self.released[:], self.ended[:]
        return twin

    def command(self, tiling: Tiling) -> int:
        """Issue a product behind the others; return the cycle of its last result's transfer."""
        # A command is read three cycles after it was taken, which needs a free place in the queue.
        number = len(self.ended)
        taken = number if number < COMMANDS else max(self.ended[number - COMMANDS] + 2, number)
        start = taken + FIRST
        self.a, self.b, self.scale = (max(t, start) for t in (self.a, self.b, self.scale))
        self.row_scale = max(self.row_scale, start)
        if tiling.output_stationary and not tiling.cascade:
            self.wash(start)
        left, state = tiling.n_tiles, self._state()
        while left:
            before, place = state, self.a
            self._tile(tiling)
            left, state = left - 1, self._state()
            if state == before:
                # All tiles of N take as long as this one.
                self._pass((self.a - place) * left)
                break
        self.ended.append(max(self.a, self.b, self.scale) - 1)
        return self.last

    def _tile(self, tiling: Tiling) -> None:
        """Advance by a tile of N."""
        scaled = self._load_scales()
        self.a = max(self.a, scaled)
        if tiling.output_stationary and tiling.cascade:
            self._drained_down(tiling)
        elif tiling.output_stationary:
            self._output_stationary(tiling)
        else:
            self._weight_stationary(tiling)
        self.released.append(self.last - 1)

    def _state(self) -> tuple[int | bool, ...]:
        """Return all that the command's next tile depends on, relative to its first beat."""
        # What is over, or so early that it never keeps a beat waiting, is the same however early.
        over = {"row_scale": -2, "clear": 0, "after_tile": 0, "begun": -TILE_GAP}
        kept = [max(getattr(self, name) - self.a, least) for name, least in over.items()]
        times = (self.b, self.scale, self.last, *self.released[-SCALE_BANKS:])
        return self.dirty, *kept, *(time - self.a for time in times)

    def _pass(self, cycles: int) -> None:
        """Let time go on, and everything with it."""
        for name in ("a", "b", "scale", "row_scale", "begun", "clear", "after_tile", "last"):
            setattr(self, name, getattr(self, name) + cycles)
        self.released = [time + cycles for time in self.released[-SCALE_BANKS:]]

    def _scaled_rows(self, tiling: Tiling, rows: int) -> tuple[int, int]:
        """Return the first cycles in which the first and last of ``rows`` rows may be completed."""
        if not tiling.by_row:
            return 0, 0
        self.row_scale += rows
        return self.row_scale - rows + 1, self.row_scale

    def _load_scales(self) -> int:
        """Return the first cycle in which a beat may use the next bank."""
        if len(self.released) >= SCALE_BANKS:
            self.scale = max(self.scale, self.released[-SCALE_BANKS])
        self.scale += 1
        return self.scale

    def _weight_stationary(self, tiling: Tiling) -> None:
        depths = tiling.k_tiles
        for rows in tiling.stretches:
            scaled, _ = self._scaled_rows(tiling, rows)
            for number, depth in enumerate(depths, 1):
                loaded = max(self.b, self.begun + 1) + depth - 1
                begin = max(self.a, loaded, self.begun + TILE_GAP, self.after_tile)
                if number == len(depths):
                    begin = max(begin, scaled)
                self.begun, self.b, self.a = begin, loaded + 1, begin + rows
        self.dirty = True
        self.clear = max(self.clear, self.a + self.rows - 2)
        self.last = self.a - 1 + self.rows - 1 + self.result_latency

    def _output_stationary(self, tiling: Tiling) -> None:
        self.a = max(self.a, self.b)
        for rows in tiling.stretches:
            _, scaled = self._scaled_rows(tiling, rows)
            end = max(self.a + tiling.k - 1, self.clear, scaled)
            self.a = self.b = end + 1
            self.clear = end + self.rows
            self.last = end + rows + self.result_latency
        self.after_tile = self.a + 1

    def _drained_down(self, tiling: Tiling) -> None:
        self.a = max(self.a, self.b)
        for rows in tiling.stretches:
            _, scaled = self._scaled_rows(tiling, rows)
            end = max(self.a + tiling.k - 1, scaled)
            self.a = self.b = end + self.rows
            self.last = end + self.rows - 1 + rows - 1 + self.result_latency
        # Weights may enter while the last tile drains.
        self.b = end + 1
