"""Packets held to a number of entries, or thrown away."""

from amaranth import Const, Module, Signal, Value
from amaranth.hdl import ShapeLike
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from gemmule.hw.common.pipeline import register, wire
from gemmule.hw.common.stream.guard import PacketGuard
from gemmule.hw.common.stream.payload import packet, packet_stream
from gemmule.hw.common.stream.status import FaultLayout
from gemmule.hw.nonlinear.datapath.arithmetic import above

__all__ = ["Fit"]


class Fit(wiring.Component):
    """Hand on packets of ``length`` entries, ``lanes`` a beat, whatever comes.

    Where the length is ``stated``, a packet that ends early goes on with zeros. Where it is not,
    a packet ends by its ``last``, and ``longest`` is only the most. Of one that is too long, what
    is too much is dropped, up to and with its ``last``.

    Latency: 1 cycle. Throughput: one beat a cycle. Back-pressure: ``i.ready`` follows ``room``.

    Parameters
    ----------
    shape : ShapeLike
        Of a beat.
    lanes : int
    longest : int
    stated : bool

    Members
    -------
    i : In(packet stream of ``shape``)
    room : In(1)
        One more beat may be on its way.
    enter : Out(1)
        One is: it is at ``o`` in the next cycle.
    o : Out(packet stream of ``shape``, always taken)
    start : In(1)
        A new length counts from the next cycle on, and what is known of faults is forgotten.
    length : In(range(longest + 1)), read with ``start``; perhaps unused
    active : In(1)
        Packets may pass.
    discard : In(1)
        They are thrown away instead, each up to its ``last``.
    ends : Out(1)
        The final beat of a packet is handed on or thrown away.
    faults : Out(FaultLayout)
        What happened since ``start``.
    """

    def __init__(self, shape: ShapeLike, *, lanes: int, longest: int, stated: bool):
        self.lanes, self.longest, self.stated = lanes, longest, stated
        self._shape = shape
        super().__init__({
            "i": In(packet_stream(shape)),
            "room": In(1),
            "enter": Out(1),
            "o": Out(stream.Signature(packet(shape), always_ready=True)),
            "start": In(1),
            "length": In(longest.bit_length()),
            "active": In(1),
            "discard": In(1),
            "ends": Out(1),
            "faults": Out(FaultLayout),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.guard = guard = PacketGuard(self._shape)
        connect(m, flipped(self.i), guard.i)
        last, at_end = self.i.payload.last, Signal()
        take = wire(m, "take", guard.valid & self.active & (self.room | self.discard))
        whole = (at_end & ~self.discard) | (last & (self.discard if self.stated else 1))
        final = wire(m, "final", whole)
        m.d.comb += [
            guard.take.eq(take),
            guard.final.eq(final),
            self.enter.eq(take & ~self.discard),
            self.ends.eq(take & final),
        ]
        # Only what is filled up needs the zeros of the guard; as resets of registers they are free.
        data = guard.data if self.stated else self.i.payload.data
        kept = Signal(Value.cast(data).shape(), name="data", reset_less=True)
        m.d.sync += [
            self.o.valid.eq(self.enter),
            kept.eq(data),
            self.o.payload.last.eq(final),
        ]
        m.d.comb += Value.cast(self.o.payload.data).eq(kept)
        self._count(m, take, at_end)
        with m.If(self.start):
            m.d.sync += self.faults.eq(0)
        with m.Else():
            m.d.sync += [
                self.faults.early.eq(self.faults.early | guard.early),
                self.faults.late.eq(self.faults.late | guard.late),
            ]
        return m

    def _count(self, m: Module, take: Signal, at_end: Signal) -> None:
        """Keep ``at_end``: the next beat holds the packet's last entry, or that of the longest."""
        length = self.length if self.stated else Const(self.longest)
        short = ~above(length, self.lanes)
        kept, kept_short = length, short
        if self.stated:
            kept = register(m, "kept", length, self.start)
            kept_short = register(m, "kept_short", short, self.start)
        rest = Signal(self.longest.bit_length(), reset_less=True)
        with m.If(self.start):
            m.d.sync += [rest.eq(length), at_end.eq(short)]
        with m.Elif(self.ends):
            m.d.sync += [rest.eq(kept), at_end.eq(kept_short)]
        with m.Elif(take):
            m.d.sync += [rest.eq(rest - self.lanes), at_end.eq(~above(rest, 2 * self.lanes))]
