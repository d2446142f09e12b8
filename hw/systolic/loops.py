"""The loops of a matrix product over its tiles: where each beat of a stream stands."""

from amaranth import Module, Mux, Signal, Value, unsigned
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

from gemmule.golden.systolic.beats import DIM_WIDTH

from ..common.pipeline import wire
from .params import ProductParams

__all__ = ["Beat", "TileLoops", "position_signature"]


def position_signature(params: ProductParams) -> wiring.Signature:
    """Where a beat stands.

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


class Beat(enum.Enum):
    """What the innermost loop counts in a weight-stationary tile."""

    ROW = 0
    """Rows of M: the beats of ``a``."""
    WEIGHT = 1
    """Rows of K: the beats of ``b``."""
    TILE = 2
    """Nothing: a beat a tile of N, as ``scale`` has them in both dataflows."""
    RESULT = 3
    """All rows of M, as ``row_scale`` has them in both dataflows."""


class TileLoops(wiring.Component):
    """Walk through ``golden.systolic.beats.Tiling``, a beat a ``step``, without a bubble.

    Only counters that count down and comparisons with constants: no divider, no multiplier.

    Members
    -------
    load : In(1)
        Begin with the sizes below in the next cycle; may coincide with the last ``step``.
    m, n, k, output_stationary, by_row : In, taken with ``load``
    step : In(1)
    at : Out(:func:`position_signature`)
    """

    def __init__(self, params: ProductParams, beat: Beat):
        self.params = params
        self._beat = beat
        size = unsigned(DIM_WIDTH)
        super().__init__({
            "load": In(1),
            "m": In(size),
            "n": In(size),
            "k": In(size),
            "output_stationary": In(1),
            **({"by_row": In(1)} if params.row_scales else {}),
            "step": In(1),
            "at": Out(position_signature(params)),
        })

    def elaborate(self, platform):
        m = Module()
        at, rows, cols = self.at, self.params.rows, self.params.cols
        size = {name: Signal(DIM_WIDTH, name=f"{name}_size", reset_less=True) for name in "mk"}
        rest = {name: Signal(DIM_WIDTH, name=f"{name}_rest", reset_less=True) for name in "mnk"}
        stationary = at.output_stationary
        chunk = wire(m, "chunk", self._chunk(rest["m"], stationary))
        beats_in_tile = self._beat in {Beat.ROW, Beat.WEIGHT}
        m.d.comb += [
            at.end.eq(at.left == 0),
            at.k_end.eq(stationary | (rest["k"] <= rows) if beats_in_tile else 1),
            at.m_end.eq(rest["m"] == chunk if beats_in_tile else 1),
            at.n_end.eq(rest["n"] <= cols),
            at.final.eq(at.end & at.k_end & at.m_end & at.n_end),
            at.depth.eq(Mux(rest["k"] <= rows, rest["k"], rows)),
            at.height.eq(Mux(rest["m"] <= rows, rest["m"], rows)),
            at.width.eq(Mux(rest["n"] <= cols, rest["n"], cols)),
        ]
        after = {
            "k": Mux(at.k_end, size["k"], rest["k"] - rows),
            "m": Mux(at.k_end, Mux(at.m_end, size["m"], rest["m"] - chunk), rest["m"]),
            "n": Mux(at.k_end & at.m_end, rest["n"] - cols, rest["n"]),
        }
        given = {"m": self.m, "n": self.n, "k": self.k}
        after = {
            name: wire(m, f"{name}_next", Mux(self.load, given[name], value)[:DIM_WIDTH])
            for name, value in after.items()
        }
        mode = wire(m, "mode_next", Mux(self.load, self.output_stationary, stationary))
        beats = wire(m, "beats_next", self._beats(m, after, mode))

        with m.If(self.step & at.final):
            m.d.sync += at.active.eq(0)
        with m.If(self.load):
            m.d.sync += [at.active.eq(1), stationary.eq(self.output_stationary)]
            m.d.sync += [size["m"].eq(self.m), size["k"].eq(self.k)]
            if self.params.row_scales:
                m.d.sync += at.by_row.eq(self.by_row)
        with m.If(self.load | (self.step & at.end)):
            m.d.sync += [rest[name].eq(value) for name, value in after.items()]
            m.d.sync += [at.left.eq(beats - 1), at.first.eq(1), at.k_first.eq(self.load | at.k_end)]
        with m.Elif(self.step):
            m.d.sync += [at.left.eq(at.left - 1), at.first.eq(0)]
        return m

    def _chunk(self, rest: Value, stationary: Value) -> Value:
        """M of the stretch that begins where ``rest`` rows are left, as ``Tiling.stretches``."""
        rows, depth = self.params.rows, self.params.acc_depth
        tile = Mux(rest <= rows, rest, rows)
        stretch = Mux(rest <= depth, rest, depth)
        if depth >= 2 * rows:
            short = (rest > depth) & (rest < depth + rows)
            stretch = Mux(short, depth - rows, stretch)
        return Mux(stationary, tile, stretch)

    def _beats(self, m: Module, rest: dict[str, Value], stationary: Value) -> Value:
        rows = self.params.rows
        if self._beat is Beat.TILE:
            return Value.cast(1)
        if self._beat is Beat.RESULT:
            return rest["m"]
        if self._beat is Beat.ROW:
            weight_stationary = self._chunk(rest["m"], 0)
        else:
            weight_stationary = Mux(rest["k"] <= rows, rest["k"], rows)
        return Mux(stationary, rest["k"], weight_stationary)
