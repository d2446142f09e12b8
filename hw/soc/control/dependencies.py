"""Dependency counters: what a command waits for, and what others add to."""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from gemmule.golden.soc.commands import COMMAND, COUNTERS

__all__ = ["Dependencies"]

WIDTH = 8 * COMMAND["wait_value"].octets


class Dependencies(wiring.Component):
    """Counters modulo 2**16, in a distributed memory: number 0 is none.

    ``met``: counter ``wait`` minus ``value`` is below half of the range, so the counter is there.

    Latency: ``met`` is that of the inputs, and of the counters, a cycle before; a
    counter has its new value in the second cycle after ``signal``. Throughput: an addition a cycle.
    Back-pressure: none.

    Members
    -------
    wait : In(4); value : In(16)
    met : Out(1)
    signal : In(4), add 1 to this one, 0: to none
    clear : In(1), at least 16 cycles: all become 0
    """

    def __init__(self):
        number = range(COUNTERS + 1)
        super().__init__({
            "wait": In(number),
            "value": In(WIDTH),
            "met": Out(1),
            "signal": In(number),
            "clear": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        depth = 1 << len(self.wait)
        m.submodules.counters = counters = Memory(shape=WIDTH, depth=depth, init=[])
        write = counters.write_port()
        added, awaited = (counters.read_port(domain="comb") for _ in range(2))
        swept = Signal(range(depth))
        ahead, adds = Signal(WIDTH, name="ahead"), Signal.like(self.signal, name="adds")
        m.d.comb += [
            added.addr.eq(adds),
            awaited.addr.eq(self.wait),
            write.addr.eq(Mux(self.clear, swept, adds)),
            write.data.eq(Mux(self.clear, 0, added.data + 1)),
            write.en.eq(self.clear | adds.any()),
            ahead.eq(awaited.data - self.value),
        ]
        m.d.sync += adds.eq(self.signal)
        m.d.sync += [swept.eq(swept + 1), self.met.eq(~ahead[-1] | ~self.wait.any())]
        return m
