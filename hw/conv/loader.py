"""Fills an operand's banks from external memory: requests out, vectors in."""

from amaranth import Module, Mux, Signal, Value
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out

from gemmule.golden.common.formats import Format
from gemmule.golden.common.memory import ADDRESS_WIDTH, LENGTH_WIDTH, element_size
from gemmule.golden.conv.commands import BANKS
from gemmule.golden.conv.layout import load
from gemmule.hw.common.layout import laid_out
from gemmule.hw.common.nested import NestedCounter
from gemmule.hw.common.pipeline import wire
from gemmule.hw.common.request import request_layout
from gemmule.hw.common.stream.fifo import Fifo
from gemmule.hw.common.stream.payload import packet_stream, shape_of, vector
from gemmule.hw.common.stream.status import FaultLayout
from gemmule.hw.common.transposer import Transposer

from .walk_params import GeneratorParams

__all__ = ["Loader", "load_layout"]

UNDER_WAY = 16
"""Loads whose vectors have not all arrived: as short as a square is, they cover a memory's time."""


def load_layout(params: GeneratorParams, *, transposes: bool) -> data.StructLayout:
    """Lay out the requests of a load, as :func:`golden.conv.layout.load` has them."""
    return laid_out(load(params.golden, transposes=transposes))


class Loader(Component):
    """Requests the vectors of loads, run by run, and hands them to the banks.

    The requests of a bank begin when it is free: whoever answers them is never made to wait. With
    ``transposes``, loads of weights can be transposed on their way: the input gradient reads the
    same copy as the forward pass. Vectors are counted; ``last`` of memory's packets must agree.
    Vectors that nobody asked for are dropped.

    With ``stop``, a request that is offered stands until it is taken, then there is no other one,
    and whatever arrives is dropped; only a reset ends this.

    Latency: 1 cycle from a load to its first request; vectors pass straight through, squares in
    ``lanes`` cycles. Throughput: a request and a vector a cycle. Back-pressure: ``loads`` waits for
    free banks, and for those on their way before the way changes.

    Parameters
    ----------
    params : :class:`GeneratorParams`
    fmt : :class:`Format`
    lanes : ``int``
    transposes : ``bool``

    Members
    -------
    loads : In(stream of load_layout)
    released : In(1)
        A bank came free.
    request : Out(stream of request_layout)
    i : In(packet stream of vector(fmt, lanes))
        What memory answers, ``last`` on each request's last vector.
    o : Out(packet stream of vector(fmt, lanes))
        To the banks, ``last`` on each one's last vector.
    stop : In(1)
    stopped : Out(1)
        No request is offered any more.
    pending : Out(1)
        Requests were taken whose last vector has not come.
    idle : Out(1)
        No bank is claimed, and no load is there.
    faults : Out(FaultLayout)
        A packet of memory's ends with this vector before, or not with, the last one asked for.
    miscounted : Out(1)
        With this request the loops of a load end, but its number of requests does not, or the other
        way round.
    """

    def __init__(self, params: GeneratorParams, fmt: Format, lanes: int, *, transposes: bool):
        self.params = params
        self.fmt = fmt
        self.lanes = lanes
        self.transposes = transposes
        vectors = packet_stream(vector(fmt, lanes))
        super().__init__({
            "loads": In(stream.Signature(load_layout(params, transposes=transposes))),
            "released": In(1),
            "request": Out(stream.Signature(request_layout())),
            "i": In(vectors),
            "o": Out(vectors),
            "stop": In(1),
            **dict.fromkeys(("stopped", "pending", "idle", "miscounted"), Out(1)),
            "faults": Out(FaultLayout),
        })

    def elaborate(self, platform):
        m = Module()
        names = ("vectors", "requests", "closes")
        load = self.loads.payload
        layout = data.StructLayout({name: load.shape().members[name] for name in names})
        m.submodules.expected = expected = Fifo(layout, UNDER_WAY)
        m.d.comb += [expected.i.payload[name].eq(load[name]) for name in names]
        arriving = packet_stream(vector(self.fmt, self.lanes)).create(path=("arriving",))
        transposed = Signal()
        nothing = self._receive(m, arriving, expected)
        empty = (
            self._through_square(m, arriving, transposed)
            if self.transposes
            else self._straight(m, arriving)
        )
        self._request(m, expected, transposed, nothing & empty)
        return m

    def _request(self, m: Module, expected: Fifo, transposed: Signal, idle: Value) -> None:
        """Take a load when its bank is free and, if it goes another way, all before it arrived."""
        load = self.loads.payload
        m.submodules.counter = counter = NestedCounter(
            levels=len(load.loops),
            count_width=self.params.size_width + 1,
            address_width=ADDRESS_WIDTH,
        )
        length = Signal(LENGTH_WIDTH, reset_less=True)
        left = Signal.like(load.requests, name="left_to_ask", reset_less=True)
        loops = Signal.like(load.loops, name="loops", reset_less=True)
        claimed, opened = Signal(range(BANKS + 1)), Signal()
        free = opened | (claimed != BANKS)
        way = (load.turned == transposed) | idle if self.transposes else 1
        step = wire(m, "step", self.request.valid & self.request.ready)
        over = ~counter.active | (counter.final & step)
        take = Signal()
        m.d.comb += [
            expected.i.valid.eq(self.loads.valid & free & way & over & ~self.stop),
            take.eq(expected.i.valid & expected.i.ready),
            self.loads.ready.eq(take),
            self.idle.eq((claimed == 0) & ~self.loads.valid),
            counter.load.eq(take),
            counter.base.eq(load.base),
            counter.step.eq(step),
            self.request.valid.eq(counter.active & ~self.stopped),
            self.request.payload.address.eq(counter.address),
            self.request.payload.length.eq(length),
            self.request.payload.size.eq(element_size(self.fmt.width)),
            self.miscounted.eq(step & (counter.final != (left == 1))),
        ]
        for level, loop in enumerate(loops):
            m.d.comb += [
                counter.counts[level].eq(Mux(take, load.loops[level].count, loop.count)),
                counter.strides[level].eq(loop.stride),
            ]
        m.d.sync += claimed.eq(claimed + (take & ~opened) - self.released)
        with m.If(take):
            m.d.sync += [
                length.eq(_times(load.vectors, self.lanes)),
                left.eq(load.requests),
                loops.eq(load.loops),
                opened.eq(~load.closes),
            ]
            if self.transposes:
                m.d.sync += transposed.eq(load.turned)
        with m.Elif(step):
            m.d.sync += left.eq(left - 1)
        free_now = ~self.request.valid | self.request.ready
        m.d.sync += self.stopped.eq(self.stop & (self.stopped | free_now))

    def _receive(self, m: Module, o: stream.Interface, expected: Fifo) -> Value:
        """Count what arrives; give ``last`` of a request, and true where none is expected.

        A request may be answered before it was taken, but not before it was offered.
        """
        unanswered = Signal(self.params.address_width + 1 + UNDER_WAY.bit_length())
        vectors, requests = (
            Signal.like(expected.o.payload[name], name=f"{name}_left", reset_less=True)
            for name in ("vectors", "requests")
        )
        each = Signal.like(vectors, name="each", reset_less=True)
        counting, closes = Signal(), Signal(reset_less=True)
        arrives = wire(m, "arrives", self.i.valid & self.i.ready)
        strays = wire(m, "strays", ~self.pending & ~self.request.valid)
        give = wire(m, "give", o.valid & o.ready)
        final = wire(m, "final", vectors == 1)
        ends = wire(m, "ends", give & final & (requests == 1))
        asked = self.request.valid & self.request.ready
        answered = arrives & self.i.payload.last & ~strays
        m.d.sync += unanswered.eq(unanswered + asked - answered)
        m.d.comb += [
            self.pending.eq(unanswered != 0),
            o.valid.eq(self.i.valid & counting & ~strays & ~self.stop),
            o.payload.data.eq(self.i.payload.data),
            o.payload.last.eq(final),
            self.i.ready.eq((o.ready & counting) | strays | self.stop),
            self.faults.early.eq(give & self.i.payload.last & ~final),
            self.faults.late.eq(give & ~self.i.payload.last & final),
            expected.o.ready.eq(~counting | ends),
        ]
        self._closing = closes & (requests == 1)
        with m.If(expected.o.ready):
            m.d.sync += [
                counting.eq(expected.o.valid),
                vectors.eq(expected.o.payload.vectors),
                each.eq(expected.o.payload.vectors),
                requests.eq(expected.o.payload.requests),
                closes.eq(expected.o.payload.closes),
            ]
        with m.Elif(give):
            m.d.sync += [vectors.eq(Mux(final, each, vectors - 1)), requests.eq(requests - final)]
        return ~counting & (expected.level == 0)

    def _straight(self, m: Module, i: stream.Interface) -> Value:
        """Pass vectors to the bank as they are; nothing is ever inside."""
        m.d.comb += [
            self.o.valid.eq(i.valid),
            self.o.payload.data.eq(i.payload.data),
            self.o.payload.last.eq(i.payload.last & self._closing),
            i.ready.eq(self.o.ready),
        ]
        return Value.cast(1)

    def _through_square(self, m: Module, i: stream.Interface, transposed: Signal) -> Value:
        """Pass straight through, or through the transposer; true if nothing is inside.

        Two squares at most are there, one that leaves and one that enters: whether each is the last
        of its bank waits beside them.
        """
        m.submodules.transposer = square = Transposer(shape_of(self.fmt), self.lanes)
        marks, inside = Signal(2), Signal(range(3))
        enters = wire(m, "enters", square.i.valid & square.i.ready & i.payload.last)
        leaves = wire(m, "leaves", square.o.valid & square.o.ready & square.o.payload.last)
        marked = Mux(transposed, square.o.payload.last & marks[0], i.payload.last & self._closing)
        m.d.comb += [
            square.i.payload.eq(i.payload),
            square.i.valid.eq(i.valid & transposed),
            i.ready.eq(Mux(transposed, square.i.ready, self.o.ready)),
            self.o.valid.eq(Mux(transposed, square.o.valid, i.valid)),
            self.o.payload.data.eq(Mux(transposed, square.o.payload.data, i.payload.data)),
            self.o.payload.last.eq(marked),
            square.o.ready.eq(transposed & self.o.ready),
        ]
        m.d.sync += inside.eq(inside + enters - leaves)
        after = Mux(leaves, marks[1:], marks)
        m.d.sync += marks.eq(after)
        with m.If(enters):
            m.d.sync += marks.bit_select((inside - leaves)[:1], 1).eq(self._closing)
        return square.idle


def _times(value: Value, factor: int) -> Value:
    """Multiply by additions: a factor has few ones, and needs no multiplier."""
    shifts = [value << bit for bit in range(factor.bit_length()) if factor >> bit & 1]
    return sum(shifts[1:], shifts[0])
