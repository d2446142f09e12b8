"""Completion: a record in memory for each command that ended, and what registers tell of it."""

from amaranth import Module, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.golden.soc.commands import COMPLETION, Cause
from gemmule.hw.common.stream.payload import packet_stream
from gemmule.hw.soc.dma.request import request_layout, write_done

from .dispatch import ended_layout
from .layouts import PRODUCT_ALONE
from .queue import SmallQueue
from .ring import Places

__all__ = ["Completion", "completed_layout"]

UNDER_WAY = 8
"""Records that were handed over and are not answered."""

CAUSE_BITS = 4

assert max(Cause) < 1 << CAUSE_BITS


def completed_layout(
    address_width: int, units: tuple[str, ...] = PRODUCT_ALONE
) -> data.StructLayout:
    """Lay out a command that is complete, and whether its record met an error of the bus."""
    return data.StructLayout({
        "valid": 1,
        "ended": ended_layout(address_width, units),
        "unwritten": 1,
        "decode": 1,
        "record": unsigned(address_width),
    })


class Completion(wiring.Component):
    """Write a record for each command that ended, and tell of it when the record is in memory.

    Commands complete in the order in which they come here. Without ``enable`` there are no records.
    Record number n, from 0 on, stands at ``base + 16 * (n mod 2**log2)``.

    Latency: 2 cycles from ``i`` to the record's request, if two cycles passed since the one
    before; ``completed`` in the cycle of its answer. Without records 1 cycle. Throughput: a record
    in three cycles, up to 8 under way. Back-pressure: ``i`` waits where 8 are under way, or
    the bus takes none.

    Parameters
    ----------
    address_width : int
    units : tuple[str, ...]
        Those that are built in.

    Members
    -------
    i : In(stream of ended commands)
    enable : In(1), write records; base : In(``address_width``); log2 : In(5)
    request : Out(stream of requests of the DMA)
    data : Out(packet stream of 16 bytes)
    done : In(:func:`~gemmule.hw.soc.dma.request.write_done`)
    completed : Out(:func:`completed_layout`)
    """

    def __init__(self, address_width: int, units: tuple[str, ...] = PRODUCT_ALONE):
        self.address_width = address_width
        self._ended = ended_layout(address_width, units)
        super().__init__({
            "i": In(stream.Signature(self._ended)),
            "enable": In(1),
            "base": In(address_width),
            "log2": In(5),
            "request": Out(stream.Signature(request_layout(address_width))),
            "data": Out(packet_stream(unsigned(8 * COMPLETION.size))),
            "done": In(write_done(address_width)),
            "completed": Out(completed_layout(address_width, units)),
        })

    def elaborate(self, platform):
        m = Module()
        entry = data.StructLayout({"ended": self._ended, "recorded": 1})
        m.submodules.under_way = queue = SmallQueue(entry, UNDER_WAY)
        holds = Signal(name="holds")
        m.d.comb += [
            queue.i.valid.eq(self.i.valid & ~holds),
            queue.i.payload.ended.eq(self.i.payload),
            queue.i.payload.recorded.eq(self.enable),
            self.i.ready.eq(queue.i.ready & ~holds),
        ]
        self._record(m, holds)
        self._complete(m, queue.o)
        return m

    def _record(self, m: Module, holds: Signal) -> None:
        """Hand a record over, request and bytes, each as soon as it is taken."""
        m.submodules.places = places = Places(self.address_width, COMPLETION.size)
        index = Signal(32, name="index")
        names = ("asked", "given", "leaves", "offered")
        asked, given, leaves, offered = (Signal(name=name) for name in names)
        held = Signal(self._ended, name="held", reset_less=True)
        fields = {
            "index": index,
            "sequence": held.ticket.sequence,
            "cause": held.cause,
            "opcode": held.ticket.opcode,
            "address": held.address,
        }
        assert set(fields) == {each.name for each in COMPLETION.entries}
        for each in COMPLETION.entries:
            bits = self.data.payload.data[8 * each.offset :][: 8 * each.octets]
            m.d.comb += bits.eq(fields[each.name])
        m.d.comb += [
            places.base.eq(self.base),
            places.log2.eq(self.log2),
            places.step.eq(leaves | (self.i.valid & self.i.ready & ~self.enable)),
            self.request.valid.eq(holds & (places.settled | offered) & ~asked),
            self.request.payload.address.eq(places.address),
            self.request.payload.length.eq(COMPLETION.size),
            self.data.valid.eq(holds & ~given),
            self.data.payload.last.eq(1),
            leaves.eq(
                (asked | (self.request.valid & self.request.ready))
                & (given | (self.data.valid & self.data.ready))
            ),
        ]
        m.d.sync += [
            offered.eq(self.request.valid & ~self.request.ready),
            asked.eq(~leaves & (asked | (self.request.valid & self.request.ready))),
            given.eq(~leaves & (given | (self.data.valid & self.data.ready))),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [held.eq(self.i.payload), holds.eq(self.enable), index.eq(index + 1)]
        with m.Elif(leaves):
            m.d.sync += holds.eq(0)

    def _complete(self, m: Module, waiting: stream.Interface) -> None:
        """Tell of the first command that is under way when its record is answered."""
        entry, completed = waiting.payload, self.completed
        m.d.comb += [
            waiting.ready.eq(~entry.recorded | self.done.valid),
            completed.valid.eq(waiting.valid & waiting.ready),
            completed.ended.eq(entry.ended),
            completed.unwritten.eq(entry.recorded & self.done.error),
            completed.decode.eq(self.done.decode),
            completed.record.eq(self.done.address),
        ]
