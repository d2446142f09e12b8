"""Programs, command by command: what is wrong ends a program, and the next one begins anew."""

from amaranth import Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from gemmule.golden.conv.commands import Opcode
from gemmule.golden.conv.refusal import Refusal
from gemmule.hw.common.pipeline import wire
from gemmule.hw.common.stream.payload import packet_stream
from gemmule.hw.common.stream.status import FaultLayout, SideQueue, status_layout

from .command import command_layout, refusal
from .params import LayerParams

__all__ = ["FOUND", "PACKETS", "PATIENCE", "Control", "program_status"]

PACKETS = ("x", "w", "scale")
"""Streams of packets beside the commands."""

FOUND = (
    Refusal.PACKET,
    Refusal.REQUESTS,
    Refusal.BANK,
    Refusal.ADDRESS,
    Refusal.PASSES,
    Refusal.PLACES,
    Refusal.SETTINGS,
    Refusal.TIME,
)
"""What commands turn out to be wrong together, the likelier cause first."""

PATIENCE = 2048
"""Cycles without a movement that count as a standstill: more than any part takes between two."""

INDEX_WIDTH = 24


def program_status() -> data.StructLayout:
    """Lay out why and at which command a program was refused, and where packets had ``last``.

    ``command`` is the number of the refused command within its program, from 0 on; of what several
    commands brought about, that of the command that was to begin next. Of a program that was
    carried out, it is that of its fence.
    """
    known = {name: field.shape for name, field in status_layout(Refusal, PACKETS)}
    return data.StructLayout(known | {"command": unsigned(INDEX_WIDTH)})


