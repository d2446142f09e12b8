"""Units that compute a function of each lane by itself, one vector a cycle."""

from amaranth import Cat, Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..common.pipeline import delay
from ..common.shared import shared
from ..common.streams import packet_stream, vector
from .drain import Drain, depth_for
from .lane import Lane
from .params import ElementwiseParams

__all__ = [
    "Elementwise",
    "Exp",
    "Gelu",
    "Hardsigmoid",
    "Hardswish",
    "Reciprocal",
    "Rsqrt",
    "Sigmoid",
    "Silu",
    "Tanh",
]


class Elementwise(wiring.Component):
    """A function of each element of a stream of vectors.

    ``y = f(x)``

    ``golden.nonlinear.elementwise.build_unit`` defines the bits: a table where the input has few
    bits, a piecewise polynomial of the magnitude or the mantissa, a product of two tables, or
    straight lines. Rounded once, half up; saturated.

    Latency: ``latency`` cycles. Throughput: one vector a cycle. Back-pressure: the pipeline runs
    free into a queue, and takes no more than that has places for; no combinational path joins the
    two sides.

    Parameters
    ----------
    params : ElementwiseParams

    Members
    -------
    x : In(stream of packets of [lanes] x in_format)
    y : Out(stream of packets of [lanes] x out_format)
        As many beats, ``last`` where x has it.
    """

    def __init__(self, params: ElementwiseParams):
        self.params = params
        super().__init__({
            "x": In(packet_stream(vector(params.in_format, params.lanes))),
            "y": Out(packet_stream(vector(params.out_format, params.lanes))),
        })
        lanes = range(params.lanes)
        self._lanes = [Lane(params.unit) for _ in lanes]
        self.latency = self._lanes[0].latency + 1

    def elaborate(self, platform):
        m = Module()
        depth = depth_for(self.latency)
        m.submodules.drain = drain = Drain(self.y.payload.shape(), depth)
        accept = self.x.valid & drain.room
        inside = delay(m, "inside", Cat(accept, self.x.payload.last), self.latency - 1, reset=True)
        results = [self._lane(m, n) for n in range(self.params.lanes)]
        m.d.comb += [
            self.x.ready.eq(drain.room),
            drain.enter.eq(accept),
            drain.valid.eq(inside[0]),
            Value.cast(drain.payload).eq(Cat(*results, inside[1])),
        ]
        wiring.connect(m, drain.o, wiring.flipped(self.y))
        return m

    def _lane(self, m: Module, n: int) -> Value:
        lane = self._lanes[n]
        params = self.params
        m.submodules[f"lane_{n}"] = shared(lane, params)
        m.d.comb += lane.x.eq(self.x.payload.data[n])
        return lane.y


class Gelu(Elementwise):
    """Gaussian error linear unit of each element of a stream of vectors.

    ``y = x * Phi(x)``, by the error function and not its tanh form. ``heatvit`` replaces the error
    function by that paper's parabola (arXiv 2211.08110, equations 11 and 12), scaled by ``delta1``:
    0.5 is the paper's, for weights trained with it; 1 is I-BERT's (arXiv 2101.01321).
    See :class:`Elementwise`.
    """


class Sigmoid(Elementwise):
    """Logistic sigmoid of each element of a stream of vectors.

    ``y = 1 / (1 + exp(-x))``. ``plan``, which is also ``heatvit``, has straight lines instead.
    See :class:`Elementwise`.
    """


class Tanh(Elementwise):
    """Hyperbolic tangent of each element of a stream of vectors.

    ``y = tanh(x)``
    See :class:`Elementwise`.
    """


class Silu(Elementwise):
    """Sigmoid linear unit of each element of a stream of vectors.

    ``y = x / (1 + exp(-x))``
    See :class:`Elementwise`.
    """


class Hardswish(Elementwise):
    """Hard swish of each element of a stream of vectors.

    ``y = x * clamp((x + 3) / 6, 0, 1)``
    See :class:`Elementwise`.
    """


class Hardsigmoid(Elementwise):
    """Hard sigmoid of each element of a stream of vectors.

    ``y = clamp((x + 3) / 6, 0, 1)``
    See :class:`Elementwise`.
    """


class Exp(Elementwise):
    """Exponential of each element of a stream of vectors.

    ``y = exp(x)``, saturated. ``heatvit`` is that paper's parabola and shift (arXiv 2211.08110,
    equations 13 and 14), of ``x <= 0``; above, its result is that at 0.
    See :class:`Elementwise`.
    """


class Reciprocal(Elementwise):
    """Reciprocal of each element of a stream of vectors.

    ``y = 1 / x`` of positive x, saturated; zero and below give the greatest output.
    See :class:`Elementwise`.
    """


class Rsqrt(Elementwise):
    """Reciprocal square root of each element of a stream of vectors.

    ``y = 1 / sqrt(x)`` of positive x, saturated; zero and below give the greatest output.
    See :class:`Elementwise`.
    """
