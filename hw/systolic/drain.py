"""How output-stationary sums leave the array, as the sequencer sees it: what waits for what."""

from collections.abc import Callable

from amaranth import Module, Mux, Signal, Value

from gemmule.hw.common.pipeline import wire

from .params import A_SLOT, ProductParams

__all__ = ["BubbleFreeDrain", "CascadeDrain", "Drain", "drain_of"]

Slot = Callable[..., Value]
"""``slot(name, value, cycles)``: ``value`` in the slot that lies ``cycles`` ahead."""


class BubbleFreeDrain:
    """Sums leave beside the next tile's products: two tiles' ends are R cycles apart, no more.

    ``gap`` counts down to the cycle in which a tile may end; ``dirty`` are sums that reset, the
    other dataflow or another product left in the cells, cleared before the first beat.
    """

    token_wait = A_SLOT
    """Cycles from a tile's last beat to one before the token of its first row."""

    def __init__(self, m: Module, params: ProductParams, turn: Value | None):
        self._m, self._params, self._turn = m, params, turn
        self._gap = Signal(range(params.rows + 1), name="gap")
        self._dirty = Signal(init=1, name="dirty")
        self._after_tile = Signal(name="after_tile")

    def holds_beat(self, at) -> Value:
        """Tell whether an output-stationary beat must wait."""
        return self._dirty | (at.end & (self._gap != 0))

    def holds_row(self) -> Value:
        """Tell whether a weight-stationary one must: the slot behind a tile clears it."""
        return self._after_tile

    def follow(self, at, row: Value, beat: Value, tile: Value, slot: Slot) -> dict[str, Value]:
        """Count what was issued; the slots' ``clear``, and what else of them is ``ws``.

        Where there is a weight-stationary slot, one without an operand washes: zeros come down, and
        nothing leaves. A ``clear`` would, into what still drains or into rows of results.
        """
        m, rows = self._m, self._params.rows
        waiting = at.active & at.output_stationary
        wash = wire(m, "wash", waiting & self._dirty)
        dirty = (self._dirty & ~wash) | row
        m.d.sync += [
            self._after_tile.eq(tile),
            self._gap.eq(Mux(self._gap == 0, 0, self._gap - 1)),
            self._dirty.eq(dirty if self._turn is None else dirty | ~self._turn),
        ]
        with m.If(tile):
            m.d.sync += self._gap.eq(rows - 1)
        with m.Elif(row | wash):
            m.d.sync += self._gap.eq(max(rows - 2, 0))
        washed, clear = slot("wash", wash, A_SLOT), slot("clear", tile, A_SLOT + 1)
        if "ws" in self._params.dataflows:
            return {"clear": clear, "ws": washed}
        return {"clear": washed | clear}


class CascadeDrain:
    """Sums leave through the rows below: nothing enters for R - 1 cycles behind a tile."""

    def __init__(self, m: Module, params: ProductParams):
        self._m, self._params = m, params
        self._left = Signal(range(params.rows), name="drain_left")
        self.token_wait = A_SLOT + params.rows - 2

    def holds_beat(self, at) -> Value:
        """Tell the same as that of :class:`BubbleFreeDrain`."""
        return self._left != 0

    def holds_row(self) -> Value:
        """Tell the same as that of :class:`BubbleFreeDrain`."""
        return self._left != 0

    def follow(self, at, row: Value, beat: Value, tile: Value, slot: Slot) -> dict[str, Value]:
        """Count what was issued; the slots' ``clear`` and ``drain``."""
        m, left = self._m, self._left
        m.d.sync += left.eq(Mux(tile, self._params.rows - 1, Mux(left == 0, 0, left - 1)))
        return {
            "clear": slot("clear", beat & at.first, A_SLOT),
            "drain": slot("drain", left != 0, A_SLOT),
        }


Drain = BubbleFreeDrain | CascadeDrain


def drain_of(m: Module, params: ProductParams, turn: Value | None) -> Drain | None:
    """Build the drain of the hardware; None without the output-stationary dataflow.

    ``turn`` says whether beats may enter the array, where several products take turns at it.
    """
    if params.drains_down:
        return CascadeDrain(m, params)
    return BubbleFreeDrain(m, params, turn) if params.drains_apart else None
