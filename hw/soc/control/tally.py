"""What registers say of commands that are complete: how many there are, and the last one."""

from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .completion import completed_layout
from .layouts import CAUSE_WIDTH, PRODUCT_ALONE

__all__ = ["Tally"]


class Tally(wiring.Component):
    """Count commands that are complete, and keep what the last one was.

    Latency: 1 cycle. Back-pressure: none.

    Parameters
    ----------
    address_width : int
    units : tuple[str, ...]
        Those that are built in.

    Members
    -------
    completed : In(:func:`~.completion.completed_layout`)
    head : Out(32), commands of the ring; count : Out(32), all of them
    sequence, cause, opcode : Out, of the last one
    """

    def __init__(self, address_width: int, units: tuple[str, ...] = PRODUCT_ALONE):
        super().__init__({
            "completed": In(completed_layout(address_width, units)),
            "head": Out(32),
            "count": Out(32),
            "sequence": Out(16),
            "cause": Out(CAUSE_WIDTH),
            "opcode": Out(8),
        })

    def elaborate(self, platform):
        m = Module()
        done, ticket = self.completed, self.completed.ended.ticket
        # A carry chain that begins at a late signal would be a level of logic too long.
        with m.If(done.valid & ticket.ring):
            m.d.sync += self.head.eq(self.head + 1)
        with m.If(done.valid):
            m.d.sync += [
                self.count.eq(self.count + 1),
                self.sequence.eq(ticket.sequence),
                self.cause.eq(done.ended.cause),
                self.opcode.eq(ticket.opcode),
            ]
        return m
