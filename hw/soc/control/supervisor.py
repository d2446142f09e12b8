"""Reset and watchdog: how the machine comes to rest, whatever happened."""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Supervisor"]

SETTLE = 8
"""Cycles from ``stop`` until ``at_rest`` is believed, and those of the machine's reset."""

CLEAN = 32
"""Cycles for memories that are cleared word by word."""


class Supervisor(wiring.Component):
    """Reset the machine on request, or when it made no progress for too long.

    A reset stops the bus, waits until it and all units are at rest, resets them, and clears what
    is in memories. Meanwhile ``resetting`` holds control itself in reset. After the reset of the
    whole only the last step happens.

    Latency: about 48 cycles beside the wait for rest.

    Members
    -------
    reset : In(1), begin
    limit : In(32), cycles without progress; 0: never
    busy : In(1), there is something to do; progress : In(1), some of it was done
    at_rest : In(1), nothing is under way on the bus
    resetting : Out(1)
    stop : Out(1), begin nothing on the bus, and end what is under way
    machine_reset : Out(1), reset DMA and units
    expired : Out(1), now: the watchdog begins a reset
    """

    def __init__(self):
        super().__init__({
            "reset": In(1),
            "limit": In(32),
            "busy": In(1),
            "progress": In(1),
            "at_rest": In(1),
            "resetting": Out(1),
            "stop": Out(1),
            "machine_reset": Out(1),
            "expired": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        left, over = Signal(32, name="cycles_left"), Signal(name="over")
        # A cycle late: so the first limit is taken over before it is counted down.
        never = Signal(init=1, name="never")
        starts = self.progress | ~self.busy | self.resetting | never
        m.d.sync += [
            never.eq(~self.limit.any()),
            left.eq(Mux(starts, self.limit, left - 1)),
            over.eq(~starts & (left == 1)),
        ]
        wait = Signal(range(CLEAN), name="wait")
        m.d.sync += wait.eq(wait + 1)
        m.d.comb += self.resetting.eq(1)
        with m.FSM(name="supervisor"):
            with m.State("clean"), m.If(wait == CLEAN - 1):
                m.next = "run"
            with m.State("run"):
                m.d.comb += [self.resetting.eq(0), self.expired.eq(over & ~self.reset)]
                m.d.sync += wait.eq(0)
                with m.If(self.reset | over):
                    m.next = "stop"
            with m.State("stop"):
                m.d.comb += self.stop.eq(1)
                with m.If(wait >= SETTLE):
                    m.d.sync += wait.eq(SETTLE)
                    with m.If(self.at_rest):
                        m.d.sync += wait.eq(0)
                        m.next = "reset"
            with m.State("reset"):
                m.d.comb += [self.stop.eq(1), self.machine_reset.eq(1)]
                with m.If(wait == SETTLE - 1):
                    m.d.sync += wait.eq(0)
                    m.next = "clean"
        return m
