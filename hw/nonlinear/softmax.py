"""Softmax over rows, a vector a cycle."""

from amaranth import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data
from amaranth.lib.fifo import SyncFIFOBuffered

from gemmule.golden.nonlinear.softmax import DELTA_FRAC, EXP_FORMAT, Refusal
from gemmule.hw.common.pipeline import delay, wire
from gemmule.hw.common.shared import shared
from gemmule.hw.common.stream.credit_fifo import CreditFifo
from gemmule.hw.common.stream.payload import shape_of, vector

from .datapath.flow import Flow, Timed
from .row.commands import Rows
from .row.inverse import Inverse
from .row.softmax_lane import PowerLane, QuotientLane
from .row.sums import (
    QUEUE,
    add,
    buffer_depth,
    framed,
    greater,
    over_row,
    sum_cycles,
    sum_over_row,
    tree,
)
from .row.unit import RowUnit
from .softmax_params import SoftmaxParams

__all__ = ["Softmax"]


class Softmax(RowUnit):
    """Softmax of each row of a stream of vectors, masked entries left out.

    ``y = delta * exp(x - max) / sum(exp(x - max))``, or ``clamp(round(-log2 y), 0, 15)``

    :func:`golden.nonlinear.softmax.softmax` defines the bits; a row of which all is masked gives
    zeros.

    Memory is passed over once: three stages, each a vector a cycle, work on neighboring rows. The
    first finds the maximum while the row goes into a buffer; the second takes exponentials into a
    second buffer and sums them; the third multiplies by the inverse of the sum.

    Source: delta and the parabola of heatvit: P. Dong et al., "HeatViT", HPCA 2023, arXiv
    2211.08110, equations 13 and 14; the 4-bit logarithm: X. Shen et al., "Agile-Quant", AAAI 2024.
    Latency: ``latency + 2 * (beats - 1)`` cycles from the first of a row's beats to its first
    result.
    Throughput: one vector a cycle, rows back to back, of any length.
    Back-pressure: the stages run free into buffers that have room for what they were given; no
    combinational path joins the two sides. A command waits until the rows of the one before it
    have left.

    A row ends at ``last``, and rows of one command may differ in length. What is beyond the beats
    that ``max_length`` entries take is thrown away up to and with its ``last``, and ``status`` says
    ``late``; a row is never ``early``. A command with 0 rows is refused and has no packets; one
    with an illegal delta is refused and its rows are thrown away. Neither changes what follows.

    Parameters
    ----------
    params : SoftmaxParams

    Members
    -------
    command : In(stream of ``params.command_layout``)
        ``rows`` that follow, 1 to 2**24 - 1; ``delta``, 0 to 4096, in units of 2**-12, with
        ``log2`` divided by the square root of two (2896 is 1); ``log2``: 1 for logarithms.
    x : In(packet stream of {x: [lanes] x in_format, keep: [lanes] x 1})
        A packet is a row. Lanes beyond its end are not to be kept.
    y : Out(packet stream of [lanes] x out_format)
        As many beats as the row has; 0, or code 15, in lanes that are not kept.
    status : Out(stream of ``status_layout(Refusal, ["x"])``)
        One word a command, in order, after the last beat of its rows.
    """

    REFUSAL = Refusal

    def __init__(self, params: SoftmaxParams):
        lanes = params.lanes
        beat = data.StructLayout({"x": vector(params.in_format, lanes), "keep": lanes})
        super().__init__(params, {"x": beat})
        self._powers = [PowerLane(params) for _ in range(lanes)]
        self._quotients = [QuotientLane(params) for _ in range(lanes)]
        self._inverse = Inverse(params.sum_width)
        levels = (lanes - 1).bit_length()
        to_greatest = 1 + levels + 2 + QUEUE
        to_total = self._powers[0].latency + levels + sum_cycles(params.sum_width)
        to_inverse = to_total + self._inverse.latency + QUEUE
        self._depths = [buffer_depth(params.beats, time) for time in (to_greatest, to_inverse)]
        self.latency = to_greatest + to_inverse + self._quotients[0].latency + 1

    def elaborate(self, platform):
        m = Module()
        results = self._results(m, self._quotients[0].latency)
        rows = self._rows(m, capacity=sum(self._depths) + 64)
        beats, greatest = self._maximum(m, rows)
        powers, inverse = self._exponentials(m, beats, greatest, rows.held.delta)
        self._quotient(m, powers, inverse, results, rows.held.log2)
        return m

    def _refuse(self, command: data.View) -> Value:
        large = Mux(command.delta > 1 << DELTA_FRAC, Refusal.DELTA_TOO_LARGE.value, 0)
        return Mux(command.rows == 0, Refusal.ZERO_ROWS.value, large)

    def _maximum(self, m: Module, rows: Rows) -> tuple[CreditFifo, SyncFIFOBuffered]:
        """Build the first stage: beats go into a buffer, each row's greatest kept entry follows."""
        fmt, payload = self.params.in_format, rows.rows.payload
        beats = self._buffer(m, rows, self._depths[0])
        flow = Flow()

        def kept(keep: Value, x: Value) -> Value:
            return Mux(keep, x, Const(fmt.low, shape_of(fmt)))

        entries = [
            flow.step(f"kept_{n}", kept, Timed(payload.data.keep[n]), Timed(payload.data.x[n]))
            for n in range(self.params.lanes)
        ]
        top = tree(flow, "greatest", greater, entries)
        m.d.sync += flow.registers
        frame = rows.rows.valid, payload.last
        greatest, done = over_row(m, "greatest", greater, top, shape_of(fmt), frame)
        m.submodules.maxima = maxima = SyncFIFOBuffered(width=fmt.width, depth=beats.depth)
        m.d.comb += [maxima.w_data.eq(greatest), maxima.w_en.eq(done)]
        return beats, maxima

    def _exponentials(
        self, m: Module, beats: CreditFifo, maxima: SyncFIFOBuffered, delta: Value
    ) -> tuple[CreditFifo, SyncFIFOBuffered]:
        """Build the second stage: exponentials go into a buffer, their sum's inverse follows."""
        lanes, width = self.params.lanes, EXP_FORMAT.width
        m.submodules.powers = powers = CreditFifo(
            lanes * width + 1, self._depths[1], registered=True
        )
        take = wire(m, "take_beat", beats.o.valid & maxima.r_rdy & powers.room)
        head = beats.o.payload
        m.d.comb += [
            beats.o.ready.eq(take),
            powers.enter.eq(take),
            maxima.r_en.eq(take & head.last),
        ]
        greatest = Signal(shape_of(self.params.in_format), name="greatest")
        m.d.comb += greatest.eq(maxima.r_data)
        for n, lane in enumerate(self._powers):
            m.submodules[f"power_{n}"] = shared(lane, self.params)
            m.d.comb += [
                lane.x.eq(head.data.x[n]),
                lane.keep.eq(head.data.keep[n]),
                lane.greatest.eq(greatest),
            ]
        valid, last = framed(m, "power", take, head.last, self._powers[0].latency)
        m.d.comb += [
            powers.valid.eq(valid),
            powers.payload.eq(Cat(*(lane.power for lane in self._powers), last)),
        ]
        flow = Flow()
        total = tree(flow, "total", add, [Timed(lane.power) for lane in self._powers])
        m.d.sync += flow.registers
        shape = unsigned(self.params.sum_width)
        cycles = sum_cycles(shape.width)
        total, done = sum_over_row(m, "total", total, shape, (valid, last), cycles)
        m.submodules.inverse = inverse = self._inverse
        m.submodules.inverses = inverses = SyncFIFOBuffered(
            width=len(inverse.inverse), depth=powers.depth
        )
        m.d.comb += [
            inverse.total.eq(total),
            inverse.delta.eq(delta),
            inverses.w_data.eq(inverse.inverse),
            inverses.w_en.eq(delay(m, "inverse_done", done, inverse.latency, reset=True)),
        ]
        return powers, inverses

    def _quotient(
        self,
        m: Module,
        powers: CreditFifo,
        inverses: SyncFIFOBuffered,
        results: CreditFifo,
        log2: Value,
    ) -> None:
        """Build the third stage: exponentials times the inverse of their row's sum."""
        width = EXP_FORMAT.width
        take = wire(m, "take_power", powers.o.valid & inverses.r_rdy & results.room)
        head_last = powers.o.payload[-1]
        m.d.comb += [
            powers.o.ready.eq(take),
            results.enter.eq(take),
            inverses.r_en.eq(take & head_last),
        ]
        for n, lane in enumerate(self._quotients):
            m.submodules[f"quotient_{n}"] = shared(lane, self.params)
            m.d.comb += [
                lane.power.eq(powers.o.payload[n * width : (n + 1) * width]),
                lane.inverse.eq(inverses.r_data),
                lane.log2.eq(log2),
            ]
        frame = framed(m, "quotient", take, head_last, self._quotients[0].latency)
        self._finish(m, results, [lane.y for lane in self._quotients], frame)
