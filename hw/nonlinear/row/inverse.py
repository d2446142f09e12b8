"""The reciprocal of a row's sum, pipelined, without a multiplier."""

from amaranth import Value
from amaranth.lib.wiring import In, Out

from gemmule.golden.nonlinear.softmax import DELTA_FRAC, EXP_FORMAT, Reciprocal
from gemmule.hw.nonlinear.datapath.arithmetic import product_in_fabric
from gemmule.hw.nonlinear.datapath.flow import Flow, FlowComponent, Timed
from gemmule.hw.nonlinear.datapath.polynomial import polynomial
from gemmule.hw.nonlinear.datapath.powers import normalized

__all__ = ["Inverse"]


class Inverse(FlowComponent):
    """``delta / total``: normalize, a line of the mantissa, times delta, denormalize.

    :class:`golden.nonlinear.softmax.Reciprocal` defines the bits. It is one for all lanes, and its
    products are made of adders, so that the lanes' two multipliers are all that softmax takes.

    Latency: ``latency`` cycles. Throughput: one a cycle. Back-pressure: none, it runs free.

    Parameters
    ----------
    width : int
        Bits of the sum.

    Members
    -------
    total : In(width)
    delta : In(DELTA_FRAC + 1)
        Held while a row is in flight.
    inverse : Out(Reciprocal.frac + 1)
    """

    def __init__(self, width: int):
        super().__init__({
            "total": In(width),
            "delta": In(DELTA_FRAC + 1),
            "inverse": Out(Reciprocal().frac + 1),
        })

    def _flow(self, flow: Flow) -> dict[str, Timed]:
        golden = Reciprocal()
        width, one = len(self.total), EXP_FORMAT.frac
        present = flow.step("present", lambda t: t[one:].any(), Timed(self.total))
        mantissa, zeros = normalized(flow, Timed(self.total))
        position = Timed(mantissa.value[width - 1 - golden.mantissa_bits : -1], mantissa.time)
        line = polynomial(flow, golden.pieces, position, fabric=True)
        line = Timed(line.value[: golden.frac + 1], line.time)
        scaled = product_in_fabric(flow, "scaled", line, Timed(self.delta, line.time))
        # A shift by k - one + DELTA_FRAC, less one for the bit that rounds.
        most = width - 1 - one + DELTA_FRAC - 1
        shifted = flow.step(
            "shifted", lambda v, z: v >> (most - z)[: most.bit_length()], scaled, zeros
        )

        def result(shifted: Value, present: Value) -> Value:
            return (shifted + 1 >> 1)[: golden.frac + 1] & present.replicate(golden.frac + 1)

        return {"inverse": flow.step("inverse", result, shifted, present)}
