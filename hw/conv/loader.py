"""Fills an operand's banks from external memory: requests out, vectors in."""

from amaranth import Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out

from gemmule.golden.common.formats import Format
from gemmule.golden.conv.order import BANKS
from gemmule.hw.common.fifo import Fifo
from gemmule.hw.common.memory_port import (
    ADDRESS_WIDTH,
    LENGTH_WIDTH,
    element_size,
    request_layout,
)
from gemmule.hw.common.nested import NestedCounter
from gemmule.hw.common.streams import packet_stream, shape_of, vector
from gemmule.hw.common.transposer import Transposer

from .walk_params import GeneratorParams

__all__ = ["Loader", "load_layout"]

UNDER_WAY = 16
"""Loads whose vectors have not all arrived: as short as a square is, they cover a memory's time."""


def load_layout(params: GeneratorParams) -> data.StructLayout:
    """Requests of ``length`` elements from ``base`` on, in nested loops, innermost first.

    ``vectors`` arrive in the bank, which ``closes`` after the last of them, or goes on with the
    next load. ``turned``: each request is a square to transpose.
    """
    loop = data.StructLayout({
        "count": unsigned(params.size_width + 1), "stride": unsigned(ADDRESS_WIDTH),
    })  # fmt: skip
    return data.StructLayout({
        "base": unsigned(ADDRESS_WIDTH),
        "length": unsigned(LENGTH_WIDTH),
        "loops": data.ArrayLayout(loop, params.axes + 1),
        "vectors": unsigned(LENGTH_WIDTH),
        "closes": 1,
        "turned": 1,
    })


class Loader(Component):
    """Requests the vectors of loads, run by run, and hands them to the banks.

    The requests of a bank begin when it is free: whoever answers them is never made to wait. With
    ``turns``, loads of weights can be transposed on their way: the input gradient reads the same
    copy as the forward pass.

    Latency: 1 cycle from a load to its first request; vectors pass straight through, squares in
    ``lanes`` cycles. Throughput: a request and a vector a cycle. Back-pressure: ``loads`` waits for
    free banks, and for those on their way before the way changes.

    Parameters
    ----------
    params : :class:`GeneratorParams`
    fmt : :class:`Format`
    lanes : ``int``
    turns : ``bool``

    Members
    -------
    loads : ``In(stream(load_layout))``
    released : ``In(1)``
        A bank came free.
    request : ``Out(stream(request_layout))``
    i : ``In(packet_stream(vector(fmt, lanes)))``
        What memory answers, ``last`` on each request's last vector.
    o : ``Out(packet_stream(vector(fmt, lanes)))``
        To the banks, ``last`` on each one's last vector.
    """

    def __init__(self, params: GeneratorParams, fmt: Format, lanes: int, *, turns: bool):
        self.params = params
        self.fmt = fmt
        self.lanes = lanes
        self.turns = turns
        vectors = packet_stream(vector(fmt, lanes))
        super().__init__({
            "loads": In(stream.Signature(load_layout(params))),
            "released": In(1),
            "request": Out(stream.Signature(request_layout())),
            "i": In(vectors),
            "o": Out(vectors),
        })

    def elaborate(self, platform):
        m = Module()
        layout = data.StructLayout({"vectors": unsigned(LENGTH_WIDTH), "closes": 1})
        m.submodules.expected = expected = Fifo(layout, UNDER_WAY)
        turned = Signal()
        source, empty = self._turn(m, turned) if self.turns else (self.i, 1)
        nothing = self._deliver(m, source, expected)
        self._request(m, expected, turned, nothing & empty)
        return m

    def _request(self, m: Module, expected: Fifo, turned: Signal, idle: Value) -> None:
        """Takes a load when its bank is free and, if it goes another way, all before it arrived."""
        load = self.loads.payload
        m.submodules.counter = counter = NestedCounter(
            levels=len(load.loops), count_width=self.params.size_width + 1,
            address_width=ADDRESS_WIDTH,
        )  # fmt: skip
        length = Signal(LENGTH_WIDTH, reset_less=True)
        loops = Signal.like(load.loops, name="loops", reset_less=True)
        claimed, opened = Signal(range(BANKS + 1)), Signal()
        free = opened | (claimed != BANKS)
        way = (load.turned == turned) | idle if self.turns else 1
        step = self.request.valid & self.request.ready
        over = ~counter.active | (counter.final & step)
        take = Signal()
        m.d.comb += [
            expected.i.valid.eq(self.loads.valid & free & way & over),
            expected.i.payload.vectors.eq(load.vectors),
            expected.i.payload.closes.eq(load.closes),
            take.eq(expected.i.valid & expected.i.ready),
            self.loads.ready.eq(take),
            counter.load.eq(take),
            counter.base.eq(load.base),
            counter.step.eq(step),
            self.request.valid.eq(counter.active),
            self.request.payload.address.eq(counter.address),
            self.request.payload.length.eq(length),
            self.request.payload.size.eq(element_size(self.fmt.width)),
        ]
        for level, loop in enumerate(loops):
            m.d.comb += [
                counter.counts[level].eq(Mux(take, load.loops[level].count, loop.count)),
                counter.strides[level].eq(loop.stride),
            ]
        m.d.sync += claimed.eq(claimed + (take & ~opened) - self.released)
        with m.If(take):
            m.d.sync += [
                length.eq(load.length), loops.eq(load.loops), opened.eq(~load.closes),
                turned.eq(load.turned),
            ]  # fmt: skip

    def _turn(self, m: Module, turned: Signal) -> tuple[stream.Interface, Value]:
        """Straight through, or through the transposer."""
        m.submodules.transposer = square = Transposer(shape_of(self.fmt), self.lanes)
        chosen = packet_stream(vector(self.fmt, self.lanes)).create(path=("chosen",))
        m.d.comb += [
            square.i.payload.eq(self.i.payload),
            square.i.valid.eq(self.i.valid & turned),
            self.i.ready.eq(Mux(turned, square.i.ready, chosen.ready)),
            chosen.valid.eq(Mux(turned, square.o.valid, self.i.valid)),
            chosen.payload.eq(Mux(turned, square.o.payload, self.i.payload)),
            square.o.ready.eq(turned & chosen.ready),
        ]
        return chosen, square.idle

    def _deliver(self, m: Module, source: stream.Interface, expected: Fifo) -> Value:
        """Counts the vectors of each load; true where none is expected."""
        left, counting = Signal(LENGTH_WIDTH, reset_less=True), Signal()
        closes = Signal(reset_less=True)
        ends = left == 1
        give = self.o.valid & self.o.ready
        m.d.comb += [
            self.o.valid.eq(source.valid & counting),
            self.o.payload.data.eq(source.payload.data),
            self.o.payload.last.eq(ends & closes),
            source.ready.eq(self.o.ready & counting),
            expected.o.ready.eq(~counting | (give & ends)),
        ]
        with m.If(expected.o.ready):
            m.d.sync += counting.eq(expected.o.valid)
            m.d.sync += [
                left.eq(expected.o.payload.vectors), closes.eq(expected.o.payload.closes),
            ]  # fmt: skip
        with m.Elif(give):
            m.d.sync += left.eq(left - 1)
        return ~counting & (expected.level == 0)
