"""What a convolution costs, counted where it happens."""

from amaranth import Module, Signal, unsigned
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from gemmule.hw.common.stream.status import SideQueue

__all__ = ["COUNTS", "Counters", "counters_layout"]

COUNTS = (
    "busy_cycles",
    "x_reads",
    "x_masked",
    "x_loaded",
    "w_reads",
    "w_masked",
    "w_loaded",
    "c_written",
)
"""Cycles from the first request, or beat of x, to the report; of each operand the vectors read from
its buffer, the masked ones, and those that memory gave; vectors handed to memory."""

WIDTH = 32


def counters_layout() -> data.StructLayout:
    """Lay out a number of 32 bits each, which wraps, and ``lost``: earlier reports were dropped."""
    return data.StructLayout({name: unsigned(WIDTH) for name in COUNTS} | {"lost": 1})


class Counters(Component):
    """Counts events, and begins anew with each report.

    Latency: 1 cycle from an event to its count. Throughput: an event of each kind a cycle.
    Back-pressure: none; reports wait in a :class:`SideQueue`, and the oldest are dropped.

    Members
    -------
    events : In(struct of a bit for each of COUNTS)
        ``busy_cycles``: something was asked for; the count begins.
    report : In(1)
    full : Out(1)
        ``busy_cycles`` has reached its largest number.
    o : Out(stream of counters_layout)
    """

    def __init__(self):
        super().__init__({
            "events": In(data.StructLayout(dict.fromkeys(COUNTS, 1))),
            "report": In(1),
            "full": Out(1),
            "o": Out(stream.Signature(counters_layout())),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.reports = reports = SideQueue(counters_layout())
        connect(m, reports.o, flipped(self.o))
        running = Signal()
        m.d.comb += reports.i.valid.eq(self.report)
        m.d.sync += running.eq((running | self.events.busy_cycles) & ~self.report)
        for name in COUNTS:
            count = Signal(WIDTH, name=name)
            m.d.comb += reports.i.payload[name].eq(count)
            if name == "busy_cycles":
                m.d.comb += self.full.eq(count.all())
            event = self.events[name] | (running if name == "busy_cycles" else 0)
            with m.If(self.report):
                m.d.sync += count.eq(0)
            with m.Elif(event):
                m.d.sync += count.eq(count + 1)
        return m
