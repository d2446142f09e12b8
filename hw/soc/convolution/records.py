"""Reads the records of a program: numbers of several units of 16 bytes, one after the other."""

from amaranth import Module, Mux, Signal, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.golden.conv.records import UNIT
from gemmule.hw.common.pipeline import wire
from gemmule.hw.common.stream.fifo import Fifo
from gemmule.hw.common.stream.payload import packet_stream
from gemmule.hw.soc.dma.request import read_stream, request_layout

__all__ = ["BURST", "Records"]

BURST = 16
"""Units that a request asks for at most."""

ROOM = 4 * BURST
"""Units that wait here, or are on their way."""


class Records(wiring.Component):
    """Ask for units in bursts for which there is room, and join them to records.

    Bits that are cut off the last record are 0; where there is no unit at all, there is one record
    of zeros.

    Latency: memory's, and 5 cycles. Throughput: a unit a cycle but for one more a record.
    Back-pressure: ``o`` waits; ``data`` never does.

    Parameters
    ----------
    address_width : int
    units : int
        Of a record.
    width : int
        Bits of a record that count.

    Members
    -------
    start : In(1)
        Take ``base`` and ``count``; nothing of what was there before is.
    base : In(address_width); count : In(24)
        The byte address of the first unit, and how many there are.
    request : Out(stream of ``request_layout``); data : In(read stream of 16 bytes)
    o : Out(packet stream of a record)
        ``last`` on the last one.
    """

    def __init__(self, address_width: int, units: int, width: int):
        self.address_width, self.units, self.width = address_width, units, width
        super().__init__({
            "start": In(1),
            "base": In(address_width),
            "count": In(24),
            "request": Out(stream.Signature(request_layout(address_width))),
            "data": In(read_stream(8 * UNIT)),
            "o": Out(packet_stream(unsigned(width))),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.queue = queue = Fifo(unsigned(8 * UNIT), ROOM)
        left = Signal(24, name="left_to_join")
        free = Signal(range(ROOM + 1), init=ROOM)
        taken = wire(m, "taken", queue.o.valid & queue.o.ready)
        asked = self._ask(m, free)
        m.d.sync += free.eq(free - asked + taken)
        m.d.comb += [
            queue.i.valid.eq(self.data.valid),
            queue.i.payload.eq(self.data.payload.data),
            self.data.ready.eq(1),
        ]
        self._join(m, queue, left, taken)
        return m

    def _ask(self, m: Module, free: Signal) -> Value:
        """Ask for a burst where there is room; return how many units were asked for now."""
        left, address = Signal(24, name="left_to_ask"), Signal(self.address_width, name="address")
        some = wire(m, "some", Mux(left > BURST, BURST, left)[: BURST.bit_length()])
        asks = wire(m, "asks", self.request.valid & self.request.ready)
        room = free >= BURST
        valid = Signal(name="asking")
        m.d.comb += [
            self.request.valid.eq(valid),
            self.request.payload.address.eq(address),
            self.request.payload.length.eq(some << UNIT.bit_length() - 1),
        ]
        m.d.sync += valid.eq(Mux(valid, ~asks, room & (left != 0)))
        with m.If(asks):
            m.d.sync += [left.eq(left - some), address.eq(address + UNIT * BURST)]
        with m.If(self.start):
            m.d.sync += [left.eq(self.count), address.eq(self.base), valid.eq(0)]
        return Mux(asks, some, 0)

    def _join(self, m: Module, queue: Fifo, left: Signal, taken: Value) -> None:
        """Gather the units of a record, the first in the low bits."""
        parts = Signal(8 * UNIT * self.units, name="parts")
        number = Signal(range(self.units), name="unit")
        running, whole = Signal(name="running"), Signal(name="whole")
        final = wire(m, "final", left == 1)
        ends = wire(m, "ends", final | (number == self.units - 1))
        gives = wire(m, "gives", self.o.valid & self.o.ready)
        m.d.comb += [
            queue.o.ready.eq(running & ~whole),
            self.o.valid.eq(running & whole),
            self.o.payload.data.eq(parts),
            self.o.payload.last.eq(left == 0),
        ]
        with m.If(taken):
            m.d.sync += [
                parts.word_select(number, 8 * UNIT).eq(queue.o.payload),
                number.eq(Mux(ends, 0, number + 1)),
                left.eq(left - 1),
                whole.eq(ends),
            ]
        with m.If(gives):
            m.d.sync += [whole.eq(0), parts.eq(0), running.eq(left != 0)]
        with m.If(self.start):
            m.d.sync += [
                parts.eq(0),
                number.eq(0),
                left.eq(self.count),
                running.eq(1),
                whole.eq(self.count == 0),
            ]
