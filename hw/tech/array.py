"""The R x C array made of DSP blocks, with the ports and the slots of the generic one."""

from amaranth import Cat, Const, Module, Signal, Value
from amaranth.lib import data, wiring

from gemmule.hw.common.pipeline import delay, wire
from gemmule.hw.common.shared import shared
from gemmule.hw.systolic.array.cell import Column
from gemmule.hw.systolic.array.signature import array_signature
from gemmule.hw.systolic.array.skew import row_controls
from gemmule.hw.systolic.array.systolic_array import SystolicArray
from gemmule.hw.systolic.params import ArrayParams

from .column import DspColumn, row_control
from .operands import joined, moving_layout
from .unpack import unpacked

__all__ = ["DspArray", "array_of_cells"]


class DspArray(wiring.Component):
    """A systolic array of DSP48 blocks: :class:`SystolicArray` for one device family.

    The slots, the ports and what ``sums`` hold are those of :class:`SystolicArray`, with one rule
    more where the rows fall into several chains: row ``r`` takes its last ``shift`` of a tile at
    least ``r`` slots before the tile's last weight. With ``--pack m`` and ``quad`` a slot takes
    two rows of ``a``, ``a[0]`` and ``a[1]``, and gives two of sums.

    Weights wait in the first register of a block's wide operand and are multiplied from the
    second; they come down the A cascade, and sums down the P cascade. One unpacking a chain.

    Latency: :attr:`latency`, as in :class:`SystolicArray`.
    Throughput: one slot a cycle. Back-pressure: none.

    Parameters
    ----------
    params : ArrayParams
    row_sums : bool

    Members
    -------
    As :func:`gemmule.hw.systolic.array.signature.array_signature` has them.
    """

    COLUMN = DspColumn
    ROW_SUMS = Column

    def __init__(self, params: ArrayParams, *, row_sums: bool = False):
        self.params = params
        self.plan = params.chains
        self._row_sums = row_sums
        super().__init__(array_signature(params, row_sums=row_sums))

    @property
    def latency(self) -> int:
        """Cycles from a slot to the sums of a weight-stationary tile of one row."""
        return self.params.array_latency

    def elaborate(self, platform):
        m = Module()
        moving, control = self._rows(m)
        for group in range(self.plan.groups):
            column = self.COLUMN(self.params)
            m.submodules[f"column_{group}"] = shared(column, self.params)
            m.d.comb += [
                column.a.eq(moving),
                column.control.eq(control),
                column.b.eq(self._weights(m, group)),
            ]
            self._results(m, group, column)
            moving, control = column.a_out, column.control_out
        if self._row_sums:
            sums = [self._row_sum(m, lane, index) for index, lane in enumerate(self.a)]
            m.d.comb += Value.cast(self.row_sum).eq(Cat(*sums))
        return m

    def _moving_layout(self) -> data.ArrayLayout:
        return moving_layout(self.plan.packing)

    def _rows(self, m: Module) -> tuple[data.View, data.View]:
        """Return the moving operands and the controls in front of the first column."""
        params, plan = self.params, self.plan
        moving = Signal(data.ArrayLayout(self._moving_layout(), params.rows), name="skewed_a")
        layout = row_control(params)
        control = Signal(data.ArrayLayout(layout, params.rows), name="skewed_control")
        controls = row_controls(m, params, self, late=plan.late, behind=1)
        for row, values in enumerate(controls):
            parts = [
                delay(m, f"a_{row}_{index}", lane[row], plan.late(row))
                for index, lane in enumerate(self.a)
            ]
            if params.pack == "quad":
                parts = [joined(parts, plan.packing.spacing)]
            m.d.comb += [moving[row][index].eq(part) for index, part in enumerate(parts)]
            if "ws" in params.dataflows:
                values["shift"] = delay(m, f"shift_{row}", self.shift[row], row)
            if params.dataflow != "ws":
                values["chain"] = wire(m, f"chain_{row}", values.get("ws", Const(0, 1)))
                values["busy"] = ~values["clear"]
                values["keep"] = values["busy"] & ~values["chain"]
            m.d.comb += [control[row][name].eq(values[name]) for name in layout.members]
        return moving, control

    def _weights(self, m: Module, group: int) -> Value:
        """Return the weights at the top of a column, ``group`` cycles late as its slots are."""
        count, cols = self.plan.packing.columns, self.params.cols
        chosen = [col for col in range(group * count, (group + 1) * count) if col < cols]
        late = [delay(m, f"b_{col}", self.b[col], group) for col in chosen]
        return joined(late, self.plan.packing.spacing * self.params.m_lanes)

    def _results(self, m: Module, group: int, column: DspColumn) -> None:
        plan, cols = self.plan, self.params.cols
        wait = plan.groups - 1 - group + plan.spare
        for col, row, value in unpacked(m, plan, group, column.result, self.params.psum_width):
            if col < cols:
                straight = delay(m, f"sum_{col}_{row}", value, wait)
                m.d.comb += self.sums[row][col].eq(straight)

    def _row_sum(self, m: Module, a: data.View, index: int) -> Value:
        """Sum one row of ``a`` in a column of generic cells, in time with the others."""
        params = self.params
        column = self.ROW_SUMS(params, unit=True)
        m.submodules[f"row_sums_{index}"] = column
        name = f"row_sum_{index}"
        controls = row_controls(
            m, params, self, late=lambda row: row, behind=params.product_latency
        )
        for row, values in enumerate(controls):
            m.d.comb += column.a[row].eq(delay(m, f"{name}_a_{row}", a[row], row))
            m.d.comb += [column.control[row][key].eq(value) for key, value in values.items()]
        wait = self.latency - params.chains.least
        return delay(m, name, column.result, wait)


def array_of_cells(params: ArrayParams, *, row_sums: bool = False) -> SystolicArray | DspArray:
    """Build a systolic array of multiply-accumulate cells of a kind of choice."""
    kind = SystolicArray if params.cell == "generic" else DspArray
    return kind(params, row_sums=row_sums)
