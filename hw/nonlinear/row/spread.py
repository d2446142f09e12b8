"""The reciprocal of a row's standard deviation, pipelined."""

from amaranth import Cat, Const, Value, signed
from amaranth.lib.wiring import In, Out

from gemmule.golden.nonlinear.layernorm import (
    EPSILON_FRAC,
    MANTISSA_BITS,
    ROOT_FRAC,
    RootReciprocal,
)
from gemmule.hw.nonlinear.datapath.arithmetic import sum_in_parts
from gemmule.hw.nonlinear.datapath.flow import Flow, FlowComponent, Timed
from gemmule.hw.nonlinear.datapath.polynomial import polynomial
from gemmule.hw.nonlinear.datapath.powers import normalized
from gemmule.hw.nonlinear.layernorm_params import LayernormParams

__all__ = ["InverseDeviation"]


class InverseDeviation(FlowComponent):
    """``1 / sqrt(n * squares - total**2 + epsilon)`` as mantissa and exponent; mantissa 0 of 0.

    The difference is n**2 times the variance, exactly.
    :class:`golden.nonlinear.layernorm.RootReciprocal` defines the bits.

    Latency: ``latency`` cycles. Throughput: one a cycle. Back-pressure: none, it runs free.

    Parameters
    ----------
    params : LayernormParams

    Members
    -------
    total : In(signed(total_width))
    squares : In(squares_width)
    length : In(length_width)
    epsilon : In(epsilon_width)
        Both held while a row is in flight.
    mantissa : Out(ROOT_FRAC + 1)
    exponent : Out(half of the bits of the variance)
    """

    def __init__(self, params: LayernormParams):
        self.params = params
        super().__init__({
            "total": In(signed(params.total_width)),
            "squares": In(params.squares_width),
            "length": In(params.length_width),
            "epsilon": In(params.epsilon_width),
            "mantissa": Out(ROOT_FRAC + 1),
            "exponent": Out(range(params.variance_width // 2 + 1)),
        })

    def _flow(self, flow: Flow) -> dict[str, Timed]:
        width = self.params.variance_width + 1
        scaled = flow.step("scaled", lambda q: q * self.length, Timed(self.squares))
        square = flow.step("square", lambda t: t * t, Timed(self.total))
        bits = width - 1 - EPSILON_FRAC
        variance = sum_in_parts(flow, "variance", scaled, square, bits, minus=True)
        above = Timed(self.epsilon[EPSILON_FRAC:], variance.time)
        whole = sum_in_parts(flow, "whole", variance, above, bits + 1)
        value = Timed(Cat(self.epsilon[:EPSILON_FRAC], whole.value), whole.time)
        present = flow.step("present", lambda v: v.any(), value)
        top, zeros = normalized(flow, value)

        def position(top: Value, zeros: Value) -> Value:
            # The highest one is bit `width - 1 - zeros`; where that is odd, m is in [2, 4).
            odd = zeros[0] ^ ((width - 1) & 1)
            fraction = Cat(Const(0, MANTISSA_BITS), top[:-1])[-MANTISSA_BITS:]
            return Cat(fraction, odd)

        root = polynomial(
            flow, RootReciprocal().pieces, flow.step("position", position, top, zeros)
        )
        mantissa = flow.step(
            "mantissa",
            lambda r, p: r[: ROOT_FRAC + 1] & p.replicate(ROOT_FRAC + 1),
            root,
            present,
        )
        exponent = flow.step(
            "exponent", lambda z: (width - 1 - z) >> 1, zeros, since=mantissa.time - 1
        )
        return {"mantissa": mantissa, "exponent": exponent}
