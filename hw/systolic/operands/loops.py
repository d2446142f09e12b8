"""The loops of a matrix product over its tiles: where each beat of a stream stands."""

from amaranth import Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from gemmule.golden.systolic.beats import DIM_WIDTH
from gemmule.hw.common.compare import below
from gemmule.hw.common.pipeline import wire
from gemmule.hw.systolic.params import ProductParams

from .beat import Beat

__all__ = ["TileLoops", "position_signature", "start_layout", "start_values"]


def position_signature(params: ProductParams) -> wiring.Signature:
    """Describe where a beat stands.

    Members
    -------
    active : there is a beat to come, and the others describe it
    output_stationary, by_row : of its command; the latter with ``--row-scales``
    left : beats of its tile that follow it
    first, end : it is its tile's first, last
    k_first, k_end, m_end, n_end : of the tiles of K, the stretches of M, the tiles of N
    depth, height, width : K of this tile (up to ``rows``), M of this stretch in an
        output-stationary tile (up to ``rows``), N of this tile (up to ``cols``)
    final : it is the command's last
    """
    flags = ("active", "output_stationary", "first", "end", "k_first", "k_end", "m_end", "n_end")
    return wiring.Signature({
        **dict.fromkeys((*flags, "final"), Out(1)),
        **({"by_row": Out(1)} if params.row_scales else {}),
        "left": Out(DIM_WIDTH),
        "depth": Out(range(params.rows + 1)),
        "height": Out(range(params.rows + 1)),
        "width": Out(range(params.cols + 1)),
    })


def start_layout(params: ProductParams) -> data.StructLayout:
    """Lay out where the loops of a command start.

    ``m``, ``n``, ``k``: the sizes less 1; ``m_one``, ``k_one``: they are 1; ``n_end``, ``k_end``:
    they fit one tile; ``m_tile``, ``m_stretch``: M fits one output-stationary tile, one
    weight-stationary stretch; ``m_short``: the first stretch leaves rows for the second.
    """
    flags = ("m_one", "k_one", "m_tile", "m_stretch", "m_short", "n_end", "k_end")
    return data.StructLayout({
        **dict.fromkeys("mnk", unsigned(DIM_WIDTH)),
        **dict.fromkeys(flags, 1),
        "output_stationary": 1,
        **({"by_row": 1} if params.row_scales else {}),
    })


def start_values(params: ProductParams, command: data.View) -> dict[str, Value]:
    """Fill :func:`start_layout` for a command's sizes; a size of 0 makes no sense."""
    size, rows, depth = {name: command[name] for name in "mnk"}, params.rows, params.acc_depth
    short = ~below(size["m"], depth + 1) & below(size["m"], depth + rows)
    return {
        **{name: (value - 1)[:DIM_WIDTH] for name, value in size.items()},
        "m_one": size["m"] == 1,
        "k_one": size["k"] == 1,
        "m_tile": below(size["m"], rows + 1),
        "m_stretch": below(size["m"], depth + 1),
        "m_short": short if depth >= 2 * rows else Const(0),
        "n_end": below(size["n"], params.cols + 1),
        "k_end": below(size["k"], rows + 1),
        "output_stationary": command.output_stationary,
        **({"by_row": command.by_row} if params.row_scales else {}),
    }


