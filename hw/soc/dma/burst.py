"""Requests to read cut to bursts."""

from amaranth import Cat, Const, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.hw.common.pipeline import wire
from gemmule.hw.soc.bus.axi import BLOCK_BYTES, LONGEST

from .parts.arbiter import granted
from .parts.ascending import Ascending
from .request import LENGTH_WIDTH, request_layout

__all__ = ["Cutter", "burst_layout"]


def burst_layout(address_width: int, data_width: int, channels: int) -> data.StructLayout:
    """Lay out a burst, the ``address`` of whose first word is that of a byte.

    ``length`` is its beats less one, as in ARLEN. ``first`` is where the request's first byte lies
    in its first word, ``end`` where its last byte does in its last; with ``final`` the burst is the
    request's last one.
    """
    place = range(data_width // 8)
    return data.StructLayout({
        "address": unsigned(address_width),
        "length": 8,
        "channel": range(channels),
        "first": place,
        "end": place,
        "final": 1,
    })


class Cutter(wiring.Component):
    """Cut requests where blocks of 4 KB or of 256 words meet.

    A burst ends at the border, so all but a request's first begin at one.

    Latency: 1 cycle. Throughput: one burst a cycle, without a bubble between requests.
    Back-pressure: ``i.ready`` follows ``o.ready`` at a request's last burst.

    Parameters
    ----------
    address_width, data_width, channels : int

    Members
    -------
    i : In(stream of ``granted`` requests)
    clear : In(1)
        Drop the request.
    idle : Out(1)
        There is none.
    o : Out(stream of ``burst_layout``)
    """

    def __init__(self, address_width: int, data_width: int, channels: int):
        self.data_width = data_width
        super().__init__({
            "i": In(stream.Signature(granted(request_layout(address_width), channels))),
            "clear": In(1),
            "idle": Out(1),
            "o": Out(stream.Signature(burst_layout(address_width, data_width, channels))),
        })

    def elaborate(self, platform):
        m = Module()
        request, burst = self.i.payload.request, self.o.payload
        word = self.data_width // 8
        byte_bits = (word - 1).bit_length()
        block_bits = (min(BLOCK_BYTES, LONGEST * word) - 1).bit_length()
        last_word = (1 << (block_bits - byte_bits)) - 1

        # `end` is the first byte after the request, from the beginning of the block on.
        ends = wire(m, "ends", request.address[:block_bits] + request.length)
        end = Signal(block_bits, name="end", reset_less=True)
        blocks = Signal(LENGTH_WIDTH + 1 - block_bits, name="blocks", reset_less=True)
        m.submodules.block = block = Ascending(len(request.address) - block_bits)
        holds = Signal()
        at = Signal(block_bits - byte_bits, name="at", reset_less=True)
        first = Signal(byte_bits, name="first", reset_less=True)
        channel = Signal.like(self.i.payload.channel, name="channel", reset_less=True)
        load = wire(m, "load", self.i.valid & self.i.ready)
        step = wire(m, "step", self.o.valid & self.o.ready)
        whole = wire(m, "whole", end[byte_bits:] - (end[:byte_bits] == 0))
        final = wire(m, "final", (blocks == 0) | ((blocks == 1) & (end == 0)))
        m.d.comb += [
            burst.final.eq(final),
            burst.address.eq(Cat(Const(0, byte_bits), at, block.value)),
            burst.length.eq((Mux(final, whole[: len(at)], last_word) - at)[: len(at)]),
            burst.first.eq(first),
            burst.channel.eq(channel),
            burst.end.eq(end[:byte_bits] - 1),
            self.o.valid.eq(holds & block.settled),
            self.i.ready.eq(~holds | (step & final)),
            self.idle.eq(~holds),
            block.load.eq(~holds | final),
            block.change.eq(load | step),
            block.start.eq(request.address[block_bits:]),
        ]
        with m.If(self.i.ready):
            m.d.sync += holds.eq(self.i.valid)
        with m.If(self.clear):
            m.d.sync += holds.eq(0)
        with m.If(load):
            m.d.sync += [
                at.eq(request.address[byte_bits:block_bits]),
                end.eq(ends[:block_bits]),
                blocks.eq(ends[block_bits:]),
                first.eq(request.address[:byte_bits]),
                channel.eq(self.i.payload.channel),
            ]
        with m.Elif(step):
            m.d.sync += [at.eq(0), blocks.eq(blocks - 1)]
        return m
