"""Where results go: row by row, or transposed, square by square."""

from collections.abc import Callable

from amaranth import Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.golden.systolic.beats import DIM_WIDTH
from gemmule.hw.common.pipeline import register, wire
from gemmule.hw.common.stream.skid import SkidBuffer
from gemmule.hw.common.wide import Stepper
from gemmule.hw.soc.dma.request import LENGTH_WIDTH
from gemmule.hw.soc.vector.params import VectorUnitParams

__all__ = ["Places", "place_layout"]


def place_layout(address_width: int) -> data.StructLayout:
    """Lay out where ``length`` bytes go, the ``last`` ones of a command, or that none are there."""
    return data.StructLayout({
        "address": unsigned(address_width),
        "length": unsigned(LENGTH_WIDTH),
        "none": 1,
        "last": 1,
    })


class Places(wiring.Component):
    """Go down the rows of a matrix, or through the squares of one that is transposed.

    A square is ``lanes`` columns of the operand, which are rows here, and as many of its rows: the
    squares of those columns come first. Where columns or rows end within a square, ``length`` is
    shorter, or there is ``none``: of each square come ``lanes`` places.

    Latency: 4 cycles, 7 transposed. Throughput: a place a cycle, and 4 idle cycles between squares,
    which are ahead of the results.

    Parameters
    ----------
    params : VectorUnitParams

    Members
    -------
    start : In(1)
    base, stride, rows, columns, size : In
        The result's, rows and columns the operand's. Held from ``start`` on.
    turned : In(1), with a transposer
    o : Out(stream of :func:`place_layout`)
    """

    def __init__(self, params: VectorUnitParams):
        self.params = params
        width = params.address_width
        super().__init__({
            "start": In(1),
            "base": In(width),
            "stride": In(signed(32)),
            "rows": In(DIM_WIDTH),
            "columns": In(DIM_WIDTH),
            "size": In(2),
            **({"turned": In(1)} if params.transposes else {}),
            "o": Out(stream.Signature(place_layout(width))),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.row = self._row = row = Stepper(self.params.address_width)
        m.submodules.skid = self._skid = skid = SkidBuffer(self.o.p.shape())
        wiring.connect(m, skid.o, wiring.flipped(self.o))
        self._left = Signal(DIM_WIDTH, reset_less=True)
        whole = register(m, "whole", (self.columns << self.size)[:LENGTH_WIDTH])
        m.d.comb += [
            row.stride.eq(self.stride),
            row.base.eq(self.base),
            skid.i.p.address.eq(row.address),
            skid.i.p.length.eq(whole),
            skid.i.p.last.eq(self._left == 1),
        ]
        squares = self._squares(m) if self.params.transposes else None
        with m.FSM():
            with m.State("IDLE"), m.If(self.start):
                m.d.comb += row.load.eq(1)
                m.d.sync += self._left.eq(self.rows)
                m.next = "ROWS"
                if squares:
                    with m.If(self.turned):
                        m.d.sync += self._left.eq(self.columns)
                        m.next = "COLUMNS"
            with m.State("ROWS"):
                m.d.comb += [skid.i.valid.eq(row.valid), row.step.eq(row.valid & skid.i.ready)]
                with m.If(row.step):
                    m.d.sync += self._left.eq(self._left - 1)
                    with m.If(self._left == 1):
                        m.next = "IDLE"
            if squares:
                squares()
        return m

    def _squares(self, m: Module) -> Callable[[], None]:
        """Return what adds the states of squares; ``left`` are the columns from this one's on."""
        lanes, row, skid, columns = self.params.lanes, self._row, self._skid, self._left
        m.submodules.tile = tile = Stepper(self.params.address_width)
        below, rows = (
            Signal(self.params.address_width, reset_less=True),
            Signal(DIM_WIDTH, reset_less=True),
        )
        wide, deep, first = (Signal(name=name) for name in ("wide", "deep", "first"))
        place, length = Signal(range(max(lanes, 2))), Signal(range(lanes + 1), reset_less=True)
        begun = Signal()
        final = wire(m, "final", place == lanes - 1)
        none = wire(m, "none", ~wide & (place >= columns[: len(place)]))
        m.d.comb += [tile.base.eq(Mux(begun, below, self.base)), tile.stride.eq(lanes)]

        def states() -> None:
            with m.State("COLUMNS"):
                m.d.comb += tile.load.eq(1)
                m.d.sync += [rows.eq(self.rows), first.eq(1), wide.eq(columns >= lanes)]
                m.next = "SQUARE"
            with m.State("SQUARE"):
                m.d.comb += [row.load.eq(tile.valid), row.base.eq(tile.address)]
                m.d.sync += [
                    deep.eq(rows >= lanes + 1),
                    length.eq(Mux((rows >= lanes), lanes, rows[: len(length)])),
                    place.eq(0),
                ]
                with m.If(tile.valid):
                    m.d.comb += tile.step.eq(1)
                    m.next = "PLACES"
            with m.State("PLACES"):
                ends = wire(m, "ends", ~deep & ~(columns >= lanes + 1))
                goes = wire(m, "goes", row.valid & skid.i.ready)
                m.d.comb += [
                    skid.i.valid.eq(row.valid),
                    skid.i.p.length.eq(length),
                    skid.i.p.none.eq(none),
                    skid.i.p.last.eq(ends & final),
                    row.step.eq(goes),
                ]
                with m.If(goes):
                    m.d.sync += place.eq(place + 1)
                    with m.If(final):
                        m.d.sync += [rows.eq(rows - lanes), first.eq(0), begun.eq(1)]
                        with m.If(first):
                            m.d.sync += below.eq(row.after)
                        m.next = "SQUARE"
                        with m.If(~deep):
                            m.d.sync += columns.eq(columns - lanes)
                            m.next = "COLUMNS"
                            with m.If(ends):
                                m.d.sync += begun.eq(0)
                                m.next = "IDLE"

        return states
