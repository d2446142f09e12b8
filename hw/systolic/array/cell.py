"""One multiply-accumulate cell, and a column of them."""

from amaranth import Module, Mux, Shape, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from gemmule.hw.common.choose import one_of
from gemmule.hw.common.pipeline import delay, register, wire
from gemmule.hw.common.shared import shared
from gemmule.hw.systolic.params import ArrayParams

__all__ = ["Cell", "Column", "control_layout"]


def control_layout(params: ArrayParams) -> data.StructLayout:
    """Lay out what travels along a row beside ``a``: only what the dataflow needs.

    ``shift`` moves the vertical path of ``b``, ``swap`` makes its value the multiplied one, ``ws``
    adds to the sum from above instead of the own, ``clear`` hands the own sum over and restarts.
    """
    ws = {"shift": 1, "swap": 1} if "ws" in params.dataflows else {}
    clear = {"clear": 1} if "os" in params.dataflows else {}
    mode = {"ws": 1} if params.chooses_sum else {}
    return data.StructLayout({**ws, **clear, **mode})


class Cell(wiring.Component):
    """Multiply and accumulate, weight- or output-stationary, chosen cycle by cycle.

    ``psum = (ws ? psum_above : clear ? 0 : psum) + a * weight``

    ``b`` shifts down while ``shift``; ``swap`` copies it to ``weight``, so the next weights arrive
    while these work. An output-stationary cell without the other dataflow multiplies ``b`` itself.
    ``clear`` also copies the finished sum to ``drained``, which is zero in every other cycle: a
    column ors its cells, and the sums of a tile leave while the next one runs. Without it (drain
    over the cascade) sums leave as ``ws`` hands them down.

    Latency: 2 cycles from ``a`` to ``psum``, one more with ``pipeline``.
    Throughput: one product a cycle. Back-pressure: none; a bubble is ``a = 0`` without controls.
    ``ws`` and ``clear`` come ``product_latency`` cycles behind their ``a``.

    Parameters
    ----------
    params : ArrayParams
    unit : bool
        The weight is 1, and there is no ``b``: the cell sums ``a`` itself, in as many bits as that
        takes.

    Members
    -------
    a : In(a_shape); a_out : Out(the same)
        ``a_out`` is ``a`` one cycle later; likewise ``control_out``, and ``b_out`` per ``shift``.
    control : In(:func:`control_layout`); control_out : Out(the same)
    b : In(b_shape); b_out : Out(the same)
    psum_above : In(signed(psum_width))
    psum, drained : Out(signed(psum_width))
    """

    def __init__(self, params: ArrayParams, *, unit: bool = False):
        self.params = params
        self._unit = unit
        acc = _sum_shape(params, unit)
        control = control_layout(params)
        b = {} if unit else {"b": In(params.b_shape), "b_out": Out(params.b_shape)}
        super().__init__({
            "a": In(params.a_shape),
            "a_out": Out(params.a_shape),
            "control": In(control),
            "control_out": Out(control),
            **b,
            "psum_above": In(acc),
            "psum": Out(acc),
            "drained": Out(acc),
        })

    def elaborate(self, platform):
        m = Module()
        a = Signal(self.params.a_shape, name="a_held", reset_less=True)
        control = Signal(control_layout(self.params), name="control_held", reset_less=True)
        m.d.sync += [a.eq(self.a), control.eq(self.control)]
        m.d.comb += [self.a_out.eq(a), self.control_out.eq(control)]
        weight = None if self._unit else self._weight(m)
        self._accumulate(m, self._product(m, a, weight))
        return m

    def _product(self, m: Module, a: Value, weight: Value | None) -> Value:
        """Return ``a * weight``; without a weight it is 1."""
        return a if weight is None else a * weight

    def _weight(self, m: Module) -> Signal:
        path = Signal(self.params.b_shape, name="b_held", reset_less=True)
        m.d.comb += self.b_out.eq(path)
        if "ws" not in self.params.dataflows:
            m.d.sync += path.eq(self.b)
            return path
        weight = Signal(self.params.b_shape, name="weight", reset_less=True)
        with m.If(self.control.shift):
            m.d.sync += path.eq(self.b)
        with m.If(self.control.swap):
            m.d.sync += weight.eq(path)
        return weight

    def _accumulate(self, m: Module, product: Value) -> None:
        control = self.control_out
        product = delay(m, "product", product, self.params.product_latency)
        psum = Signal.like(self.psum, name="psum_held", reset_less=True)
        m.d.comb += self.psum.eq(psum)
        flow = self.params.dataflow
        if flow == "ws":
            m.d.sync += psum.eq(self.psum_above + product)
            return
        own = wire(m, "own", Mux(control.clear, 0, psum))
        base = own
        if self.params.chooses_sum:
            base = wire(m, "base", Mux(control.ws, self.psum_above, own))
        m.d.sync += psum.eq(base + product)
        if self.params.drains_apart:
            drained = Signal.like(self.drained, name="drained_held", reset_less=True)
            m.d.sync += drained.eq(Mux(control.clear, psum, 0))
            m.d.comb += self.drained.eq(drained)