class Control(Component):
    """Hand on the commands of a program, and end it: reported, and with nothing left of it.

    A program is a packet of commands, whose last one is a fence. A command that is wrong by itself
    is not handed on, and neither is any behind it, up to the program's end; the same holds once
    ``found`` tells of something wrong, or nothing has moved for `PATIENCE` cycles although there is
    a command. The rest of such a program is dropped. When nothing of it is under way outside, or
    nothing was heard of that for `PATIENCE` cycles, ``clear`` resets all that carries out commands.

    Latency: 0 cycles. Throughput: a command a cycle. Back-pressure: a fence waits until results are
    written, the last one until everything is settled and the packet of settings is over; other
    commands wait for ``o``. ``status`` stops nothing (see :class:`SideQueue`).

    Parameters
    ----------
    params : :class:`LayerParams`
    shared : bool
        Requests can leave their region of memory: ``found`` has a bit more.

    Members
    -------
    command : In(packet stream of command_layout)
    o : Out(stream of command_layout)
        Commands that are right by themselves, but for the fences.
    written, settled : In(1)
        Results were handed to memory; nothing else of the program is left.
    found : In(struct of a bit for each of FOUND)
    faults : In(struct of FaultLayout for each of PACKETS)
    moves : In(1)
        Something moved, or waits for the outside.
    hears : In(1)
        Something of a program that ends moved outside, or is offered.
    drained : In(1)
        Nothing is offered to the outside.
    pending : In(1)
        Memory owes an answer.
    over : In(1)
        The packet of settings has ended.
    ends : Out(1)
        The program needs no more settings.
    broken : Out(1)
        The program is refused.
    clear : Out(1)
    report : Out(1)
        The program is over.
    status : Out(stream of program_status)
        One a program.
    """

    def __init__(self, params: LayerParams, *, shared: bool = False):
        self.params = params
        self._found = (*FOUND, Refusal.REGION) if shared else FOUND
        self._layout = command_layout(params)
        names = ("written", "settled", "moves", "hears", "drained", "pending", "over")
        super().__init__({
            "command": In(packet_stream(self._layout)),
            "o": Out(stream.Signature(self._layout)),
            **dict.fromkeys(names, In(1)),
            "found": In(data.StructLayout({each.name: 1 for each in self._found})),
            "faults": In(data.StructLayout(dict.fromkeys(PACKETS, FaultLayout))),
            **dict.fromkeys(("ends", "broken", "clear", "report"), Out(1)),
            "status": Out(stream.Signature(program_status())),
        })

    def elaborate(self, platform):
        m = Module()
        cut, cleared = Signal(), Signal()
        good = self._hand_on(m)
        silent = self._refuse(m)
        m.d.comb += [
            self.clear.eq(self.broken & ~cleared & self.drained & (~self.pending | silent)),
            self.ends.eq(good | self.broken),
            self.command.ready.eq(self._ready | (self.report & good) | (self.broken & ~cut)),
        ]
        taken = self.command.valid & self.command.ready
        over = self.over & Mux(self.broken, cut & cleared, good)
        m.d.sync += [
            self.report.eq(over & ~self.report),
            cleared.eq((cleared | self.clear) & ~self.report),
            cut.eq((cut | (self.broken & taken & self.command.payload.last)) & ~self.report),
        ]
        self._report(m, taken)
        return m

    def _hand_on(self, m: Module) -> Value:
        """Hand commands on, let fences wait; true where the last one has nothing to wait for."""
        head, last = self.command.payload.data, self.command.payload.last
        why = refusal(self.params, head, last)
        self._why = Signal(Refusal, name="why")
        m.d.comb += self._why.eq(why)
        fence = wire(m, "fence", head.kind == Opcode.FENCE.value)
        right = wire(m, "right", self.command.valid & ~self.broken & (self._why == 0))
        m.d.comb += [
            self.o.valid.eq(right & ~fence),
            self.o.payload.eq(head),
        ]
        self._ready = right & Mux(fence, self.written & ~last, self.o.ready)
        return wire(m, "good", right & fence & last & self.written & self.settled)

    def _refuse(self, m: Module) -> Value:
        """End the program at the first thing that is wrong; true after a standstill."""
        quiet = Signal(range(PATIENCE))
        silent = wire(m, "silent", quiet == PATIENCE - 1)
        waits = self.moves | ~self.command.valid | self.command.ready
        stuck = silent & self.command.valid
        wrong = Mux(stuck, Refusal.STUCK.value, 0)
        wrong = Mux(self.command.valid, Mux(self._why != 0, self._why, wrong), wrong)
        for each in reversed(self._found):
            wrong = Mux(self.found[each.name], each.value, wrong)
        self._wrong = Signal(Refusal, name="wrong")
        m.d.comb += self._wrong.eq(wrong)
        breaks = wire(m, "breaks", ~self.broken & (self._wrong != 0))
        with m.If(breaks | self.report | Mux(self.broken, self.hears, waits)):
            m.d.sync += quiet.eq(0)
        with m.Elif(~silent):
            m.d.sync += quiet.eq(quiet + 1)
        m.d.sync += self.broken.eq((self.broken | breaks) & ~self.report)
        self._breaks = breaks
        return silent

    def _report(self, m: Module, taken: Value) -> None:
        """Keep what is to be told of a program until its end."""
        m.submodules.statuses = statuses = SideQueue(program_status())
        connect(m, statuses.o, flipped(self.status))
        refused, index = Signal(Refusal), Signal(INDEX_WIDTH)
        faults = Signal.like(self.faults)
        with m.If(self.report):
            m.d.sync += [Value.cast(refused).eq(0), index.eq(0), Value.cast(faults).eq(0)]
        with m.Else():
            with m.If(~self.broken):
                m.d.sync += Value.cast(faults).eq(Value.cast(faults) | Value.cast(self.faults))
            with m.If(self._breaks):
                m.d.sync += refused.eq(self._wrong)
            with m.Elif(taken & ~self.broken):
                m.d.sync += index.eq(index + 1)
        m.d.comb += [
            statuses.i.valid.eq(self.report),
            statuses.i.payload.refused.eq(refused),
            statuses.i.payload.command.eq(index),
            *(statuses.i.payload[name].eq(faults[name]) for name in PACKETS),
        ]
