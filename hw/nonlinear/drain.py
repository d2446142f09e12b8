"""Where a pipeline that cannot stall meets a stream that can."""

from amaranth import Module, Signal, Value
from amaranth.hdl import ShapeLike
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

__all__ = ["Drain", "depth_for"]

ROUND_TRIP = 3
"""Cycles from a result that is written to the admission of the beat that takes its place."""


def depth_for(latency: int) -> int:
    """Places that sustain one beat a cycle through a pipeline of ``latency``: a power of two."""
    return max(16, 1 << (latency + ROUND_TRIP - 1).bit_length())


class Drain(wiring.Component):
    """A queue at the end of a free-running pipeline, which admits no more than it has places for.

    Latency: 1 cycle. Throughput: one transfer a cycle, if ``depth`` is at least
    :func:`depth_for` of the pipeline. Back-pressure: ``room`` comes from a register; a beat may
    enter the pipeline only where it is set, and says so with ``enter``.

    Parameters
    ----------
    shape : ShapeLike
    depth : int
        A power of two.

    Members
    -------
    room : Out(1)
    enter : In(1)
    valid : In(1)
        ``payload`` has left the pipeline.
    payload : In(shape)
    o : Out(stream of shape)
    """

    def __init__(self, shape: ShapeLike, depth: int):
        self.depth = depth
        super().__init__({
            "room": Out(1, init=1),
            "enter": In(1),
            "valid": In(1),
            "payload": In(shape),
            "o": Out(stream.Signature(shape)),
        })

    def elaborate(self, platform):
        m = Module()
        width = len(Value.cast(self.payload))
        m.submodules.queue = queue = Memory(shape=width, depth=self.depth, init=[])
        write, read = queue.write_port(), queue.read_port(domain="comb")
        start, end = Signal(range(self.depth)), Signal(range(self.depth))
        queued, free = Signal(range(self.depth + 1)), Signal(range(self.depth + 1), init=self.depth)
        leave = Signal()
        after = Signal.like(free)
        m.d.comb += [
            leave.eq(self.o.valid & self.o.ready),
            after.eq(free + leave - self.enter),
            self.o.valid.eq(queued != 0),
            Value.cast(self.o.payload).eq(read.data),
            read.addr.eq(start),
            write.addr.eq(end),
            write.data.eq(self.payload),
            write.en.eq(self.valid),
        ]
        m.d.sync += [
            free.eq(after),
            self.room.eq(after != 0),
            queued.eq(queued + self.valid - leave),
            start.eq(start + leave),
            end.eq(end + self.valid),
        ]
        return m
