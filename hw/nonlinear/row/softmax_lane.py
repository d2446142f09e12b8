"""The two lanes of softmax: the exponential of the distance to the maximum, and the quotient."""

from amaranth import Const, Mux, Value
from amaranth.lib.wiring import In, Out

from gemmule.golden.nonlinear.exponential import TwoTableExp
from gemmule.golden.nonlinear.softmax import CODES, EXP_FORMAT, Reciprocal, exp_unit
from gemmule.golden.nonlinear.units import rounded
from gemmule.hw.common.stream.payload import shape_of
from gemmule.hw.nonlinear.datapath.arithmetic import saturate
from gemmule.hw.nonlinear.datapath.exponential import heatvit_below, product_below
from gemmule.hw.nonlinear.datapath.flow import Flow, FlowComponent, Timed
from gemmule.hw.nonlinear.softmax_params import SoftmaxParams

__all__ = ["PowerLane", "QuotientLane"]

PRODUCT_FRAC = EXP_FORMAT.frac + Reciprocal().frac


class PowerLane(FlowComponent):
    """``exp(x - greatest)``, or 0 where ``keep`` is not set.

    :func:`golden.nonlinear.softmax.exp_unit` defines the bits.

    Latency: ``latency`` cycles. Throughput: one a cycle. Back-pressure: none, it runs free.

    Parameters
    ----------
    params : SoftmaxParams

    Members
    -------
    x : In(in_format)
    greatest : In(in_format)
    keep : In(1)
    power : Out(EXP_FORMAT)
    """

    def __init__(self, params: SoftmaxParams):
        self.params = params
        super().__init__({
            "x": In(shape_of(params.in_format)),
            "greatest": In(shape_of(params.in_format)),
            "keep": In(1),
            "power": Out(shape_of(EXP_FORMAT)),
        })

    def _flow(self, flow: Flow) -> dict[str, Timed]:
        unit = exp_unit(self.params.in_format, self.params.coefficients)
        distance = flow.step(
            "distance", lambda x, top: top - x, Timed(self.x), Timed(self.greatest)
        )
        below = product_below if isinstance(unit, TwoTableExp) else heatvit_below
        power = below(flow, unit, distance)
        return {"power": flow.step("power", lambda p, k: Mux(k, p, 0), power, Timed(self.keep))}


class QuotientLane(FlowComponent):
    """``power * inverse``, rounded half up, or the code of its logarithm.

    :func:`golden.nonlinear.softmax.softmax` defines the bits.

    Latency: ``latency`` cycles. Throughput: one a cycle. Back-pressure: none, it runs free.

    Parameters
    ----------
    params : SoftmaxParams

    Members
    -------
    power : In(EXP_FORMAT)
    inverse : In(Reciprocal.frac + 1)
    log2 : In(1)
        Held while a row is in flight.
    y : Out(out_format)
    """

    def __init__(self, params: SoftmaxParams):
        self.params = params
        super().__init__({
            "power": In(shape_of(EXP_FORMAT)),
            "inverse": In(Reciprocal().frac + 1),
            "log2": In(1),
            "y": Out(shape_of(params.out_format)),
        })

    def _flow(self, flow: Flow) -> dict[str, Timed]:
        fmt = self.params.out_format
        down = PRODUCT_FRAC - fmt.frac
        greatest = rounded(self.params.greatest_power << Reciprocal().frac, down)
        product = flow.step("product", lambda a, b: a * b, Timed(self.power), Timed(self.inverse))
        code = flow.step("code", logarithm, product)
        near = flow.step("near", lambda p: p + (1 << down >> 1) >> down, product)

        def chosen(near: Value, code: Value) -> Value:
            return Mux(self.log2, code, saturate(near, fmt, 0, greatest))

        return {"y": flow.step("y", chosen, near, code)}


def logarithm(product: Value) -> Value:
    """Count the zeros between the binary point and the highest one, at most 15."""
    code = Const(CODES - 1, range(CODES))
    for zeros in reversed(range(CODES - 1)):
        code = Mux(product[PRODUCT_FRAC - 1 - zeros :].any(), zeros, code)
    return code
