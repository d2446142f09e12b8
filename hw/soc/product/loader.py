"""Asks for the rows of an operand, and takes them."""

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.hw.common.pipeline import wire
from gemmule.hw.common.stream.skid import SkidBuffer
from gemmule.hw.common.wide import FewTimes, Stepper, WideSum
from gemmule.hw.soc.dma.request import read_stream, request_layout

from .layouts import JOBS, load_layout
from .ledger import Ledger
from .params import ProductUnitParams
from .rounding import at_most

__all__ = ["RowLoader"]


class RowLoader(wiring.Component):
    """Request whole rows, as far as the scratchpad has room, and count what they bring.

    Rows come in groups of ``group``, the last of a group first: as the weights of a tile are
    wanted. So the scratchpad holds vectors in the order in which they are walked. A request leaves
    only when there is room for all that it brings: memory never waits for the array.

    Latency: 7 cycles from a load to its first request; 10 with groups, and 2 more for each bit but
    one of the rows of a first group that is not full. Throughput: a request a cycle, and 3 idle
    cycles between groups, 5 before a last one that is not full. Errors: a vector with an error is
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
        })

    def elaborate(self, platform):
        m = Module()
        load = Signal(self.load.p.shape(), reset_less=True)
        self._job = Signal(range(JOBS), name="job")
        asks, leaves = Signal(), Signal()
        self._walk(m, load, asks, leaves)
        self._room(m, load, asks)
        self._arrive(m, load, asks, leaves)
        return m

    def _walk(self, m: Module, load, asks: Signal, leaves: Signal) -> None:
        """Go through rows, the last of each group first, and ask for those that there are."""
        group, width = self._group, self.params.address_width
        log = group.bit_length() - 1
        m.submodules.sum = total = WideSum(width)
        m.submodules.requests = requests = SkidBuffer(self.request.p.shape())
        wiring.connect(m, requests.o, wiring.flipped(self.request))
        m.submodules.stepper = stepper = Stepper(width)
        # Addresses where this block began, and where the next rows begin, or the last group's end.
        start, below = (Signal(width, name=name, reset_less=True) for name in ("start", "below"))
        summand, addend = Signal(width, reset_less=True), Signal(signed(width), reset_less=True)
        stride = load.stride.as_signed()
        way = Signal(signed(len(stride) + 1), reset_less=True)
        row, left, final = Signal(range(max(group, 2))), Signal.like(load.rows), Signal()
        room = self._room_for = Signal()
        waits = wire(m, "waits", (self.begun - load.ahead)[5] & ~load.restart & ~load.again)
        m.d.comb += [
            requests.i.valid.eq(asks),
            requests.i.p.address.eq(stepper.address),
            requests.i.p.length.eq(load.length),
            total.a.eq(summand),
            total.b.eq(addend),
            stepper.stride.eq(way),
        ]
        m.d.sync += way.eq(stride if group == 1 else -stride)
        if group > 1:
            # From before a group's first row to its last, which few rows may be.
            m.submodules.span = span = FewTimes(width, group)
            count, first, short = Signal(range(group + 1)), Signal(), Signal()
            partial = wire(m, "partial", (left > group) & (left < 2 * group))
            m.d.comb += [
                span.base.eq(Mux(first & load.restart, way, 0)),
                span.step.eq(stride),
                span.count.eq(count),
            ]
        with m.FSM():
            with m.State("TAKE"):
                m.d.comb += self.load.ready.eq(1)
                m.d.sync += left.eq(self.load.p.rows)
                if group > 1:
                    m.d.sync += [first.eq(1), count.eq(at_most(self.load.p.rows, group))]
                with m.If(self.load.valid):
                    m.d.sync += [load.eq(self.load.p), self._job.eq(self.load.p.job)]
                    m.d.comb += leaves.eq(self.load.p.job != self._job)
                    m.next = "BEGIN"
            with m.State("BEGIN"):
                m.d.sync += [
                    summand.eq(Mux(load.restart, load.base, Mux(load.again, start, below))),
                    # Where an operand goes on, its offset is in the address already.
                    addend.eq(load.offset if group == 1 else Mux(load.restart, load.offset, 0)),
                ]
                with m.If(~waits):
                    m.next = "OFFSET"
            with m.State("OFFSET"):
                m.d.comb += total.start.eq(1)
                if group > 1:
                    m.d.comb += span.start.eq(1)
                m.next = "OFFSET_HIGH"
            with m.State("OFFSET_HIGH"):
                m.next = "SPAN" if group > 1 else "PLACE"
            if group > 1:
                with m.State("SPAN"):
                    m.d.comb += [
                        total.start.eq(span.done),
                        total.a.eq(total.total),
                        total.b.eq(span.total),
                    ]
                    with m.If(span.done):
                        m.next = "SPAN_HIGH"
                with m.State("SPAN_HIGH"):
                    m.d.comb += [total.a.eq(total.total), total.b.eq(span.total)]
                    m.next = "PLACE"
            with m.State("PLACE"):
                m.d.comb += [stepper.load.eq(1), stepper.base.eq(total.total)]
                m.d.sync += [
                    summand.eq(total.total),
                    addend.eq(stride << log),
                    final.eq(left <= group),
                ]
                if group > 1:
                    m.d.sync += [
                        first.eq(0),
                        row.eq(at_most(left, group) - 1),
                        count.eq(left[:log]),  # of the next group, where that is partial
                    ]
                else:
                    with m.If(~load.again):
                        m.d.sync += start.eq(total.total)
                m.next = "NEXT"
            with m.State("NEXT"):
                # The next group's address is at hand when this one's rows are through.
                if group > 1:
                    m.d.comb += [span.start.eq(partial), total.start.eq(~final & ~partial)]
                    m.d.sync += short.eq(partial)
                m.d.sync += left.eq(left - group)
                m.next = "ROWS"
            with m.State("ROWS"):
                asks_now = wire(m, "asks_now", requests.i.ready & room & stepper.valid)
                m.d.comb += [asks.eq(asks_now), stepper.step.eq(asks_now)]
                with m.If(asks_now):
                    if group > 1:
                        m.d.sync += row.eq(row - 1)
                        with m.If(row == 0):
                            m.next = "PLACE"
                            with m.If(short):
                                m.next = "SPAN"
                            with m.If(final):
                                m.d.sync += [
                                    below.eq(total.total),
                                    self.asked.eq(self.asked + load.counts),
                                ]
                                m.next = "TAKE"
                    else:
                        m.d.sync += [left.eq(left - 1), final.eq(left == 1)]
                        with m.If(final):
                            with m.If(~load.again):
                                m.d.sync += below.eq(stepper.after)
                            m.d.sync += self.asked.eq(self.asked + load.counts)
                            m.next = "TAKE"

    def _room(self, m: Module, load, asks: Signal) -> None:
        """Lend the scratchpad's places to requests; whether it has some is known a cycle ahead."""
        free = Signal(range(self._depth + 1), init=self._depth)
        m.d.sync += free.eq(free + self.freed - Mux(asks, load.vectors, 0))
        twice = load.vectors << 1
        m.d.sync += self._room_for.eq(Mux(asks, free >= twice, free >= load.vectors))

    def _arrive(self, m: Module, load, asks: Signal, leaves: Signal) -> None:
        """Take what comes, and tell to which job it belongs."""
        m.submodules.ledger = ledger = Ledger(2 * self._depth)
        take = wire(m, "take", self.data.valid)
        m.d.comb += [
            self.data.ready.eq(1),
            self.write.eq(take),
            self.vector.eq(self.data.p.data),
            self.fault.eq(take & self.data.p.error),
            ledger.asks.eq(asks),
            ledger.answers.eq(take & self.data.p.last),
            ledger.leaves.eq(leaves),
            ledger.leaving.eq(self._job),
            self.job.eq(ledger.job),
        ]
