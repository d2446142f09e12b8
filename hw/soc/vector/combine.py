"""Two operands become one, before anything is rounded."""

from amaranth import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.golden.soc.commands import Combine
from gemmule.hw.common.pipeline import wire
from gemmule.hw.common.shared import shared

from .layouts import combine_layout, elements_layout
from .params import COMBINED, SMALL, VectorUnitParams

__all__ = ["CombineLane", "Combiner"]

A_WIDTH, B_WIDTH = 33, 17
"""Bits, signed, of an element of up to 4 bytes and of one of up to 2, whatever its sign."""

STAGES = 6


class CombineLane(wiring.Component):
    """One element: ``z`` as :class:`golden.soc.commands.Combine` says.

    Latency: 6 cycles in which ``step`` is set. Throughput: an element a step.

    Members
    -------
    step : In(1)
    a : In(signed(33)); b : In(signed(17))
    how : In(:func:`~.layouts.combine_layout`), held
    z : Out(signed(36))
    """

    def __init__(self):
        super().__init__({
            "step": In(1),
            "a": In(signed(A_WIDTH)),
            "b": In(signed(B_WIDTH)),
            "how": In(combine_layout()),
            "z": Out(signed(COMBINED)),
        })

    def elaborate(self, platform):
        m = Module()
        how, operand = self.how, SMALL + 1
        adds, multiplies = how.combine == Combine.ADD, how.combine == Combine.MULTIPLY
        chooses = how.combine.matches(Combine.MAXIMUM.value, Combine.MINIMUM.value)
        least = how.combine == Combine.MINIMUM
        # Of two operands neither has more than 16 bits: their distances from zero points have 18.
        a, b = Signal.like(self.a), Signal.like(self.b)
        u, v = Signal(signed(A_WIDTH + 1)), Signal(signed(operand))
        held = [Signal.like(u, name=f"u_{n}") for n in range(2)]
        factor, other = Signal(signed(operand)), Signal(signed(operand))
        first, second = Signal(signed(COMBINED)), Signal(signed(COMBINED))
        left, right = Signal(signed(COMBINED)), Signal(signed(COMBINED))
        with m.If(self.step):
            m.d.sync += [
                a.eq(self.a),
                b.eq(self.b),
                u.eq(a - how.a_zero_point),
                v.eq(b - how.b_zero_point),
                held[0].eq(Mux(chooses & ((u[:operand].as_signed() < v) ^ least), v, u)),
                factor.eq(Mux(multiplies, v, how.a_multiplier)),
                other.eq(v),
                held[1].eq(held[0]),
                first.eq(held[0][:operand].as_signed() * factor),
                second.eq(other * how.b_multiplier),
                left.eq(Mux(adds | multiplies, first, held[1])),
                right.eq(Mux(adds, second, 0)),
                self.z.eq(left + right),
            ]
        return m


class Combiner(wiring.Component):
    """Combine the elements of a and b, vector by vector.

    Latency: 6 cycles. Throughput: a vector a cycle. Back-pressure: all stages wait while ``z``
    does; ``a`` and ``b`` are taken together.

    Parameters
    ----------
    params : VectorUnitParams

    Members
    -------
    go : In(1)
        ``how`` is known.
    how : In(:func:`~.layouts.combine_layout`), held while vectors are inside
    a, b : In(stream of :func:`~.layouts.elements_layout`)
    z : Out(stream of :func:`~.layouts.elements_layout`)
    """

    def __init__(self, params: VectorUnitParams):
        self._lanes = params.lanes
        super().__init__({
            "go": In(1),
            "how": In(combine_layout()),
            "a": In(stream.Signature(elements_layout(A_WIDTH, params.lanes))),
            "b": In(stream.Signature(elements_layout(B_WIDTH, params.lanes))),
            "z": Out(stream.Signature(elements_layout(COMBINED, params.lanes))),
        })

    def elaborate(self, platform):
        m = Module()
        how, a, b = self.how, self.a.p, self.b.p
        step = wire(m, "step", ~self.z.valid | self.z.ready)
        both = wire(m, "both", self.a.valid & (self.b.valid | ~how.two) & self.go)
        m.d.comb += [self.a.ready.eq(step & both), self.b.ready.eq(step & both & how.two)]
        masks = how.combine == Combine.MASK
        kept = Cat((each != 0) | ~masks for each in b.data)
        row = Signal(len(Cat(kept, a.last)), name="row_in")
        m.d.comb += row.eq(Cat(a.keep & kept, a.last))
        valid: Value = both
        frame: Value = row
        for n in range(STAGES):
            there, late = Signal(name=f"valid_{n}"), Signal.like(row, name=f"row_{n}")
            with m.If(step):
                m.d.sync += [there.eq(valid), late.eq(frame)]
            valid, frame = there, late
        m.d.comb += [
            self.z.valid.eq(valid),
            Cat(self.z.p.keep, self.z.p.last).eq(frame),
        ]
        for n in range(self._lanes):
            lane = CombineLane()
            m.submodules[f"lane_{n}"] = shared(lane, ())
            m.d.comb += [
                lane.step.eq(step),
                lane.a.eq(a.data[n]),
                lane.b.eq(b.data[n]),
                lane.how.eq(how),
                self.z.p.data[n].eq(lane.z),
            ]
        return m
