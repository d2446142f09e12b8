"""Multiplies, rounds once, moves and clamps, every lane alike."""

from amaranth import Cat, Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.hw.common.pipeline import delay, wire
from gemmule.hw.common.requantize.lane import RequantizerLane
from gemmule.hw.common.requantize.params import RequantizerParams
from gemmule.hw.common.shared import shared
from gemmule.hw.common.stream.credit_fifo import CreditFifo, depth_for

from .layouts import elements_layout, scale_layout
from .params import WHOLE

__all__ = ["Scaler"]

LATE = 3
"""Cycles behind the product in which a lane is told whether it counts."""


class Scaler(wiring.Component):
    """Scale vectors: ``o = clamp(round(i * multiplier / 2**shift) + zero_point)``.

    Rounded once, ties as ``rounding`` says; lanes that are not kept, within ``i``, give 0.

    Latency: ``latency`` cycles. Throughput: a vector a cycle. Back-pressure: the lanes run free
    into a queue, and take no more than that has places for.

    Parameters
    ----------
    params : RequantizerParams

    Members
    -------
    how : In(:func:`~.layouts.scale_layout`), held while vectors are inside
    i, o : In, Out(stream of :func:`~.layouts.elements_layout`)
    """

    def __init__(self, params: RequantizerParams):
        self.params = params
        self.latency = params.latency + 1
        super().__init__({
            "how": In(scale_layout(params)),
            "i": In(stream.Signature(elements_layout(params.acc_width, params.lanes))),
            "o": Out(stream.Signature(elements_layout(WHOLE, params.lanes))),
        })

    def elaborate(self, platform):
        m = Module()
        params, how, given = self.params, self.how, self.i.p
        m.submodules.results = results = CreditFifo(self.o.p.shape(), depth_for(self.latency))
        enter = wire(m, "enter", self.i.valid & results.room)
        frame = delay(m, "frame", Cat(given.keep, given.last), params.latency)
        valid = delay(m, "inside", enter, params.latency, reset=True)
        kept = delay(m, "kept", given.keep, params.times["product"] + LATE)
        outs = Signal(self.o.p.data.shape(), name="scaled")
        m.d.comb += [
            self.i.ready.eq(results.room),
            results.enter.eq(enter),
            results.valid.eq(valid),
            Value.cast(results.payload).eq(Cat(outs, frame)),
        ]
        wiring.connect(m, results.o, wiring.flipped(self.o))
        for n in range(params.lanes):
            lane = RequantizerLane(params)
            m.submodules[f"lane_{n}"] = shared(lane, params)
            m.d.comb += [
                lane.sums.eq(given.data[n]),
                lane.final.eq(1),
                lane.multiplier.eq(how.multiplier),
                lane.drop.eq(how.drop),
                lane.rounding.eq(how.rounding),
                lane.base.eq(how.base),
                lane.span.eq(how.span),
                lane.span_held.eq(how.span),
                lane.low.eq(how.low),
                lane.used.eq(kept[n]),
                outs[n].eq(lane.out),
            ]
        return m
