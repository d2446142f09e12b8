"""Where a pipeline that cannot stall meets a stream that can: a queue that lends its places."""

from amaranth import Module, Signal, Value
from amaranth.hdl import ShapeLike
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

__all__ = ["CreditFifo", "depth_for"]

ROUND_TRIP = 3
"""Cycles from a result that is written to the admission of the beat that takes its place."""


def depth_for(latency: int) -> int:
    """Return places that sustain one beat a cycle through a pipeline of ``latency``.

    It is a power of two.
    """
    return max(16, 1 << (latency + ROUND_TRIP - 1).bit_length())


class CreditFifo(wiring.Component):
    """A queue at the end of a free-running pipeline, which admits no more than it has places for.

    Each place is a credit: a beat that enters the pipeline takes one, and gives it back when it
    leaves the queue.

    Latency: 1 cycle, with ``registered`` 2. Throughput: one transfer a cycle, if ``depth`` is at
    least :func:`depth_for` of the pipeline. Back-pressure: ``room`` comes from a register; a beat
    may enter the pipeline only where it is set, and says so with ``enter``.

    Parameters
    ----------
    shape : ShapeLike
    depth : int
        A power of two.
    registered : bool
        The payload at ``o`` comes from a register, so that block RAM can hold the queue.

    Members
    -------
    room : Out(1)
        A beat may enter the pipeline.
    enter : In(1)
        One does.
    valid : In(1)
        ``payload`` has left the pipeline.
    payload : In(shape)
    o : Out(stream of shape)
    """

    def __init__(self, shape: ShapeLike, depth: int, *, registered: bool = False):
        self.depth = depth
        self._registered = registered
        super().__init__({
            "room": Out(1, init=1),
            "enter": In(1),
            "valid": In(1),
            "payload": In(shape),
            "o": Out(stream.Signature(shape)),
        })

    def elaborate(self, platform):
        m = Module()
        leave = self._in_block_ram(m) if self._registered else self._in_lut_ram(m)
        free = Signal(range(self.depth + 1), init=self.depth)
        after = Signal.like(free)
        m.d.comb += after.eq(free + leave - self.enter)
        m.d.sync += [free.eq(after), self.room.eq(after != 0)]
        return m

    def _in_block_ram(self, m: Module) -> Value:
        """Queue in block RAM; return whether a beat leaves."""
        width = len(Value.cast(self.payload))
        m.submodules.fifo = fifo = SyncFIFOBuffered(width=width, depth=self.depth)
        m.d.comb += [
            fifo.w_data.eq(self.payload),
            fifo.w_en.eq(self.valid),
            fifo.r_en.eq(self.o.ready),
            Value.cast(self.o.payload).eq(fifo.r_data),
            self.o.valid.eq(fifo.r_rdy),
        ]
        return self.o.ready & fifo.r_rdy

    def _in_lut_ram(self, m: Module) -> Value:
        """Queue in memory that is read in the same cycle; return whether a beat leaves."""
        width = len(Value.cast(self.payload))
        m.submodules.queue = queue = Memory(shape=width, depth=self.depth, init=[])
        write, read = queue.write_port(), queue.read_port(domain="comb")
        start, end = (Signal(range(self.depth), name=name) for name in ("start", "end"))
        queued = Signal(range(self.depth + 1))
        leave = Signal()
        m.d.comb += [
            leave.eq(self.o.valid & self.o.ready),
            self.o.valid.eq(queued != 0),
            Value.cast(self.o.payload).eq(read.data),
            read.addr.eq(start),
            write.addr.eq(end),
            write.data.eq(self.payload),
            write.en.eq(self.valid),
        ]
        m.d.sync += [
            queued.eq(queued + self.valid - leave),
            start.eq(start + leave),
            end.eq(end + self.valid),
        ]
        return leave
