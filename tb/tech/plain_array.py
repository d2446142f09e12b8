"""The array that `bench route` compares with: what one writes first, with nothing clever in it.

R x C cells, weight-stationary: weights shift down one register a row while ``load`` is high, ``a``
moves right and sums move down by one register a cell. The operands are skewed by the user, as in
most published arrays, and here by the same registers as in ours.
"""

from amaranth import Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["PlainArray"]


class PlainArray(wiring.Component):
    """``sums[c] = sum over r of a[r] * weight[r, c]``.

    Members
    -------
    a : [rows] x signed(8)
    b : [cols] x signed(8)
    load : 1
    sums : [cols] x signed(width)
    """

    def __init__(self, rows: int, cols: int, width: int):
        self._rows, self._cols, self._width = rows, cols, width
        super().__init__({
            "a": In(data.ArrayLayout(signed(8), rows)),
            "b": In(data.ArrayLayout(signed(8), cols)),
            "load": In(1),
            "sums": Out(data.ArrayLayout(signed(width), cols)),
        })

    def elaborate(self, platform):
        m = Module()
        above = [0] * self._cols
        weights = [self.b[col] for col in range(self._cols)]
        for row in range(self._rows):
            a = self._late(m, f"a_{row}", self.a[row], signed(8), row)
            for col in range(self._cols):
                weight = Signal(signed(8), name=f"weight_{row}_{col}", reset_less=True)
                held = Signal(signed(8), name=f"a_{row}_{col}", reset_less=True)
                psum = Signal(signed(self._width), name=f"psum_{row}_{col}", reset_less=True)
                with m.If(self.load):
                    m.d.sync += weight.eq(weights[col])
                m.d.sync += [held.eq(a), psum.eq(above[col] + held * weight)]
                weights[col], a, above[col] = weight, held, psum
        for col, psum in enumerate(above):
            late = self._cols - 1 - col
            straight = self._late(m, f"sum_{col}", psum, signed(self._width), late)
            m.d.comb += self.sums[col].eq(straight)
        return m

    def _late(self, m: Module, name: str, value, shape, cycles: int):
        for age in range(cycles):
            held = Signal(shape, name=f"{name}_late_{age}", reset_less=True)
            m.d.sync += held.eq(value)
            value = held
        return value
