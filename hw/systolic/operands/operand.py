"""One operand's side of a matrix product: its packets, walked through command by command."""

from amaranth import Module, Signal
from amaranth.hdl import ShapeLike
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from gemmule.hw.common.pipeline import wire
from gemmule.hw.common.stream.guard import PacketGuard
from gemmule.hw.common.stream.payload import packet, packet_stream
from gemmule.hw.common.stream.skid import SkidBuffer
from gemmule.hw.common.stream.status import FaultLayout
from gemmule.hw.systolic.command import reader_signature, settings_layout
from gemmule.hw.systolic.params import ProductParams

from .beat import Beat
from .loops import TileLoops, position_signature

__all__ = ["Operand"]


class Operand(wiring.Component):
    """Serve the beats of one operand with their place in the loops; one packet a command.

    A packet whose ``last`` comes early is filled up with zeros, one whose ``last`` comes late is
    thrown away from there on; both are reported, and the next packet starts clean. Packets of
    refused commands are thrown away whole. Where the packet is absent, its beats pass without one
    (``TILE``: something else must still happen) or do not happen (``RESULT``).

    Latency: 0 cycles, 1 with ``buffered``. Throughput: one beat a cycle, from command to command
    too. Back-pressure: ``i.ready`` follows ``take`` combinationally unless ``buffered``.

    Parameters
    ----------
    params : ProductParams
    beat : Beat
        Which loop this operand's beats follow.
    shape : ShapeLike
        What a beat holds.
    buffered : bool
        Put a skid buffer in front, which cuts the path of ``ready``.

    Members
    -------
    i : In(packet stream of ``shape``)
    queue : In(:func:`reader_signature`)
    valid : Out(1); data : Out(shape); blank : Out(1); at : Out(:func:`position_signature`)
        The beat to come, zeros if ``blank`` whatever ``data`` is, and where it stands.
    command : Out(:func:`settings_layout`)
        What the command it belongs to says of the requantization.
    take : In(1)
        Only with ``valid``.
    """

    def __init__(
        self, params: ProductParams, beat: Beat, shape: ShapeLike, *, buffered: bool = True
    ):
        self.params = params
        self._beat = beat
        self._shape = shape
        self.skid = SkidBuffer(packet(shape)) if buffered else None
        super().__init__({
            "i": In(packet_stream(shape)),
            "queue": In(reader_signature(params)),
            "valid": Out(1),
            "data": Out(shape),
            "blank": Out(1),
            "at": Out(position_signature(params)),
            "command": Out(settings_layout(params)),
            "take": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.guard = guard = PacketGuard(self._shape)
        m.submodules.loops = loops = TileLoops(self.params, self._beat)
        if skid := self.skid:
            m.submodules.skid = skid
            connect(m, flipped(self.i), skid.i)
            connect(m, skid.o, guard.i)
        else:
            connect(m, flipped(self.i), guard.i)
        connect(m, loops.at, flipped(self.at))

        discarding = Signal()
        skipped = Signal()
        absent = Signal()
        ends = wire(m, "ends", self.take & self.at.final)
        discarded = wire(m, "discarded", discarding & guard.valid)
        idle = ~self.at.active & ~discarding
        accept = wire(m, "accept", self.queue.valid & (idle | ends | discarded))
        passes = self.queue.absent if self._beat is Beat.RESULT else 0
        nothing = wire(m, "nothing", self.queue.refused | passes)
        with m.If(accept):
            m.d.sync += [
                self.command.eq(self.queue.settings),
                discarding.eq(self.queue.discard),
                absent.eq(self.queue.absent),
            ]
        with m.Elif(discarded):
            m.d.sync += discarding.eq(0)
        m.d.sync += skipped.eq(accept & nothing & ~self.queue.discard)
        m.d.comb += [
            self.queue.take.eq(accept),
            self.queue.done.eq(ends | discarded | skipped),
            loops.load.eq(accept & ~nothing),
            loops.step.eq(self.take),
            loops.start.eq(self.queue.start),
            self.valid.eq((guard.valid | absent) & self.at.active),
            self.data.eq(guard.raw),
            self.blank.eq(guard.filling),
            guard.take.eq((self.take & ~absent) | discarded),
            guard.final.eq(self.at.final | discarding),
        ]
        self._report(m, guard, discarding)
        return m

    def _report(self, m: Module, guard: PacketGuard, discarding: Signal) -> None:
        """Remember a packet's faults until the command is done."""
        seen = Signal(FaultLayout)
        faults = self.queue.faults
        with m.If(~discarding):
            m.d.comb += [
                faults.early.eq(seen.early | guard.early),
                faults.late.eq(seen.late | guard.late),
            ]
        m.d.sync += seen.eq(faults)
        with m.If(self.queue.done):
            m.d.sync += seen.eq(0)
