"""Layer and RMS normalization over rows, a vector a cycle."""

from amaranth import Cat, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.memory import Memory

from gemmule.golden.nonlinear.layernorm import Refusal
from gemmule.hw.common.pipeline import delay, wire
from gemmule.hw.common.shared import shared
from gemmule.hw.common.stream.credit_fifo import CreditFifo
from gemmule.hw.common.stream.payload import vector

from .datapath.arithmetic import above
from .datapath.flow import Flow, Timed
from .layernorm_params import LayernormParams
from .row.commands import Rows
from .row.layernorm_lane import NormLane
from .row.spread import InverseDeviation
from .row.sums import QUEUE, add, buffer_depth, framed, sum_cycles, sum_over_row, tree
from .row.unit import RowUnit

__all__ = ["Layernorm"]


class Layernorm(RowUnit):
    """Normalize each row of a stream of vectors, then scale and move each entry.

    ``y = gamma * (x - mean) / sqrt(variance + epsilon) + beta``; of kind ``rms`` without the mean:
    ``y = gamma * x / sqrt(mean(x**2) + epsilon) + beta``

    :func:`golden.nonlinear.layernorm.layernorm` defines the bits. Sums are exact and nothing is
    divided by the length: n times the deviation is multiplied by the reciprocal root of n**2 times
    the variance. Rounded half up, saturated.

    The first of two stages sums a row and its squares while it goes into a buffer; the second
    takes it from there. They work on neighboring rows.

    Latency: ``latency + beats - 1`` cycles from the first of a row's beats to its first result.
    Throughput: one vector a cycle, rows back to back, of any length.
    Back-pressure: the stages run free into buffers that have room for what they were given; no
    combinational path joins the two sides. A command waits until the rows of the one before it
    have left, and rows wait until gamma and beta are loaded.

    Rows, and gamma and beta, have as many beats as ``length`` entries take. A packet that ends
    early goes on with zeros; of one that ends late, what is too much is thrown away up to and with
    its ``last``; ``status`` tells of both. A command with 0 rows or length 0 is refused and has no
    packets; one that is too long is refused, and its packets are thrown away. None of this changes
    what follows.

    Parameters
    ----------
    params : LayernormParams

    Members
    -------
    command : In(stream of ``params.command_layout``)
        ``rows`` that follow, 1 to 2**24 - 1; their ``length`` in entries, 1 to ``max_length``;
        ``epsilon``: round(epsilon * length**2 * 2**(2 * f + 8)), f the fractional bits of x; any
        value is legal.
    affine : In(packet stream of {gamma: [lanes] x gamma_format, beta: [lanes] x beta_format})
        One packet after each command. Lanes beyond its end are ignored.
    x : In(packet stream of [lanes] x in_format)
        A packet is a row. Lanes beyond its end must be 0, or the row's results are wrong.
    y : Out(packet stream of [lanes] x out_format)
        As many beats as the row has. Lanes beyond its end hold nothing of use.
    status : Out(stream of ``status_layout(Refusal, ["affine", "x"])``)
        One word a command, in order, after the last beat of its rows.
    """

    REFUSAL = Refusal

    def __init__(self, params: LayernormParams):
        lanes = params.lanes
        affine = data.StructLayout({
            "gamma": vector(params.gamma_format, lanes),
            "beta": vector(params.beta_format, lanes),
        })
        super().__init__(params, {"affine": affine, "x": vector(params.in_format, lanes)})
        self._lanes = [NormLane(params) for _ in range(lanes)]
        self._spread = InverseDeviation(params)
        self._sum_cycles = sum_cycles(params.squares_width)
        to_sums = 1 + (lanes - 1).bit_length() + 1 + self._sum_cycles
        to_spread = to_sums + self._spread.latency + QUEUE
        self._depth = buffer_depth(params.beats, to_spread)
        self.latency = to_spread + self._lanes[0].latency + 1

    def elaborate(self, platform):
        m = Module()
        results = self._results(m, self._lanes[0].latency)
        rows = self._rows(m, capacity=self._depth + 64)
        beats, spreads = self._moments(m, rows)
        self._normalize(m, beats, spreads, self._affine(m, rows), results, rows.held.length)
        return m

    def _refuse(self, command: data.View) -> Value:
        empty = (command.rows == 0) | (command.length == 0)
        large = Mux(
            above(command.length, self.params.max_length), Refusal.LENGTH_TOO_LARGE.value, 0
        )
        return Mux(empty, Refusal.ZERO_SIZE.value, large)

    def _affine(self, m: Module, rows: Rows) -> Memory:
        """Hold gamma and beta, a beat a place."""
        weights, beats = rows.weights, self.params.beats
        m.submodules.affine = memory = Memory(
            shape=len(Value.cast(weights.payload.data)), depth=beats, init=[]
        )
        write = memory.write_port()
        place = Signal(range(beats), name="affine_place")
        m.d.comb += [
            write.addr.eq(place),
            write.data.eq(weights.payload.data),
            write.en.eq(weights.valid),
        ]
        with m.If(weights.valid):
            m.d.sync += place.eq(Mux(weights.payload.last, 0, place + 1))
        return memory

    def _moments(self, m: Module, rows: Rows) -> tuple[CreditFifo, SyncFIFOBuffered]:
        """Build the first stage: beats go into a buffer; each row's sum and spread follow."""
        params, payload = self.params, rows.rows.payload
        beats = self._buffer(m, rows, self._depth)
        flow = Flow()
        entries = [Timed(payload.data[n]) for n in range(params.lanes)]
        squares = [flow.step(f"square_{n}", lambda x: x * x, x) for n, x in enumerate(entries)]
        frame, cycles = (rows.rows.valid, payload.last), self._sum_cycles
        shape = signed(params.total_width)
        total, powers = tree(flow, "total", add, entries), tree(flow, "squares", add, squares)
        total = Timed(flow.at(total, powers.time), powers.time)
        total, done = sum_over_row(m, "total", total, shape, frame, cycles)
        shape = unsigned(params.squares_width)
        powers, _ = sum_over_row(m, "squares", powers, shape, frame, cycles)
        m.d.sync += flow.registers
        m.submodules.spread = spread = self._spread
        latency = spread.latency
        if params.kind == "rms":
            total = Signal(signed(params.total_width), name="no_total")
        m.submodules.spreads = spreads = SyncFIFOBuffered(
            width=len(Cat(total, spread.mantissa, spread.exponent)), depth=beats.depth
        )
        m.d.comb += [
            spread.total.eq(total),
            spread.squares.eq(powers),
            spread.length.eq(rows.held.length),
            spread.epsilon.eq(rows.held.epsilon),
            spreads.w_data.eq(
                Cat(delay(m, "total", total, latency), spread.mantissa, spread.exponent)
            ),
            spreads.w_en.eq(delay(m, "spread_done", done, latency, reset=True)),
        ]
        return beats, spreads

    def _normalize(
        self,
        m: Module,
        beats: CreditFifo,
        spreads: SyncFIFOBuffered,
        affine: Memory,
        results: CreditFifo,
        length: Value,
    ) -> None:
        """Build the second stage: each beat of a row with the row's sum and spread."""
        params, first = self.params, self._lanes[0]
        take = wire(m, "take", beats.o.valid & spreads.r_rdy & results.room)
        head = beats.o.payload
        place = Signal(range(params.beats))
        read = affine.read_port()
        spread = data.View(
            data.StructLayout({
                "total": signed(params.total_width),
                "mantissa": first.mantissa.shape(),
                "exponent": first.exponent.shape(),
            }),
            spreads.r_data,
        )
        weights = data.View(self.affine.payload.data.shape(), read.data)
        m.d.comb += [
            beats.o.ready.eq(take),
            results.enter.eq(take),
            spreads.r_en.eq(take & head.last),
            read.addr.eq(delay(m, "place", place, first.affine_time - 1)),
        ]
        with m.If(take):
            m.d.sync += place.eq(place + 1)
            with m.If(head.last):
                m.d.sync += place.eq(0)
        for n, lane in enumerate(self._lanes):
            m.submodules[f"lane_{n}"] = shared(lane, params)
            m.d.comb += [
                lane.x.eq(head.data[n]),
                lane.length.eq(length),
                lane.total.eq(spread.total),
                lane.mantissa.eq(spread.mantissa),
                lane.exponent.eq(spread.exponent),
                lane.gamma.eq(weights.gamma[n]),
                lane.beta.eq(weights.beta[n]),
            ]
        frame = framed(m, "norm", take, head.last, first.latency)
        self._finish(m, results, [lane.y for lane in self._lanes], frame)
