"""Dispatch: when a command begins, who carries it out, and what comes back."""

from amaranth import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.golden.soc.commands import COUNTERS, Cause, Flags
from gemmule.hw.common.compare import below

from .layouts import CAUSE_WIDTH, PRODUCT_ALONE, UNITS, unit_streams
from .legality.check import checked_layout
from .legality.fields import LAWLESS
from .queue import SmallQueue

__all__ = ["Dispatch", "ended_layout", "ticket_layout"]

NUMBER = COUNTERS.bit_length()
"""Bits of a dependency counter's number."""

IN_FLIGHT = 8
"""Commands of a unit that began and are not finished: more than any unit takes at once."""


def ticket_layout() -> data.StructLayout:
    """Lay out what is kept of a command while a unit carries it out."""
    return data.StructLayout({
        "sequence": 16,
        "opcode": 8,
        "interrupt": 1,
        "ring": 1,
        "signal": NUMBER,
    })


def ended_layout(address_width: int, units: tuple[str, ...] = PRODUCT_ALONE) -> data.StructLayout:
    """Lay out what became of a command. ``unit``: 0 is control itself, then as in `UNITS`."""
    return data.StructLayout({
        "ticket": ticket_layout(),
        "cause": unsigned(CAUSE_WIDTH),
        "address": unsigned(address_width),
        "unit": range(max(map(unit_number, units)) + 1),
    })


def unit_number(name: str) -> int:
    """Return the number of a unit, which does not depend on what else is built in."""
    return 1 + list(UNITS).index(name)


class Dispatch(wiring.Component):
    """Begin commands in order, each when what it waits for has happened.

    A command that was refused, and one that no unit is needed for, ends at once. All others go to
    their unit; with a fence, when no command before is left. A refused command waits for nothing.

    Latency: 0 cycles to a unit, and from ``finished`` to ``ended``. Throughput: a command a cycle.
    Back-pressure: a command that waits holds back those behind it; a unit's ``finished`` waits for
    ``ended``.

    Parameters
    ----------
    address_width : int
    units : tuple[str, ...]
        Those of `UNITS` that are built in, in its order.

    Members
    -------
    i : In(stream of :func:`~.legality.check.checked_layout`)
    go : In(1), commands may begin; one that was offered to a unit stays
    met : In(1), what the command waits for has happened
    alone : In(1), no command before it is left
    <unit> : Out(stream of commands)
    <unit>_finished : In(stream of :func:`~.layouts.finished_layout`)
    ended : Out(stream of :func:`ended_layout`)
    begun : Out(1), a command leaves
    oldest : Out(16); busy : Out(1)
        Sequence of the first command that a unit has, the units in order; there is one.
    """

    def __init__(self, address_width: int, units: tuple[str, ...] = PRODUCT_ALONE):
        self.address_width, self.units = address_width, units
        command, finished = unit_streams(address_width)
        super().__init__({
            "i": In(stream.Signature(checked_layout(address_width))),
            "go": In(1),
            "met": In(1),
            "alone": In(1),
            **{name: Out(command) for name in units},
            **{f"{name}_finished": In(finished) for name in units},
            "ended": Out(stream.Signature(ended_layout(address_width, units))),
            "begun": Out(1),
            "oldest": Out(16),
            "busy": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        ticket = self._ticket(m)
        own = Signal.like(self.ended.payload, name="own")
        ends, taken = Signal(name="ends_here"), Signal(name="taken_here")
        queues = self._begin(m, ticket, ends, taken)
        m.d.comb += [
            own.ticket.eq(ticket),
            own.cause.eq(self.i.payload.verdict.cause),
            own.address.eq(self.i.payload.verdict.address),
        ]
        self._end(m, queues, own, ends, taken)
        return m

    def _ticket(self, m: Module) -> data.View:
        command = self.i.payload.command
        ticket = Signal(ticket_layout(), name="ticket")
        lawless = self.i.payload.verdict.cause.matches(*(int(each) for each in LAWLESS))
        # Of several causes the first is told: a command of a wrong size may name no counter either.
        trusted = ~lawless & below(command.signal, COUNTERS + 1)
        m.d.comb += [
            ticket.sequence.eq(command.sequence),
            ticket.opcode.eq(command.opcode),
            ticket.interrupt.eq((command.flags & Flags.INTERRUPT.value).any()),
            ticket.ring.eq(self.i.payload.ring),
            ticket.signal.eq(Mux(trusted, command.signal, 0)),
        ]
        return ticket

    def _begin(self, m: Module, ticket: data.View, ends: Signal, taken: Signal) -> list:
        """Offer the command to its unit, or end it here; return the units' queues of tickets."""
        command, refused = self.i.payload.command, self.i.payload.verdict.cause != Cause.NONE
        fenced = (command.flags & Flags.FENCE.value).any()
        free, stays = Signal(name="free"), Signal(name="stays")
        m.d.comb += free.eq(
            self.i.valid & (stays | (self.go & (refused | (self.met & (~fenced | self.alone)))))
        )
        queues, somewhere = [], []
        for name in self.units:
            m.submodules[name] = queue = SmallQueue(ticket_layout(), IN_FLIGHT)
            unit = getattr(self, name)
            here = (command.opcode == UNITS[name]) & ~refused
            somewhere.append(here)
            m.d.comb += [
                unit.valid.eq(free & here & queue.i.ready),
                unit.payload.eq(command),
                queue.i.valid.eq(unit.valid & unit.ready),
                queue.i.payload.eq(ticket),
            ]
            queues.append(queue)
        m.d.comb += [
            ends.eq(free & ~Cat(somewhere).any()),
            self.begun.eq(Cat(taken, *(queue.i.valid for queue in queues)).any()),
            self.i.ready.eq(self.begun),
            self.busy.eq(Cat(queue.o.valid for queue in queues).any()),
        ]
        m.d.sync += stays.eq(free & ~self.begun)
        for queue in reversed(queues):
            with m.If(queue.o.valid):
                m.d.comb += self.oldest.eq(queue.o.payload.sequence)
        return queues

    def _end(self, m: Module, queues: list, own: data.View, ends: Signal, taken: Signal) -> None:
        """Choose among those that end, the units first; who was offered stays."""
        count = len(queues)
        finished = [getattr(self, f"{name}_finished") for name in self.units]
        offers = [*(each.valid for each in finished), ends]
        # No arithmetic, whose carry would join a unit's `finished` with who comes after it.
        first = Cat(now & ~Cat(offers[:n]).any() for n, now in enumerate(offers))
        held, chosen = Signal(count + 1, name="held"), Signal(count + 1, name="chosen")
        m.d.comb += [
            chosen.eq(Mux(held.any(), held, first)),
            self.ended.valid.eq(chosen.any()),
            taken.eq(chosen[count] & self.ended.ready),
        ]
        m.d.sync += held.eq(Mux(self.ended.ready, 0, chosen))
        with m.If(chosen[count]):
            m.d.comb += self.ended.payload.eq(own)
        for n, (each, queue) in enumerate(zip(finished, queues, strict=True)):
            with m.If(chosen[n]):
                m.d.comb += [
                    each.ready.eq(self.ended.ready),
                    queue.o.ready.eq(self.ended.ready),
                    self.ended.payload.ticket.eq(queue.o.payload),
                    self.ended.payload.cause.eq(each.payload.cause),
                    self.ended.payload.address.eq(each.payload.address),
                    self.ended.payload.unit.eq(unit_number(self.units[n])),
                ]