class TileLoops(wiring.Component):
    """Walk through :class:`golden.systolic.beats.Tiling`, a beat a ``step``, without a bubble.

    Only counters that count down and comparisons with constants: no divider, no multiplier. What
    is left of each size is held less 1, beside flags of the tile that it stands at; the next
    tile's flags are compared in parallel with the subtraction, so that no path has two carry
    chains.

    Members
    -------
    load : In(1)
        Begin with ``start`` in the next cycle; may coincide with the last ``step``.
    start : In(:func:`start_layout`)
    step : In(1)
    at : Out(:func:`position_signature`)
    """

    def __init__(self, params: ProductParams, beat: Beat):
        self.params = params
        self._beat = beat
        super().__init__({
            "load": In(1),
            "start": In(start_layout(params)),
            "step": In(1),
            "at": Out(position_signature(params)),
        })

    def elaborate(self, platform):
        m = Module()
        at, load = self.at, self.load
        held = Signal(self.start.shape(), reset_less=True)
        first = Signal(self.start.shape())
        m.d.comb += [
            first.eq(Mux(load, Value.cast(self.start), Value.cast(held))),
            at.final.eq(at.end & at.k_end & at.m_end & at.n_end),
        ]
        with m.If(self.step & at.final):
            m.d.sync += at.active.eq(0)
        with m.If(load):
            m.d.sync += [
                held.eq(self.start),
                at.active.eq(1),
                at.output_stationary.eq(self.start.output_stationary),
            ]
            if self.params.row_scales:
                m.d.sync += at.by_row.eq(self.start.by_row)

        tile = wire(m, "tile", load | (self.step & at.end))
        over = {"k": load | at.k_end, "m": load | (at.k_end & at.m_end)}
        over = {name: wire(m, f"{name}_over", value) for name, value in over.items()}
        depth, weights = self._depth(m, tile, first, over["k"])
        width = self._width(m, tile & over["m"], first)
        m.d.comb += [at.depth.eq(depth), at.width.eq(width)]
        if self._beat in {Beat.ROW, Beat.WEIGHT}:
            height, rows = self._height(m, tile, first, over["k"])
            m.d.comb += at.height.eq(height)
            ws = rows if self._beat is Beat.ROW else weights
            os = first.k, first.k_one
            left, one = (Mux(first.output_stationary, *pair) for pair in zip(os, ws, strict=True))
        else:
            m.d.comb += at.m_end.eq(1)
            left, one = (Const(0), Const(1)) if self._beat is Beat.TILE else (first.m, first.m_one)

        with m.If(tile):
            m.d.sync += [at.left.eq(left), at.end.eq(one)]
            m.d.sync += [at.first.eq(1), at.k_first.eq(over["k"])]
        with m.Elif(self.step):
            m.d.sync += [at.left.eq(at.left - 1), at.end.eq(at.left == 1), at.first.eq(0)]
        return m

    def _depth(
        self, m: Module, tile: Value, first: data.View, over: Value
    ) -> tuple[Value, tuple[Value, Value]]:
        """Give K of this tile; the next one's, less 1, and whether it is 1."""
        at, rows = self.at, self.params.rows
        if self._beat not in {Beat.ROW, Beat.WEIGHT}:
            m.d.comb += at.k_end.eq(1)
            return Const(0), (Const(0), Const(0))
        rest = Signal(DIM_WIDTH, name="k_rest", reset_less=True)
        small = Signal(range(rows), name="depth_less", reset_less=True)
        after = wire(m, "k_after", (rest - rows)[:DIM_WIDTH])
        ends = wire(m, "k_ends", Mux(over, first.k_end, below(rest, 2 * rows)))
        rest_next = wire(m, "k_next", Mux(over, first.k, after))
        small_next = wire(m, "depth_next", Mux(ends, rest_next[: len(small)], rows - 1))
        one = Mux(over, first.k_one, rest == rows) if rows > 1 else Const(1)
        with m.If(tile):
            m.d.sync += [
                rest.eq(rest_next),
                at.k_end.eq(ends | (over & first.output_stationary)),
                small.eq(small_next),
            ]
        return small + 1, (small_next, one)

    def _width(self, m: Module, moves: Value, first: data.View) -> Value:
        """Give N of this tile."""
        at, cols = self.at, self.params.cols
        rest = Signal(DIM_WIDTH, name="n_rest", reset_less=True)
        small = Signal(range(cols), name="width_less", reset_less=True)
        after = wire(m, "n_after", (rest - cols)[:DIM_WIDTH])
        ends = wire(m, "n_ends", Mux(self.load, first.n_end, below(rest, 2 * cols)))
        rest_next = wire(m, "n_next", Mux(self.load, first.n, after))
        with m.If(moves):
            m.d.sync += [
                rest.eq(rest_next),
                at.n_end.eq(ends),
                small.eq(Mux(ends, rest_next[: len(small)], cols - 1)),
            ]
        return small + 1

    def _height(
        self, m: Module, tile: Value, first: data.View, moves: Value
    ) -> tuple[Value, tuple[Value, Value]]:
        """Give M of this output-stationary tile.

        Beside it: that of the weight-stationary stretch that the next tile belongs to, less 1, and
        whether it is 1.
        """
        at, rows, depth = self.at, self.params.rows, self.params.acc_depth
        stationary = at.output_stationary
        over = wire(m, "m_restarts", self.load | at.m_end)
        rest = Signal(DIM_WIDTH, name="m_rest", reset_less=True)
        short = Signal(name="short", reset_less=True)
        small = Signal(range(rows), name="height_less", reset_less=True)
        stretch = Signal(range(depth), name="stretch_less", reset_less=True)
        alone = Signal(name="stretch_one", reset_less=True)

        cut = max(depth - rows, 0)
        chunk = wire(m, "chunk", Mux(stationary, rows, Mux(short, cut, depth)))
        after = wire(m, "m_after", (rest - chunk)[:DIM_WIDTH])
        rest_next = wire(m, "m_next", Mux(over, first.m, after))
        ends = {
            "tile": Mux(over, first.m_tile, below(rest, 2 * rows)),
            "stretch": Mux(over, first.m_stretch, short | below(rest, 2 * depth)),
        }
        ends = {name: wire(m, f"{name}_ends", value) for name, value in ends.items()}
        between = ~below(rest, 2 * depth) & below(rest, 2 * depth + rows - 1) & ~short
        short_next = Mux(over, first.m_short, between if depth >= 2 * rows else 0)
        short_next = wire(m, "short_next", short_next)
        full = Mux(short_next, max(cut - 1, 0), depth - 1)
        stretch_next = wire(
            m, "stretch_next", Mux(ends["stretch"], rest_next[: len(stretch)], full)
        )
        one = Mux(over, first.m_one, ~short & (rest == depth)) if depth > 1 else Const(1)
        one = wire(m, "one_next", one)
        with m.If(tile & moves):
            m.d.sync += [
                rest.eq(rest_next),
                short.eq(short_next),
                at.m_end.eq(Mux(first.output_stationary, ends["tile"], ends["stretch"])),
                small.eq(Mux(ends["tile"], rest_next[: len(small)], rows - 1)),
                stretch.eq(stretch_next),
                alone.eq(one),
            ]
        return small + 1, (Mux(moves, stretch_next, stretch), Mux(moves, one, alone))
