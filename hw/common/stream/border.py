"""Where a block meets the streams of others: a clear in the middle of a job breaks none of them."""

from amaranth import Module, Signal, Value
from amaranth.hdl import ShapeLike
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .payload import packet_stream

__all__ = ["Intake", "Outlet"]


class Intake(wiring.Component):
    """Let a stream into a block that runs; throw away what comes while the block is cleared.

    An offer that the block saw and did not take yet stays while the block drains, since an offer of
    its own may depend on it.

    Latency: 0 cycles. Throughput: one transfer a cycle. Back-pressure: ``i.ready`` follows
    ``o.ready``; it is ``clear`` while the block is cleared.

    Parameters
    ----------
    shape : ShapeLike

    Members
    -------
    i : In(packet stream of ``shape``)
    o : Out(packet stream of ``shape``)
    run : In(1), the block runs
    draining : In(1), the block's last offers are not all taken
    clear : In(1), what comes is thrown away unless the block gets it
    """

    def __init__(self, shape: ShapeLike):
        super().__init__({
            "i": In(packet_stream(shape)),
            "o": Out(packet_stream(shape)),
            "run": In(1),
            "draining": In(1),
            "clear": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        waits, through = Signal(), Signal()
        m.d.comb += [
            through.eq(self.run | (self.draining & waits)),
            self.o.valid.eq(self.i.valid & through),
            self.o.payload.eq(self.i.payload),
            self.i.ready.eq((through & self.o.ready) | (~through & self.clear)),
        ]
        m.d.sync += waits.eq(self.o.valid & ~self.o.ready)
        return m


class Outlet(wiring.Component):
    """Hold a block's offers until they are taken, and end its packets, also when it is cleared.

    While the block drains it stays as it is, so that an offer that waits does not change. A packet
    that is open after it ends with one beat more: zeros, with ``last``.

    Latency: 0 cycles. Throughput: one transfer a cycle. Back-pressure: ``i.ready`` follows
    ``o.ready``.

    Parameters
    ----------
    shape : ShapeLike

    Members
    -------
    i : In(packet stream of ``shape``)
    o : Out(packet stream of ``shape``)
    run : In(1), the block runs
    draining : In(1), the block is to be cleared when nothing is ``pending``
    pending : Out(1), an offer waits or a packet is open
    """

    def __init__(self, shape: ShapeLike):
        super().__init__({
            "i": In(packet_stream(shape)),
            "o": Out(packet_stream(shape)),
            "run": In(1),
            "draining": In(1),
            "pending": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        waits, is_open, shown, ends = (
            Signal(name=name) for name in ("waits", "is_open", "shown", "ends")
        )
        inside = self.i.payload
        m.d.comb += [
            shown.eq(self.run | (self.draining & waits)),
            ends.eq(self.draining & ~waits & is_open),
            self.o.valid.eq((self.i.valid & shown) | ends),
            self.i.ready.eq(self.o.ready & shown),
            Value.cast(self.o.payload.data).eq(
                Value.cast(inside.data) & (~ends).replicate(Value.cast(inside.data).shape().width)
            ),
            self.o.payload.last.eq(inside.last | ends),
            self.pending.eq(waits | is_open),
        ]
        m.d.sync += waits.eq(self.i.valid & shown & ~self.o.ready)
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += is_open.eq(~self.o.payload.last)
        return m
