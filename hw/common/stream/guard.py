"""Hold a stream of packets to the length that its consumer counts."""

from amaranth import Module, Value
from amaranth.hdl import ShapeLike
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .payload import packet_stream

__all__ = ["PacketGuard"]


class PacketGuard(wiring.Component):
    """Give a consumer as many beats as it takes for a packet, however many there are.

    The consumer takes beats and says which is the final one of its packet. If ``last`` came
    before, the packet goes on with zeros, and nothing is taken from ``i``; if the final beat lacked
    ``last``, beats are dropped up to and with the one that has it. So the next packet begins with
    its own first beat, whatever the length of this one was.

    Latency: 0 cycles. Throughput: one beat a cycle, without a bubble after packets of the right
    length. Back-pressure: ``take`` reaches ``i.ready``; ``valid`` does not depend on ``take``.

    Parameters
    ----------
    shape : ShapeLike
        Of ``data``.

    Members
    -------
    i : In(packet stream of ``shape``)
    valid : Out(1)
        There is a beat to take.
    data : Out(``shape``)
    raw : Out(``shape``); filling : Out(1)
        ``data`` in two parts, for registers that ``filling`` resets: ``raw`` or, with it, zeros.
    take : In(1)
        Take it; only where ``valid``, on which it may depend.
    final : In(1)
        With ``take``: this beat is the packet's final one.
    early : Out(1)
        With ``take``, once for a packet: this beat had ``last``, too soon.
    late : Out(1)
        With ``take`` and ``final``, once for a packet: this beat should have had ``last``.
    """

    def __init__(self, shape: ShapeLike):
        super().__init__({
            "i": In(packet_stream(shape)),
            "valid": Out(1),
            "data": Out(shape),
            "raw": Out(shape),
            "filling": Out(1),
            "take": In(1),
            "final": In(1),
            "early": Out(1),
            "late": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        last = self.i.payload.last
        m.d.comb += Value.cast(self.raw).eq(Value.cast(self.i.payload.data))
        with m.FSM():
            with m.State("pass"):
                m.d.comb += [
                    self.valid.eq(self.i.valid),
                    Value.cast(self.data).eq(Value.cast(self.i.payload.data)),
                    self.i.ready.eq(self.take),
                    self.early.eq(self.take & last & ~self.final),
                    self.late.eq(self.take & ~last & self.final),
                ]
                with m.If(self.early):
                    m.next = "fill"
                with m.If(self.late):
                    m.next = "drop"
            with m.State("fill"):
                m.d.comb += [self.valid.eq(1), self.filling.eq(1)]
                with m.If(self.take & self.final):
                    m.next = "pass"
            with m.State("drop"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(self.i.valid & last):
                    m.next = "pass"
        return m
