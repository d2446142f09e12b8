"""The sequencer: it decides, cycle by cycle, what enters the array, and what will come out."""

from amaranth import Const, Module, Mux, Signal, Value
from amaranth.hdl import ValueLike
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from gemmule.golden.systolic.limits import SCALE_BANKS, TILE_GAP
from gemmule.hw.common.pipeline import delay, wire

from .drain import Drain, drain_of
from .operands.loops import position_signature
from .params import A_SLOT, ProductParams

__all__ = ["Sequencer", "token_layout"]


def token_layout(params: ProductParams) -> data.StructLayout:
    """Lay out what is known of a row of results before it leaves the array.

    ``first`` and ``final`` of its tiles of K; ``address`` among the kept sums; ``bank`` of its
    scales, which it ``releases``; ``last`` of its command; whether it is scaled ``by_row``.
    """
    return data.StructLayout({
        "first": 1,
        "final": 1,
        "last": 1,
        "releases": 1,
        "bank": range(SCALE_BANKS),
        "address": range(params.acc_depth),
        **({"by_row": 1} if params.row_scales else {}),
    })


class Sequencer(wiring.Component):
    """Issue beats to an array that cannot wait, so that every result finds room.

    A weight-stationary tile begins when its weights are in the array (the last of them may enter
    in this very cycle) and ends after its rows; the next weights enter meanwhile: it takes
    ``max(rows of a, rows of weights)`` cycles, at least ``TILE_GAP``. An output-stationary beat
    takes from ``a`` and ``b`` at once; a tile takes ``max(K, R)`` cycles, or ``K + R - 1`` where it
    drains over the cascade. From an output-stationary command to a weight-stationary one passes one
    idle cycle, the other way R, less what the first tile's K covers; with the cascade, none.

    Back-pressure: results are counted before they are made. A row (weight-stationary) or a tile
    (output-stationary) is completed only while ``params.capacity`` has room for it; ``returned``
    gives room back. Nor is it completed before the settings are there that scale it ``by_row``.

    Parameters
    ----------
    params : ProductParams
    shared : bool
        Several products take turns at the array.

    Members
    -------
    turn : In(1)
        Only with ``shared``: beats may enter the array now; ``a_valid`` and ``b_valid`` know.
    a_valid, b_valid : In(1); a_at, b_at : In(:func:`position_signature`); a_take, b_take : Out(1)
        The operands.
    scaled : In(1)
        The scales of the tile of N that ``a`` stands at are in the bank whose turn it is;
        ``claimed``: that tile has been issued whole.
    returned : In(1)
    row_settings : In(range(params.row_scale_depth + 1)), with ``--row-scales``
        Rows that have their settings, and are not completed.
    completed : Out(range(rows + 1))
        Rows of results from now on under way.
    swap, ws, clear, drain : Out(1)
        As `SystolicArray` takes them, ``A_SLOT`` cycles after ``a_take``.
    shift : Out(rows)
        Likewise, one cycle after ``b_take``.
    token_valid : Out(1); token : Out(:func:`token_layout`)
        A row of results, ``params.array_latency`` cycles ahead of it.
    """

    def __init__(self, params: ProductParams, *, shared: bool = False):
        self.params = params
        self.shared = shared
        row_settings = {"row_settings": In(range(params.row_scale_depth + 1))}
        super().__init__({
            **({"turn": In(1)} if shared else {}),
            "a_valid": In(1),
            "a_at": In(position_signature(params)),
            "a_take": Out(1),
            "b_valid": In(1),
            "b_at": In(position_signature(params)),
            "b_take": Out(1),
            "scaled": In(1),
            "claimed": Out(1),
            "returned": In(1),
            **(row_settings if params.row_scales else {}),
            "completed": Out(range(params.rows + 1)),
            "swap": Out(1),
            "ws": Out(1),
            "clear": Out(1),
            "drain": Out(1),
            "shift": Out(params.rows),
            "token_valid": Out(1),
            "token": Out(token_layout(params)),
        })

    def elaborate(self, platform):
        m = Module()
        at = self.a_at
        room = Signal(range(self.params.capacity + 1), init=self.params.capacity)
        drain = drain_of(m, self.params, self.turn if self.shared else None)
        flows = self.params.dataflows
        idle = {"row": 0, "weight": 0}
        ws = self._weight_stationary(m, room, drain) if "ws" in flows else idle
        beat = self._output_stationary(m, room, drain) if drain else 0
        tile = wire(m, "tile", beat & at.end) if drain else 0
        row = ws["row"]

        m.d.comb += [
            self.a_take.eq(row | beat),
            self.b_take.eq(ws["weight"] | beat),
            self.claimed.eq(self.a_take & at.end & at.k_end & at.m_end),
            self.completed.eq(Mux(tile, at.height, row & at.k_end)),
        ]
        m.d.sync += room.eq(room + self.returned - self.completed)
        self._slots(m, row, ws["weight"], beat, tile, drain)
        self._tokens(m, row, tile, drain)
        return m

    def _weight_stationary(self, m: Module, room: Signal, drain: Drain | None) -> dict[str, Value]:
        """Tell whether a row of ``a`` and whether a row of weights is issued."""
        a, b = self.a_at, self.b_at
        loaded = Signal()
        recent, gap = Signal(range(TILE_GAP)), Signal(range(TILE_GAP))
        weight = wire(m, "weight", self.b_valid & ~b.output_stationary & ~loaded)
        complete = wire(m, "complete", loaded | (weight & b.end))
        may_begin = ~a.first | (complete & (recent == 0))
        may_end = ~a.k_end | ((room != 0) & self._scaled(1))
        row = self.a_valid & self.scaled & ~a.output_stationary & may_begin & may_end
        if drain:
            row = row & ~drain.holds_row()
        row = wire(m, "row", row)
        begin = wire(m, "begin", row & a.first)
        # How long the next tile must wait behind this row, so that its row of the same place does
        # not come too soon: in tiles of few rows, a row may have waited since the tile began.
        after = wire(m, "after", Mux(a.first, TILE_GAP - 1, Mux(gap == 0, 0, gap - 1)))
        m.d.sync += [
            loaded.eq(complete & ~begin),
            recent.eq(Mux(row, after, Mux(recent == 0, 0, recent - 1))),
        ]
        with m.If(row):
            m.d.sync += gap.eq(after)
        return {"row": row, "weight": weight}

    def _output_stationary(self, m: Module, room: Signal, drain: Drain) -> Value:
        """Tell whether a beat of both is issued."""
        a, b = self.a_at, self.b_at
        may_end = ~a.end | ((room >= self.params.rows) & self._scaled(a.height))
        both = self.a_valid & self.b_valid & a.output_stationary & b.output_stationary
        return wire(m, "beat", both & self.scaled & may_end & ~drain.holds_beat(a))

    def _scaled(self, rows: ValueLike) -> Value:
        """Tell whether the settings of so many rows are there."""
        if not self.params.row_scales:
            return Const(1)
        return ~self.a_at.by_row | (self.row_settings >= rows)

    def _slots(
        self, m: Module, row: Value, weight: Value, beat: Value, tile: Value, drain: Drain | None
    ) -> None:
        def slot(name: str, value: Value, cycles: int) -> Value:
            return delay(m, name, wire(m, f"{name}_now", Value.cast(value)), cycles, reset=True)

        # The weight that enters with `left` more to come is taken by the rows above its own too.
        for r in range(self.params.rows):
            above = self.b_at.left >= r if r else 1
            taken = slot(f"shift_{r}", weight & above | beat, A_SLOT - 1)
            m.d.comb += self.shift[r].eq(taken)
        controls = drain.follow(self.a_at, row, beat, tile, slot) if drain else {}
        controls["swap"] = slot("swap", (row & self.a_at.first) | beat, A_SLOT)
        controls["ws"] = slot("ws", row, A_SLOT) | controls.get("ws", 0)
        m.d.comb += [getattr(self, name).eq(value) for name, value in controls.items()]

    def _tokens(self, m: Module, row: Value, tile: Value, drain: Drain | None) -> None:
        """Announce rows: of a weight-stationary tile when the bottom row of the array gets them,
        of an output-stationary one row by row as it drains.
        """
        params, at = self.params, self.a_at
        bank = Signal(range(SCALE_BANKS))
        m.d.sync += bank.eq(bank + self.claimed)
        common = {"last": at.final, "releases": self.claimed, "bank": bank}
        if params.row_scales:
            common["by_row"] = at.by_row

        now = Signal(token_layout(params), name="row_token")
        fields = {"first": at.k_first, "final": at.k_end, "address": at.left, **common}
        m.d.comb += [now[name].eq(value) for name, value in fields.items()]
        wait = A_SLOT + params.rows - 1
        row_valid = delay(m, "row_valid", wire(m, "row_now", Value.cast(row)), wait, reset=True)
        row_token = delay(m, "row_token", now, wait)

        ended = Signal(token_layout(params), name="tile_token")
        m.d.comb += [ended[name].eq(value) for name, value in common.items()]
        m.d.comb += [ended.first.eq(1), ended.final.eq(1)]
        later = drain.token_wait if drain else 0
        tile_valid = delay(
            m, "tile_valid", wire(m, "tile_now", Value.cast(tile)), later, reset=True
        )
        height = delay(m, "height", at.height, later)
        held = Signal(token_layout(params), name="held_token", reset_less=True)
        to_drain = Signal(range(params.rows + 1))
        tile_token = delay(m, "tile_token", ended, later)
        with m.If(tile_valid):
            m.d.sync += [to_drain.eq(height), held.eq(tile_token)]
        with m.Elif(to_drain != 0):
            m.d.sync += to_drain.eq(to_drain - 1)

        drained = Signal(token_layout(params), name="drained_token")
        at_last = to_drain == 1
        m.d.comb += [
            drained.eq(held),
            drained.last.eq(held.last & at_last),
            drained.releases.eq(held.releases & at_last),
            self.token_valid.eq(row_valid | (to_drain != 0)),
            self.token.eq(Mux(row_valid, row_token, drained)),
        ]
