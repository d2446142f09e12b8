"""Units that compute a function of each lane by itself, one vector a cycle."""

from inspect import cleandoc

from amaranth import Cat, Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from gemmule.golden.nonlinear.functions import FUNCTIONS, Function
from gemmule.hw.common.pipeline import delay
from gemmule.hw.common.shared import shared
from gemmule.hw.common.stream.credit_fifo import CreditFifo, depth_for
from gemmule.hw.common.stream.payload import packet_stream, vector

from .lane import Lane
from .params import ElementwiseParams

__all__ = ["COMPONENTS", "Elementwise"]


class Elementwise(wiring.Component):
    """A function of each element of a stream of vectors.

    ``y = f(x)``

    :func:`golden.nonlinear.elementwise.build_unit` defines the bits: a table where the input has
    few bits, a piecewise polynomial of the magnitude or the mantissa, a product of two tables, or
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
    x : In(packet stream of [lanes] x in_format)
    y : Out(packet stream of [lanes] x out_format)
        As many beats, in order, ``last`` where x has it.
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
        m.submodules.results = results = CreditFifo(self.y.payload.shape(), depth)
        accept = self.x.valid & results.room
        inside = delay(m, "inside", Cat(accept, self.x.payload.last), self.latency - 1, reset=True)
        lanes = [self._lane(m, n) for n in range(self.params.lanes)]
        m.d.comb += [
            self.x.ready.eq(results.room),
            results.enter.eq(accept),
            results.valid.eq(inside[0]),
            Value.cast(results.payload).eq(Cat(*lanes, inside[1])),
        ]
        wiring.connect(m, results.o, wiring.flipped(self.y))
        return m

    def _lane(self, m: Module, n: int) -> Value:
        lane = self._lanes[n]
        params = self.params
        m.submodules[f"lane_{n}"] = shared(lane, params)
        m.d.comb += lane.x.eq(self.x.payload.data[n])
        return lane.y


def _made(function: Function) -> type[Elementwise]:
    """Make the component of one function; its docstring ends as that of all."""
    shared_part = cleandoc(Elementwise.__doc__)
    formula = function.formula.format(alpha="alpha", beta="beta")
    paragraphs = [
        f"Compute {function.title} of each element of a stream of vectors.",
        f"``y = {formula}``",
        function.text,
        f"Source: {function.source}" if function.source else "",
        shared_part[shared_part.index("Latency:") :],
    ]
    about = {"__doc__": "\n\n".join(filter(None, paragraphs)), "__module__": __name__}
    return type(function.name.capitalize(), (Elementwise,), about)


COMPONENTS = {function.name: _made(function) for function in FUNCTIONS.values()}
"""The component of each function, by its name."""
