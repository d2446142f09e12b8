"""One lane of an elementwise unit."""

from amaranth.lib.wiring import In, Out

from gemmule.golden.nonlinear.elementwise import Unit
from gemmule.golden.nonlinear.exponential import HeatvitExp, TwoTableExp
from gemmule.golden.nonlinear.slope import Slope
from gemmule.golden.nonlinear.units import Lines, Powers, RectifiedTable, Reflected, Table
from gemmule.hw.common.stream.payload import shape_of

from .datapath.exponential import heatvit, product
from .datapath.flow import Flow, FlowComponent, Timed
from .datapath.lines import lines, rectified_table, slope, table
from .datapath.powers import powers
from .datapath.reflected import reflected

__all__ = ["Lane"]

DATAPATHS = {
    HeatvitExp: heatvit,
    Lines: lines,
    Powers: powers,
    TwoTableExp: product,
    Reflected: reflected,
    RectifiedTable: rectified_table,
    Slope: slope,
    Table: table,
}


class Lane(FlowComponent):
    """A function of one number, of a new one each cycle.

    ``y = unit(x)``; the unit, from :func:`golden.nonlinear.elementwise.build_unit`, defines the
    bits.

    Latency: ``latency`` cycles. Throughput: one a cycle. Back-pressure: none, it runs free.

    Parameters
    ----------
    unit : Unit

    Members
    -------
    x : In(``unit.in_format``)
    y : Out(``unit.out_format``)
    """

    def __init__(self, unit: Unit):
        self.unit = unit
        super().__init__({
            "x": In(shape_of(unit.in_format)),
            "y": Out(shape_of(unit.out_format)),
        })

    def _flow(self, flow: Flow) -> dict[str, Timed]:
        return {"y": DATAPATHS[type(self.unit)](flow, self.unit, Timed(self.x))}
