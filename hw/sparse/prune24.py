"""On-line 2:4 compression: the two of four that matter most, and their places."""

from itertools import combinations

from amaranth import Cat, Module, Mux, Shape, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from gemmule.golden.common.formats import Format
from gemmule.hw.common.pipeline import register, wire
from gemmule.hw.common.stream.payload import packet, packet_stream, vector
from gemmule.hw.common.stream.skid import SkidBuffer
from gemmule.hw.common.stream.status import FaultLayout, SideQueue

from .params import Prune24Params

__all__ = ["COMMAND", "INDEX", "STATUS", "Prune24", "group_layout"]

COMMAND = data.StructLayout({"metric": 1})
"""``metric``: rank by the metric stream's packet, in place of ``|w|``."""

STATUS = data.StructLayout({"metric": FaultLayout, "lost": 1})
"""What became of a command. None is refused: there is no illegal one."""

INDEX = Format(signed=False, width=2)

PAIRS = tuple(combinations(range(4), 2))


def group_layout(params: Prune24Params) -> data.StructLayout:
    """Lay out two values and two indices a lane, lane by lane."""
    return data.StructLayout({
        "values": vector(params.w_format, 2 * params.lanes),
        "indices": vector(INDEX, 2 * params.lanes),
    })


class Prune24(wiring.Component):
    """Prune groups of four weights to two, by magnitude or by a metric, as they stream by.

    Keeps ``w[i]`` iff fewer than two places of its group beat it: ``j`` beats ``i`` where
    ``metric[j] > metric[i]``, or where they are equal and ``j < i``. Six comparators a lane, no
    sort. Exact; :func:`golden.sparse.select.prune24` defines the bits, ``|w|`` of the least integer
    included.

    Order of beats: a command starts a packet of ``w``; with ``metric`` it also takes a packet of
    metrics, beat by beat with ``w``. A beat holds four rows of each of ``lanes`` columns: element
    ``4 * lane + place`` is row ``place`` of column ``lane``. ``out`` has a beat for each of ``w``
    in the same order, ``last`` with the same one: values and indices ``2 * lane`` and ``2 * lane +
    1`` are the two that column ``lane`` keeps, in ascending order of their indices, which are the
    places 0 to 3.

    Wrong traffic: both values of ``metric`` in a command are legal, and ``w`` may be of any length.
    Metrics that end before ``w`` count as zeros from there on, and ``status`` says
    ``metric.early``; of those that go on, the rest is dropped up to and with its ``last`` before
    the next command's, and ``status`` says ``metric.late``.

    The online form of HWPQ's 2:4 selection (arXiv 2501.16376): keep the two largest of each four;
    that this is hardware beside the array is our reading.

    Latency: 3 cycles (:attr:`LATENCY`).
    Throughput: a beat of ``lanes`` groups a cycle, packets back to back.
    Back-pressure: any stream may stall; no combinational path leads from ``out`` to an input;
    ``status`` holds up nothing.

    Parameters
    ----------
    params : Prune24Params

    Members
    -------
    command : In(stream of {metric})
        0: rank by ``|w|``; 1: by the packet of ``metric``.
    w : In(packet stream of [4 * lanes] x w_format)
        Four rows of each of ``lanes`` columns, a column's four beside each other.
    metric : In(packet stream of [4 * lanes] x metric_format)
    out : Out(packet stream of :func:`group_layout`)
    status : Out(stream of {metric, lost})
        One a command, in order, offered when the last beat of ``w`` is taken.
    """

    LATENCY = 3

    def __init__(self, params: Prune24Params):
        self.params = params
        self._use = Signal(name="by_metric")
        super().__init__({
            "command": In(stream.Signature(COMMAND)),
            "w": In(packet_stream(vector(params.w_format, 4 * params.lanes))),
            "metric": In(packet_stream(vector(params.metric_format, 4 * params.lanes))),
            "out": Out(packet_stream(group_layout(params))),
            "status": Out(stream.Signature(STATUS)),
        })

    def elaborate(self, platform):
        m = Module()
        # Flat, since slices of a layout that are driven one by one read as a loop in Verilator.
        width = Shape.cast(packet(group_layout(self.params))).width
        m.submodules.buffer = buffer = SkidBuffer(width)
        m.d.comb += [
            self.out.valid.eq(buffer.o.valid),
            self.out.payload.eq(buffer.o.payload),
            buffer.o.ready.eq(self.out.ready),
        ]
        # Both stages move together, and only when the buffer can take what leaves the second.
        go = buffer.i.ready
        take, zero = self._control(m, go)
        ranked, compared = Signal(), Signal()
        with m.If(go):
            m.d.sync += [ranked.eq(take), compared.eq(ranked)]
        m.d.comb += buffer.i.valid.eq(compared)
        last = register(m, "ranked_last", self.w.payload.last, go)
        last = register(m, "compared_last", last, go)
        lanes = [self._lane(m, lane, zero, go) for lane in range(self.params.lanes)]
        values = [value for values, _ in lanes for value in values]
        indices = [index for _, indices in lanes for index in indices]
        m.d.comb += buffer.i.payload.eq(Cat(*values, *indices, last))
        return m

    def _control(self, m: Module, go: Value) -> tuple[Signal, Signal]:
        """Tell whether a beat enters in this cycle, and whether its metric ended before it."""
        running, over, drop = Signal(), Signal(), Signal()
        use = Signal(name="use_metric")
        m.d.comb += self._use.eq(use)
        paired = wire(m, "paired", use & ~over)
        can = wire(m, "can", running & ~drop & go & (~paired | self.metric.valid))
        take = wire(m, "take", can & self.w.valid)
        ends = wire(m, "ends", take & self.w.payload.last)
        m.d.comb += [
            self.command.ready.eq(~running | ends),
            self.w.ready.eq(can),
            self.metric.ready.eq(paired & take | drop),
        ]
        with m.If(self.command.ready):
            m.d.sync += [running.eq(self.command.valid), over.eq(0)]
            m.d.sync += use.eq(self.command.payload.metric)
        with m.Elif(take & paired):
            m.d.sync += over.eq(self.metric.payload.last)
        with m.If(self.metric.valid & self.metric.ready):
            m.d.sync += drop.eq(~self.metric.payload.last & (drop | ends))
        self._report(m, ends, use, over)
        return take, over

    def _report(self, m: Module, ends: Value, use: Value, over: Value) -> None:
        """Report a word at the end of each packet of ``w``, where its metrics should end too."""
        m.submodules.statuses = statuses = SideQueue(STATUS)
        connect(m, statuses.o, flipped(self.status))
        m.d.comb += [
            statuses.i.valid.eq(ends),
            statuses.i.p.metric.early.eq(over),
            statuses.i.p.metric.late.eq(use & ~over & ~self.metric.payload.last),
        ]

    def _lane(
        self, m: Module, lane: int, zero: Signal, go: Value
    ) -> tuple[list[Value], list[Value]]:
        """Return the two values and two indices of a group, a stage of registers behind it."""
        at = [4 * lane + place for place in range(4)]
        w, metric = self.w.payload.data, self.metric.payload.data
        ranks = [
            register(m, f"rank_{i}", Mux(self._use, Mux(zero, 0, metric[i]), abs(w[i])), go)
            for i in at
        ]
        weights = [register(m, f"ranked_w_{i}", w[i], go) for i in at]
        # The lower place of a pair wins its ties.
        wins = {
            (low, high): register(m, f"win_{at[low]}_{at[high]}", ranks[low] >= ranks[high], go)
            for low, high in PAIRS
        }
        weights = [
            register(m, f"compared_w_{i}", each, go) for i, each in zip(at, weights, strict=True)
        ]
        keep = [wire(m, f"keep_{at[place]}", _survives(wins, place)) for place in range(4)]
        # Of the two that are kept: the lowest place, and the highest.
        first = Mux(keep[0], weights[0], Mux(keep[1], weights[1], weights[2]))
        second = Mux(keep[3], weights[3], Mux(keep[2], weights[2], weights[1]))
        indices = [
            Cat(~keep[0] & keep[1], ~(keep[0] | keep[1])),
            Cat(keep[3] | ~keep[2], keep[3] | keep[2]),
        ]
        return [first, second], indices


def _survives(wins: dict[tuple[int, int], Signal], place: int) -> Value:
    """Tell whether at most one other place beats ``place``."""
    losses = [~win if pair[0] == place else win for pair, win in wins.items() if place in pair]
    x, y, z = losses
    return ~(x & y | x & z | y & z)
