"""The R x C array: columns of cells, and the delays that skew operands and straighten results."""

from amaranth import Module, Signal, Value
from amaranth.lib import data, wiring

from gemmule.hw.common.pipeline import delay
from gemmule.hw.common.shared import shared
from gemmule.hw.systolic.params import ArrayParams

from .cell import Column, control_layout
from .signature import array_signature
from .skew import row_controls

__all__ = ["SystolicArray"]


class SystolicArray(wiring.Component):
    """A systolic array of R x C multiply-accumulate cells that runs free: a slot a cycle.

    Weight-stationary: ``sums[c] = sum over r of a[r] * weight[r, c]`` of one slot.
    Output-stationary: ``sums[c]`` is, ``r`` slots after ``clear``, the sum over all slots before
    ``clear`` (and since the ``clear`` before it) of ``a[r] * b[c]``.

    A slot is one cycle at this component's ports; callers never see the skew. In a slot:

    - ``shift[r]`` moves ``b`` down into row ``r``. Weights of a tile come bottom row first; row
      ``r`` takes all but the last ``r`` beats of a full tile, and so keeps the one meant for it.
      Output-stationary beats go to all rows, **one slot before** the ``a`` they meet.
    - ``swap`` makes the values shifted in by earlier slots the weights of this slot's ``a`` and of
      those that follow. Shifting for the next tile may begin in this same slot.
    - ``ws`` marks a weight-stationary ``a``. In slots without it the sums of the cells are kept,
      with ``a`` times the weight added: an idle slot has ``a = 0``. One with ``ws`` leaves 0 in
      every cell.
    - ``clear`` ends an output-stationary sum: it comes in the slot behind the last ``a``, which
      may hold the first ``a`` of the next sum. Two clears whose results are wanted, or a
      weight-stationary slot and a clear after it, are at least R slots apart.
    - With ``--drain cascade`` sums leave through the rows below instead: ``clear`` comes with the
      first ``a`` of a sum, and ``drain`` in the R - 1 slots behind its last, which are idle. Row
      ``R - 1 - j`` leaves with the slot ``j`` after the last ``a``, as a weight-stationary sum.

    After H. T. Kung, "Why systolic architectures?", Computer 15(1), 1982; the weights' second
    register is the double buffering of the TPU (Jouppi et al., ISCA 2017), the sums drain without
    a bubble, and both dataflows share the cells.

    Latency: :attr:`latency` cycles from a weight-stationary slot to its ``sums``, counted from
    ``R - 1`` slots after it; for row ``r`` of a drained tile, from ``r`` slots after ``clear``.
    Throughput: one slot a cycle. Back-pressure: none.

    Parameters
    ----------
    params : ArrayParams
    row_sums : bool
        Adds a column whose weights are all 1: ``row_sum`` is the sum of ``a`` itself.

    Members
    -------
    As :func:`gemmule.hw.systolic.array.signature.array_signature` has them.
    """

    COLUMN = Column

    def __init__(self, params: ArrayParams, *, row_sums: bool = False):
        self.params = params
        self._row_sums = row_sums
        super().__init__(array_signature(params, row_sums=row_sums))

    @property
    def latency(self) -> int:
        """Cycles from a slot to the sums of a weight-stationary tile of one row."""
        return self.params.array_latency

    def elaborate(self, platform):
        m = Module()
        a, control = self._skewed_rows(m)
        if self._row_sums:
            self._sum_rows(m, a, control)
        for col in range(self.params.cols):
            column = self.COLUMN(self.params)
            m.submodules[f"column_{col}"] = shared(column, self.params)
            m.d.comb += [
                column.a.eq(a),
                column.control.eq(control),
                column.b.eq(self._skewed_column(m, col)),
                self.sums[0][col].eq(self._straight(m, f"sum_{col}", column.result, col)),
            ]
            a, control = column.a_out, column.control_out
        return m

    def _skewed_rows(self, m: Module) -> tuple[data.View, data.View]:
        """Skew ``a`` and the controls for the first column: row ``r`` is ``r`` slots late."""
        params = self.params
        layout = control_layout(params)
        a = Signal(data.ArrayLayout(params.a_shape, params.rows), name="skewed_a")
        control = Signal(data.ArrayLayout(layout, params.rows), name="skewed_control")
        controls = row_controls(
            m, params, self, late=lambda row: row, behind=params.product_latency
        )
        for row, values in enumerate(controls):
            m.d.comb += a[row].eq(delay(m, f"a_{row}", self.a[0][row], row))
            if "shift" in layout.members:
                moved = delay(m, f"shift_{row}", self.shift[row], row)
                m.d.comb += control[row].shift.eq(moved)
            m.d.comb += [control[row][name].eq(value) for name, value in values.items()]
        return a, control

    def _skewed_column(self, m: Module, col: int) -> Value:
        # Without a weight register, b is multiplied a slot earlier than the others' contract says.
        early = "ws" not in self.params.dataflows
        return delay(m, f"b_{col}", self.b[col], col + early)

    def _straight(self, m: Module, name: str, value: Value, col: int) -> Value:
        return delay(m, name, value, self.params.cols - 1 - col)

    def _sum_rows(self, m: Module, a: data.View, control: data.View) -> None:
        column = self.COLUMN(self.params, unit=True)
        m.submodules.row_sums = column
        m.d.comb += [
            column.a.eq(a),
            column.control.eq(control),
            self.row_sum[0].eq(self._straight(m, "row_sum", column.result, 0)),
        ]