class Column(wiring.Component):
    """``rows`` cells, one below the other: one column of results.

    ``result`` is the bottom cell's sum (weight-stationary, or a drain over the cascade) or the or
    of what the cells drain.
    With ``unit`` weights (see :class:`Cell`) it is the column that sums ``a``.

    Latency: ``params.column_latency`` cycles from ``a`` at a row to ``result``, counted at the
    bottom row for weight-stationary sums and from the row's ``clear`` for drained ones.

    Members
    -------
    a : In([rows] x a_shape); a_out : Out(the same)
    control : In([rows] x :func:`control_layout`); control_out : Out(the same)
    b : In(b_shape)
    result : Out(signed(psum_width))
    """

    CELL = Cell
    CHOOSE = staticmethod(one_of)

    def __init__(self, params: ArrayParams, *, unit: bool = False):
        self.params = params
        self._unit = unit
        a = data.ArrayLayout(params.a_shape, params.rows)
        control = data.ArrayLayout(control_layout(params), params.rows)
        super().__init__({
            "a": In(a),
            "a_out": Out(a),
            "control": In(control),
            "control_out": Out(control),
            **({} if unit else {"b": In(params.b_shape)}),
            "result": Out(_sum_shape(params, unit)),
        })

    def elaborate(self, platform):
        m = Module()
        cells = [self.CELL(self.params, unit=self._unit) for _ in range(self.params.rows)]
        role = "adder" if self._unit else "cell"
        for row, cell in enumerate(cells):
            m.submodules[f"{role}_{row}"] = shared(cell, (self.params, self._unit))
            m.d.comb += [
                cell.a.eq(self.a[row]),
                cell.control.eq(self.control[row]),
                self.a_out[row].eq(cell.a_out),
                self.control_out[row].eq(cell.control_out),
            ]
            if row:
                m.d.comb += cell.psum_above.eq(cells[row - 1].psum)
            if not self._unit:
                m.d.comb += cell.b.eq(cells[row - 1].b_out if row else self.b)
        self._collect(m, cells)
        return m

    def _collect(self, m: Module, cells: list[Cell]) -> None:
        bottom = cells[-1]
        if self.params.drains_apart:
            terms = [cell.drained.as_unsigned() for cell in cells]
            collected = self.CHOOSE(m, terms)
        else:
            collected = bottom.psum
        if self.params.drains_apart and self.params.dataflow == "both":
            spare = self.params.drain_latency
            chosen = delay(m, "chosen", bottom.control_out.ws, 1 + spare)
            psum = delay(m, "bottom", bottom.psum, spare)
            collected = Mux(chosen, psum.as_unsigned(), collected)
        m.d.comb += self.result.eq(register(m, "collected", collected))


def _sum_shape(params: ArrayParams, unit: bool) -> Shape:
    return signed(params.row_sum_width if unit else params.psum_width)
