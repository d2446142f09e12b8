"""The ring of commands in memory: where a place is, and the requests that fetch commands."""

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.golden.soc.commands import COMMAND
from gemmule.hw.soc.dma.request import request_layout

from .buffer import places

__all__ = ["LOW", "MOST_LOG2", "Places", "RingFetch"]

MOST_LOG2 = 16
"""A ring has at most two to the power of this places."""

LOW = 32
"""Bits of an address that one addition takes; those above follow a cycle later."""

SPLIT = 28
"""The same of a place's address: its offset takes levels of logic before the addition."""


class Places(wiring.Component):
    """The places of a ring, one after the other: ``base + size * (count mod 2**log2)``.

    Latency: ``settled`` tells that ``address`` is that of ``count``; it is 0 for the 2 cycles after
    ``step`` and after ``log2`` changed, but it does not know of changes of ``base``, which take as
    long. Bits of the sum beyond the address width are lost.

    Parameters
    ----------
    address_width : int
    size : int
        Bytes of a place, a power of two.

    Members
    -------
    base : In(``address_width``)
    log2 : In(5), more than 16 is 16
    step : In(1), go to the next place
    count : Out(17), steps taken
    address : Out(``address_width``)
    settled : Out(1)
    """

    WIDTH = MOST_LOG2 + 1
    """Bits of the count: a full ring is not an empty one."""

    LATENCY = 2

    def __init__(self, address_width: int, size: int):
        self.size = size
        super().__init__({
            "base": In(address_width),
            "log2": In(5),
            "step": In(1),
            "count": Out(self.WIDTH),
            "address": Out(address_width),
            "settled": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        # A register, lest its levels come before those of the addition.
        mask, before = Signal(MOST_LOG2, name="mask"), Signal.like(self.log2, name="before")
        changes = self.log2 != before
        m.d.sync += [
            before.eq(self.log2),
            mask.eq(Cat(self.log2 > bit for bit in range(MOST_LOG2))),
        ]
        offset = Cat(Const(0, self.size.bit_length() - 1), self.count[:MOST_LOG2] & mask)
        low, high = Signal(SPLIT + 1, reset_less=True, name="low"), self.base[SPLIT:]
        age = Signal(self.LATENCY)
        m.d.sync += [
            low.eq(self.base[:SPLIT] + offset),
            self.address.eq(Cat(low[:SPLIT], (high + low[SPLIT])[: len(high)])),
            age.eq(Mux(self.step | changes, 0, Cat(1, age))),
        ]
        # An enable, since a late `step` would precede the addition.
        with m.If(self.step):
            m.d.sync += self.count.eq(self.count + 1)
        m.d.comb += self.settled.eq(age[-1])
        return m


class RingFetch(wiring.Component):
    """Ask for each command that the doorbell announced, as far as there is room for them.

    Latency: the request is offered in the cycle in which ``tail`` changes, if two cycles passed
    since the one before. Throughput: a request in three cycles. Back-pressure: at most
    :func:`~.buffer.places` commands are asked for and not ``freed``.

    Parameters
    ----------
    address_width, data_width : int

    Members
    -------
    base : In(``address_width``); log2 : In(5)
    tail : In(32), commands written
    enable : In(1), ask for more
    freed : In(1), a command left the buffer
    request : Out(stream of requests of the DMA)
    pending : Out(1), not all commands were asked for
    awaited : Out(1), some that were asked for have not come, or wait in the buffer
    """

    def __init__(self, address_width: int, data_width: int):
        self.places = places(data_width)
        self.address_width = address_width
        super().__init__({
            "base": In(address_width),
            "log2": In(5),
            "tail": In(32),
            "enable": In(1),
            "freed": In(1),
            "request": Out(stream.Signature(request_layout(address_width))),
            "pending": Out(1),
            "awaited": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.ring = ring = Places(self.address_width, COMMAND.size)
        free, offered = (
            Signal(range(self.places + 1), init=self.places, name="free"),
            Signal(name="offered"),
        )
        ready = (free != 0) & self.enable & ring.settled
        m.d.comb += [
            ring.base.eq(self.base),
            ring.log2.eq(self.log2),
            ring.step.eq(self.request.valid & self.request.ready),
            self.pending.eq(ring.count != self.tail[: Places.WIDTH]),
            self.awaited.eq(free != self.places),
            self.request.valid.eq((self.pending & ready) | offered),
            self.request.payload.address.eq(ring.address),
            self.request.payload.length.eq(COMMAND.size),
        ]
        m.d.sync += [
            offered.eq(self.request.valid & ~self.request.ready),
            free.eq(free + self.freed - ring.step),
        ]
        return m
