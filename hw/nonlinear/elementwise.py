"""Units that compute a function of each lane by itself, one vector a cycle."""

from inspect import cleandoc

from amaranth import Cat, Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from gemmule.hw.common.pipeline import delay
from gemmule.hw.common.shared import shared
from gemmule.hw.common.streams import packet_stream, vector

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
    straight lines. Rounded once, half up (PLAN: down); saturated.

    Latency: a few cycles, by the formats: ``latency`` of the manifest.
    Throughput: one vector a cycle.
    Back-pressure: the pipeline runs free into a queue, and takes no more than that has places for;
    no combinational path joins the two sides.

    There are no commands, and each lane of each beat is computed by itself: ``last`` is carried
    along and means nothing here, so a packet may have any length and none can be wrong. A lane that
    holds nothing of use gives the function of whatever it holds.

    Parameters
    ----------
    params : ElementwiseParams

    Members
    -------
    x : In(stream of packets of [lanes] x in_format)
    y : Out(stream of packets of [lanes] x out_format)
        As many beats, in order, ``last`` where x has it.
    """

    def __init_subclass__(cls):
        """What holds for all functions ends the docstring of each."""
        shared_part = cleandoc(Elementwise.__doc__)
        cls.__doc__ = f"{cleandoc(cls.__doc__)}\n\n{shared_part[shared_part.index('Latency:') :]}"

    def __init__(self, params: ElementwiseParams):
        self.params = params
        super().__init__({
            "x": In(packet_stream(vector(params.in_format, params.lanes))),
            "y": Out(packet_stream(vector(params.out_format, params.lanes))),
        })
        lanes = range(params.lanes)
        self._lanes = [Lane(params.unit) for _ in lanes]
        self.latency = self._lanes[0].latency + 1

    @property
    def notes(self) -> str:
        """What the fitter chose, and the error over all inputs."""
        error = self.params.error
        return (
            f"{self.params.unit.made_of}; at most {error.steps[0]:.3g} steps of y "
            f"({error.maximum:.3g}) from the true function"
        )

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
    function by a parabola, scaled by ``delta1``: 0.5 is the paper's, for weights trained with it; 1
    is I-BERT's (arXiv 2101.01321).

    Source: heatvit: P. Dong et al., "HeatViT", HPCA 2023, arXiv 2211.08110, equations 11 and 12.
    """


class Sigmoid(Elementwise):
    """Logistic sigmoid of each element of a stream of vectors.

    ``y = 1 / (1 + exp(-x))``. ``plan``, which is also ``heatvit``, has straight
    lines instead.

    Source: plan: H. Amin, K. Curtis, B. Hayes-Gill, IEE Proc. Circuits 1997; used by HeatViT.
    """


class Tanh(Elementwise):
    """Hyperbolic tangent of each element of a stream of vectors.

    ``y = tanh(x)``
    """


class Silu(Elementwise):
    """Sigmoid linear unit of each element of a stream of vectors.

    ``y = x / (1 + exp(-x))``
    """


class Hardswish(Elementwise):
    """Hard swish of each element of a stream of vectors.

    ``y = x * clamp((x + 3) / 6, 0, 1)``
    """


class Hardsigmoid(Elementwise):
    """Hard sigmoid of each element of a stream of vectors.

    ``y = clamp(alpha * x + beta, 0, 1)``; ``(x + 3) / 6`` where nothing else is asked for. Of any
    other line the result is the exact value, rounded once, ties up, wherever a factor of 24 bits
    gives that; the notes tell the greatest error.
    """


class Exp(Elementwise):
    """Exponential of each element of a stream of vectors.

    ``y = exp(x)``, saturated. ``heatvit`` is a parabola and a shift, of ``x <= 0``; above, its
    result is that at 0.

    Source: heatvit: P. Dong et al., "HeatViT", HPCA 2023, arXiv 2211.08110, equations 13 and 14.
    """


class Reciprocal(Elementwise):
    """Reciprocal of each element of a stream of vectors.

    ``y = 1 / x`` of positive x, saturated; zero and below give the greatest output.
    """


class Rsqrt(Elementwise):
    """Reciprocal square root of each element of a stream of vectors.

    ``y = 1 / sqrt(x)`` of positive x, saturated; zero and below give the greatest output.
    """
