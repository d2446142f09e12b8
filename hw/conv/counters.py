"""What a convolution costs, counted where it happens."""

from amaranth import Module, Signal, unsigned
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out

__all__ = ["COUNTS", "Counters", "counters_layout"]

COUNTS = (
    "busy_cycles", "x_reads", "x_masked", "x_loaded", "w_reads", "w_masked", "w_loaded",
    "c_written",
)  # fmt: skip
"""Cycles from the first request to the report; of each operand the vectors read from its buffer,
the masked ones, and those that memory gave; vectors handed to memory."""


def counters_layout() -> data.StructLayout:
    """A number of 32 bits each, which wraps."""
    return data.StructLayout({name: unsigned(32) for name in COUNTS})


class Counters(Component):
    """Counts events, and begins anew with each report.

    Latency: 1 cycle from an event to its count. Throughput: an event of each kind a cycle.
    Back-pressure: ``report`` waits while the last report was not taken.

    Members
    -------
    events : ``In(struct of a bit for each of COUNTS)``
        ``busy_cycles``: something was asked for; the count begins.
    report : ``In(stream(0))``
    o : ``Out(stream(counters_layout))``
    """

    def __init__(self):
        super().__init__({
            "events": In(data.StructLayout(dict.fromkeys(COUNTS, 1))),
            "report": In(stream.Signature(unsigned(0))),
            "o": Out(stream.Signature(counters_layout())),
        })

    def elaborate(self, platform):
        m = Module()
        counts = Signal(counters_layout())
        running = Signal()
        take = self.report.valid & self.report.ready
        m.d.comb += self.report.ready.eq(~self.o.valid | self.o.ready)
        with m.If(self.report.ready):
            m.d.sync += [self.o.valid.eq(take), self.o.payload.eq(counts)]
        m.d.sync += running.eq((running | self.events.busy_cycles) & ~take)
        for name in COUNTS:
            event = self.events[name] | (running if name == "busy_cycles" else 0)
            with m.If(take):
                m.d.sync += counts[name].eq(0)
            with m.Elif(event):
                m.d.sync += counts[name].eq(counts[name] + 1)
        return m
