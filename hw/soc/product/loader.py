"""Asks for the rows of an operand, and takes them."""

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.hw.common.pipeline import wire
from gemmule.hw.common.stream.skid import SkidBuffer
from gemmule.hw.common.wide import Stepper, WideSum
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

    Latency: 7 cycles from a load to its first request, 10 with groups. Throughput: a request a
    cycle, and 3 idle cycles between groups; rows that an unfinished group lacks take a cycle each.
    Errors: a vector with an error is kept as it is, and told with its job.

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
        m.submodules.span = span = WideSum(width)
        m.submodules.stepper = stepper = Stepper(width)
        # Addresses where this block began, and where the next rows begin.
        start, below = (Signal(width, name=name, reset_less=True) for name in ("start", "below"))
        addend = Signal(signed(width), reset_less=True)
        stride = load.stride.as_signed()
        way = Signal(signed(len(stride) + 1), reset_less=True)
        row, here = Signal(range(max(group, 2))), Signal(range(group + 1))
        left, final = Signal.like(load.rows), Signal()
        room = self._room_for = Signal()
        waits = wire(m, "waits", (self.begun - load.ahead)[5] & ~load.restart & ~load.again)
        m.d.comb += [
            requests.i.valid.eq(asks),
            requests.i.p.address.eq(stepper.address),
            requests.i.p.length.eq(load.length),
            total.b.eq(addend),
            # From the first row of a group to its last: where rows go upward there is no way.
            span.a.eq(stride << log),
            span.b.eq(way),
            stepper.stride.eq(way),
        ]
        m.d.sync += way.eq(stride if group == 1 else -stride)
        with m.FSM():
            with m.State("TAKE"):
                m.d.comb += self.load.ready.eq(1)
                m.d.sync += [row.eq(group - 1), left.eq(self.load.p.rows)]
                with m.If(self.load.valid):
                    m.d.sync += [load.eq(self.load.p), self._job.eq(self.load.p.job)]
                    m.d.comb += leaves.eq(self.load.p.job != self._job)
                    m.next = "BEGIN"
            with m.State("BEGIN"):
                m.d.sync += [
                    total.a.eq(Mux(load.restart, load.base, Mux(load.again, start, below))),
                    # Where an operand goes on, its offset is in the address already.
                    addend.eq(load.offset if group == 1 else Mux(load.restart, load.offset, 0)),
                ]
                with m.If(~waits):
                    m.next = "OFFSET"
            with m.State("OFFSET"):
                m.d.comb += [total.start.eq(1), span.start.eq(group > 1)]
                m.next = "OFFSET_HIGH"
            with m.State("OFFSET_HIGH"):
                m.next = "SPAN" if group > 1 else "PLACE"
            if group > 1:
                with m.State("SPAN"):
                    m.d.sync += [
                        total.a.eq(total.total),
                        addend.eq(Mux(load.restart, span.total, 0)),
                    ]
                    m.next = "SPAN_LOW"
                with m.State("SPAN_LOW"):
                    m.d.comb += total.start.eq(1)
                    m.next = "SPAN_HIGH"
                with m.State("SPAN_HIGH"):
                    m.next = "PLACE"
            with m.State("PLACE"):
                m.d.comb += [stepper.load.eq(1), stepper.base.eq(total.total)]
                m.d.sync += [
                    total.a.eq(total.total),
                    addend.eq(stride << log),
                    here.eq(Mux(left < group, left, group)),
                    final.eq(left <= group),
                ]
                with m.If(~load.again):
                    m.d.sync += start.eq(total.total)
                m.next = "NEXT"
            with m.State("NEXT"):
                # The next group's address is at hand when this one's rows are through.
                m.d.comb += total.start.eq(group > 1)
                m.d.sync += left.eq(left - group)
                m.next = "ROWS"
            with m.State("ROWS"):
                there = wire(m, "there", row < here)
                asks_now = wire(m, "asks_now", there & requests.i.ready & room & stepper.valid)
                goes = wire(m, "goes", asks_now | (~there & stepper.valid))
                m.d.comb += [asks.eq(asks_now), stepper.step.eq(goes)]
                with m.If(goes):
                    if group > 1:
                        m.d.sync += row.eq(row - 1)
                        with m.If(row == 0):
                            m.d.sync += [row.eq(group - 1), below.eq(total.total)]
                            m.next = "PLACE"
                            with m.If(final):
                                m.d.sync += self.asked.eq(self.asked + load.counts)
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
