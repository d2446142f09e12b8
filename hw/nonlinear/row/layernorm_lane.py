"""One lane of layer normalization: from an entry to its normalized value."""

from amaranth import Cat, Const, Value, signed
from amaranth.lib.wiring import In, Out

from gemmule.golden.nonlinear.layernorm import DEVIATION_FRAC, EPSILON_FRAC, ROOT_FRAC
from gemmule.hw.common.stream.payload import shape_of
from gemmule.hw.nonlinear.datapath.arithmetic import saturate
from gemmule.hw.nonlinear.datapath.flow import Flow, FlowComponent, Timed
from gemmule.hw.nonlinear.layernorm_params import LayernormParams

__all__ = ["NormLane"]

FINE = 3
"""Bits of the exponent that the second of two shifters takes."""


class NormLane(FlowComponent):
    """``gamma * (n*x - total) * mantissa * 2**-exponent + beta``, rounded half up.

    :func:`golden.nonlinear.layernorm.layernorm` defines the bits. Three multipliers.

    Latency: ``latency`` cycles; gamma and beta are taken ``affine_time`` cycles after x.
    Throughput: one a cycle. Back-pressure: none, it runs free.

    Parameters
    ----------
    params : LayernormParams

    Members
    -------
    x : In(in_format)
    length : In(length_width)
        Held while a row is in flight.
    total : In(signed(total_width))
    mantissa : In(ROOT_FRAC + 1)
    exponent : In(half of the bits of the variance)
    gamma : In(gamma_format)
    beta : In(beta_format)
    y : Out(out_format)
    """

    def __init__(self, params: LayernormParams):
        self.params = params
        super().__init__({
            "x": In(shape_of(params.in_format)),
            "length": In(params.length_width),
            "total": In(signed(params.total_width)),
            "mantissa": In(ROOT_FRAC + 1),
            "exponent": In(range(params.variance_width // 2 + 1)),
            "gamma": In(shape_of(params.gamma_format)),
            "beta": In(shape_of(params.beta_format)),
            "y": Out(shape_of(params.out_format)),
        })

    def _flow(self, flow: Flow) -> dict[str, Timed]:
        deviation = self._deviation(flow)
        self.affine_time = deviation.time
        return {"y": self._weighted(flow, deviation)}

    def _deviation(self, flow: Flow) -> Timed:
        """Return x in standard deviations, with ``DEVIATION_FRAC`` fractional bits."""
        exponent, width = Timed(self.exponent), self.params.deviation_width
        up = EPSILON_FRAC // 2 + DEVIATION_FRAC + 1
        whole = self.params.kind == "layer"
        scaled = flow.step("scaled", lambda x: x * self.length, Timed(self.x))
        apart = flow.step("apart", lambda s, t: s - (t if whole else 0), scaled, Timed(self.total))
        coarse = flow.step(
            "coarse", lambda a, e: (a << up) >> Cat(Const(0, FINE), e[FINE:]), apart, exponent
        )
        fine = flow.step("fine", lambda c, e: (c >> e[:FINE])[:width].as_signed(), coarse, exponent)
        near = flow.step("near", lambda f: f + 1 >> 1, fine)
        product = flow.step("product", lambda n, r: n * r, near, Timed(self.mantissa))
        half = 1 << ROOT_FRAC - 1
        return flow.step(
            "deviation", lambda p: (p + half >> ROOT_FRAC)[: width - 1].as_signed(), product
        )

    def _weighted(self, flow: Flow, deviation: Timed) -> Timed:
        formats = self.params.formats
        product_frac = DEVIATION_FRAC + formats.gamma.frac
        frac = max(product_frac, formats.beta.frac, formats.y.frac)
        down = frac - formats.y.frac
        gamma, beta = Timed(self.gamma, deviation.time), Timed(self.beta, deviation.time)
        product = flow.step("weighted", lambda d, g: d * g, deviation, gamma)

        def moved(product: Value, beta: Value) -> Value:
            return (product << frac - product_frac) + (beta << frac - formats.beta.frac)

        value = flow.step("moved", moved, product, beta)
        near = flow.step("nearest", lambda v: v + (1 << down >> 1) >> down, value)
        shape = near.value.shape()
        low, high = -(1 << shape.width - 1), (1 << shape.width - 1) - 1
        return flow.step("y", lambda v: saturate(v, formats.y, low, high), near)
