"""Asks for the rows of an operand, and takes them."""

from amaranth import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.hw.common.pipeline import wire
from gemmule.hw.soc.dma.request import read_stream, request_layout

from .layouts import JOBS, load_layout
from .ledger import Ledger
from .params import ProductUnitParams

__all__ = ["RowLoader"]


class RowLoader(wiring.Component):
    """Request whole rows, as far as the scratchpad has room, and count what they bring.

    Rows come in groups of ``group``, the last of a group first: as the weights of a tile are
    wanted. So the scratchpad holds vectors in the order in which they are walked. A request leaves
    only when there is room for all that it brings: memory never waits for the array.

    Latency: 3 cycles from a load to its first request. Throughput: a request a cycle; rows beyond
    the last one that an unfinished group skips take a cycle each. Errors: a vector with an error is
    kept as it is, and told with its job.

    Parameters
    ----------
    params : :class:`ProductUnitParams`
    depth, vector : int
        Of the scratchpad: its vectors, and their bytes.
    group : int
        A power of two.

    Members
    -------
    load : In(stream of :func:`load_layout`)
    begun : In(unsigned(6)), asked : Out(unsigned(6))
        How many loads that count were asked for: by the other loader, by this one.
    request : Out(stream of ``request_layout``)
    data : In(``read_stream``), always taken
    write : Out(1), vector : Out
        To the scratchpad, in order.
    freed : In(range(depth + 1))
        Vectors that the scratchpad gives back in this cycle.
    fault : Out(1), job : Out(range(JOBS))
        This cycle's vector has an error, and belongs to ``job``.
    idle : Out(1)
        Nothing that was asked for is missing.
    """

    def __init__(self, params: ProductUnitParams, *, depth: int, vector: int, group: int):
        self.params = params
        self._depth = depth
        self._group = group
        bits = 8 * vector
        super().__init__({
            "load": In(stream.Signature(load_layout(params))),
            "begun": In(6),
            "asked": Out(6),
            "request": Out(stream.Signature(request_layout(params.address_width))),
            "data": In(read_stream(bits)),
            "write": Out(1),
            "vector": Out(bits),
            "freed": In(range(depth + 1)),
            "fault": Out(1),
            "job": Out(range(JOBS)),
            "idle": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        load = Signal(self.load.p.shape(), reset_less=True)
        sent = Signal()
        asks, leaves = Signal(), Signal()
        self._walk(m, load, asks, leaves, sent)
        self._room(m, load, asks)
        self._arrive(m, load, sent, leaves)
        return m
        return m

    def _walk(self, m: Module, load, asks: Signal, leaves: Signal, sent: Signal) -> None:
        """Go through rows, the last of each group first, and ask for those that there are."""
        group, width = self._group, self.params.address_width
        log = group.bit_length() - 1
        # Addresses of the last row of this group, of the row at hand, of the block's first group.
        top, at, start = (Signal(width, name=n, reset_less=True) for n in ("top", "at", "start"))
        row = Signal(range(max(group, 2)))
        left = Signal.like(load.rows)
        stride = load.stride.as_signed()
        span = Signal(stride.shape().width + log, name="span", reset_less=True)
        room = self._room_for = Signal()
        there = wire(m, "there", left > row)
        waits = wire(m, "waits", (self.begun - load.ahead)[5] & ~load.restart & ~load.again)
        free = ~self.request.valid | self.request.ready
        with m.If(self.request.ready):
            m.d.sync += self.request.valid.eq(0)
        m.d.comb += sent.eq(self.request.valid & self.request.ready)
        with m.FSM():
            with m.State("TAKE"):
                m.d.comb += self.load.ready.eq(1)
                with m.If(self.load.valid):
                    m.d.sync += [load.eq(self.load.p), row.eq(group - 1), left.eq(self.load.p.rows)]
                    m.d.comb += leaves.eq(self.load.p.job != load.job)
                    m.next = "BEGIN"
            with m.State("BEGIN"):
                m.d.sync += span.eq((stride << log) - stride)
                with m.If(~waits):
                    m.d.sync += at.eq(Mux(load.restart, load.base, Mux(load.again, start, top)))
                    m.next = "PLACE"
            with m.State("PLACE"):
                first = (at + Mux(load.restart, span.as_signed(), 0))[:width]
                m.d.sync += [at.eq(first), top.eq(first)]
                with m.If(~load.again):
                    m.d.sync += start.eq(first)
                m.next = "ROWS"
            with m.State("ROWS"):
                go = wire(m, "go", ~there | (free & room))
                m.d.comb += asks.eq(there & free & room)
                with m.If(asks):
                    m.d.sync += [
                        self.request.valid.eq(1),
                        self.request.p.address.eq(at + load.offset),
                        self.request.p.length.eq(load.length),
                    ]
                with m.If(go):
                    with m.If(row == 0):
                        m.d.sync += [
                            top.eq(top + (stride << log)),
                            at.eq(top + (stride << log)),
                            row.eq(group - 1),
                            left.eq(left - group),
                        ]
                        with m.If(left <= group):
                            m.d.sync += self.asked.eq(self.asked + load.counts)
                            m.next = "TAKE"
                    with m.Else():
                        m.d.sync += [row.eq(row - 1), at.eq(at - stride)]

    def _room(self, m: Module, load, asks: Signal) -> None:
        """Lend the scratchpad's places to requests."""
        free = Signal(range(self._depth + 1), init=self._depth)
        m.d.sync += free.eq(free + self.freed - Mux(asks, load.vectors, 0))
        m.d.comb += self._room_for.eq(free >= load.vectors)

    def _arrive(self, m: Module, load, sent: Signal, leaves: Signal) -> None:
        """Take what comes, and tell to which job it belongs."""
        m.submodules.ledger = ledger = Ledger(2 * self._depth)
        take = wire(m, "take", self.data.valid)
        m.d.comb += [
            self.data.ready.eq(1),
            self.write.eq(take),
            self.vector.eq(self.data.p.data),
            self.fault.eq(take & self.data.p.error),
            ledger.asks.eq(sent),
            # The last request of the job may still be offered.
            ledger.offered.eq(self.request.valid),
            ledger.answers.eq(take & self.data.p.last),
            ledger.leaves.eq(leaves),
            ledger.leaving.eq(load.job),
            self.job.eq(ledger.job),
            self.idle.eq(ledger.idle & ~self.request.valid),
        ]
