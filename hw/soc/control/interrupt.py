"""When completed commands raise the interrupt."""

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["TICK", "Coalescing"]

TICK = 6
"""The time is in units of two to the power of this cycles."""


class Coalescing(wiring.Component):
    """Tell of completed commands when there are enough of them, or one waited long enough.

    ``tell`` comes with a command that is ``urgent``, with the ``count``-th one not told of, and
    ``64 * time`` cycles after the first one not told of; with ``count`` or ``time`` 0 not for that
    reason. What is told of are all commands so far. Changes of ``count`` and ``time`` hold from the
    next time on that all is told of; at once where both are 0.

    Latency: ``tell`` is in the cycle after the last command's, or after the last of those cycles.

    Members
    -------
    completed : In(1), a command is complete; urgent : In(1), it asks for an interrupt
    count, time : In(16)
    tell : Out(1)
    """

    def __init__(self):
        super().__init__({
            "completed": In(1),
            "urgent": In(1),
            "count": In(16),
            "time": In(16),
            "tell": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        waiting = Signal()
        left, enough = Signal(len(self.count), name="left"), Signal(name="enough")
        age, late = Signal(len(self.time) + TICK, name="age"), Signal(name="late")
        m.d.comb += [
            enough.eq(self.completed & (self.urgent | (left == 1))),
            late.eq(waiting & (age == 1)),
        ]
        m.d.sync += self.tell.eq(enough | late)
        with m.If(enough | late):
            # A command that completes just as time is up is told of with the others.
            m.d.sync += waiting.eq(0)
        with m.Elif(self.completed):
            # What is never told of waits for nothing, or new numbers would never hold.
            m.d.sync += waiting.eq(waiting | left.any() | age.any())
        idle = ~waiting & ~self.completed
        with m.If(enough | late | idle):
            m.d.sync += left.eq(self.count)
        with m.Elif(self.completed & left.any()):
            m.d.sync += left.eq(left - 1)
        with m.If(~waiting | enough | late):
            m.d.sync += age.eq(self.time << TICK)
        with m.Elif(age.any()):
            m.d.sync += age.eq(age - 1)
        return m
