"""What became of a command: its refusal and its packets' faults, on a stream that stops nothing."""

from collections.abc import Iterable

from amaranth import Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from gemmule.golden.common.codes import Code

__all__ = ["FaultLayout", "SideQueue", "status_layout"]

FaultLayout = data.StructLayout({"early": 1, "late": 1})
"""Where the ``last`` of a packet stood: too early, too late, or (0) right."""


def status_layout(refusal: type[Code], packets: Iterable[str]) -> data.StructLayout:
    """Lay out why a command was refused, where ``last`` stood in its ``packets``, and ``lost``."""
    faults = dict.fromkeys(packets, FaultLayout)
    return data.StructLayout({"refused": refusal, **faults, "lost": 1})


class SideQueue(wiring.Component):
    """Queue the words of a side stream, whose reader may be slow or absent, without ever waiting.

    The word that is offered at ``o`` stays until it is taken. Up to ``depth`` newer words wait
    behind it; when one more comes, the oldest of those that wait is dropped, and the word that
    follows the gap carries ``lost``.

    Latency: 0 cycles through an empty queue. Throughput: one word a cycle on either side.
    Back-pressure: none, ``i.ready`` is always 1.

    Parameters
    ----------
    layout : StructLayout
        Of a word; its field ``lost``, 1 bit, is written by the queue alone.
    depth : int
        Words that wait behind the offered one: a power of two.

    Members
    -------
    i : In(stream of ``layout``), whose ``lost`` is ignored
    o : Out(stream of ``layout``)
    """

    DEPTH = 16

    def __init__(self, layout: data.StructLayout, depth: int = DEPTH):
        self.layout = layout
        self.depth = depth
        super().__init__({
            "i": In(stream.Signature(layout, always_ready=True)),
            "o": Out(stream.Signature(layout)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.waiting = waiting = Memory(
            shape=self.layout.as_shape(), depth=self.depth, init=[]
        )
        write, read = waiting.write_port(), waiting.read_port(domain="comb")
        head, level = Signal(range(self.depth)), Signal(range(self.depth + 1))
        held, holds = Signal(self.layout, reset_less=True), Signal()
        gap = Signal()

        take = self.o.valid & self.o.ready
        pop = take & (level != 0)
        # What comes passes an empty queue at once; otherwise it waits for those before it.
        push = self.i.valid & holds & ~(take & (level == 0))
        drop = push & ~pop & (level == self.depth)
        m.d.comb += [
            self.o.valid.eq(holds | self.i.valid),
            self.o.payload.eq(Mux(holds, Value.cast(held), Value.cast(self.i.payload))),
            self.o.payload.lost.eq(holds & held.lost),
            write.addr.eq(head),
            write.data.eq(self.i.payload),
            write.en.eq(push),
            read.addr.eq(head - level),
        ]
        m.d.sync += [
            head.eq(head + push),
            level.eq(level + (push & ~drop) - pop),
            gap.eq((gap & ~pop) | drop),
            holds.eq((holds & ~take) | pop | (self.i.valid & ~(take & ~holds))),
        ]
        with m.If(pop):
            m.d.sync += [held.eq(read.data), held.lost.eq(gap)]
        with m.Elif(take | ~holds):
            m.d.sync += [held.eq(self.i.payload), held.lost.eq(0)]
        return m
