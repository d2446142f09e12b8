"""The first failure, as registers tell of it."""

from amaranth import Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from gemmule.golden.soc.commands import Cause
from gemmule.hw.soc.unit import read_cause, write_cause

from .completion import completed_layout
from .layouts import PRODUCT_ALONE

__all__ = ["COMPLETION_UNIT", "RING_UNIT", "WATCHDOG_UNIT", "Failure", "failure_layout"]

WATCHDOG_UNIT, RING_UNIT, COMPLETION_UNIT = 253, 254, 255


def failure_layout(address_width: int) -> data.StructLayout:
    """Lay out a failure: what, who met it, in which command, and where."""
    return data.StructLayout({
        "cause": 8,
        "unit": 8,
        "sequence": 16,
        "address": unsigned(address_width),
    })


class Failure(wiring.Component):
    """Keep the first failure until software clears its flag; without one all is 0.

    Of several in one cycle: the watchdog's, the ring's, a command's, its completion's.

    Latency: ``first`` is there in the cycle after its cause, as is the flag that ``failed`` sets.

    Parameters
    ----------
    address_width : int
    units : tuple[str, ...]
        Those that are built in.

    Members
    -------
    completed : In(:func:`~.completion.completed_layout`)
    broken : In(1); broken_decode : In(1); broken_address : In(``address_width``)
        The ring could not be read.
    expired : In(1); oldest : In(16)
        The watchdog ran out; the command that it stopped.
    flag : In(1); cleared : In(1)
        The flag of the interrupt; software clears it now.
    failed : Out(1), now
    first : Out(:func:`failure_layout`)
    """

    def __init__(self, address_width: int, units: tuple[str, ...] = PRODUCT_ALONE):
        self.address_width = address_width
        super().__init__({
            "completed": In(completed_layout(address_width, units)),
            "broken": In(1),
            "broken_decode": In(1),
            "broken_address": In(address_width),
            "expired": In(1),
            "oldest": In(16),
            "flag": In(1),
            "cleared": In(1),
            "failed": Out(1),
            "first": Out(failure_layout(address_width)),
        })

    def elaborate(self, platform):
        m = Module()
        done, ended, now = self.completed, self.completed.ended, Signal.like(self.first, name="now")
        refused = done.valid & (ended.cause != Cause.NONE)
        m.d.comb += self.failed.eq(
            self.expired | self.broken | refused | (done.valid & done.unwritten)
        )
        with m.If(self.expired):
            m.d.comb += [
                now.cause.eq(Cause.TIMEOUT),
                now.unit.eq(WATCHDOG_UNIT),
                now.sequence.eq(self.oldest),
            ]
        with m.Elif(self.broken):
            m.d.comb += [
                now.cause.eq(read_cause(self.broken_decode)),
                now.unit.eq(RING_UNIT),
                now.address.eq(self.broken_address),
            ]
        with m.Else():
            m.d.comb += [
                now.cause.eq(Mux(refused, ended.cause, write_cause(done.decode))),
                now.unit.eq(Mux(refused, ended.unit, COMPLETION_UNIT)),
                now.sequence.eq(ended.ticket.sequence),
                now.address.eq(Mux(refused, ended.address, done.record)),
            ]
        with m.If(self.failed & (~self.flag | self.cleared)):
            m.d.sync += self.first.eq(now)
        with m.Elif(self.cleared):
            m.d.sync += Value.cast(self.first).eq(0)
        return m
