"""Where the words of a request go."""

from amaranth import Module, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.hw.common.pipeline import wire

from .parts.arbiter import granted
from .parts.ascending import Ascending
from .request import request_layout

__all__ = ["WritePlace"]


class WritePlace(wiring.Component):
    """Hold a request while its words go, and count these.

    Latency: 1 cycle. Throughput: a request or a word a cycle, but for a pause in 4,096 words.
    Back-pressure: ``step`` reaches ``request.ready``.

    Parameters
    ----------
    address_width, data_width, channels : int
    excess_width : int
        Bits of ``excess``.

    Members
    -------
    request : In(stream of ``granted`` requests)
    step : In(1)
        A word goes, only while it ``runs``; with ``final``, if that is set already, the last one.
    final : In(1)
    clear : In(1)
        Drop the request.
    runs : Out(1)
        There is a request, and ``number`` is right.
    idle : Out(1)
        There is no request.
    number : Out
        The word's address in words.
    fresh : Out(1)
        The request's first word is still to come.
    first, end : Out(range(data_width // 8))
        The places of its first and last byte in their words.
    spills : Out(1)
        ``end < first``: it has a word more on the bus than it has words.
    inverse : Out(range(data_width // 8))
        ``~first``, from registers of its own.
    channel : Out(range(channels))
    excess : Out(excess_width)
        Its length less one, modulo the size of vectors.
    """

    def __init__(self, address_width: int, data_width: int, channels: int, excess_width: int):
        size = data_width // 8
        self.byte_bits = (size - 1).bit_length()
        super().__init__({
            "request": In(stream.Signature(granted(request_layout(address_width), channels))),
            **dict.fromkeys(("step", "final", "clear"), In(1)),
            **dict.fromkeys(("runs", "idle", "fresh", "spills"), Out(1)),
            "number": Out(unsigned(address_width - self.byte_bits)),
            **dict.fromkeys(("first", "end", "inverse"), Out(range(size))),
            "channel": Out(range(channels)),
            "excess": Out(excess_width),
        })

    def elaborate(self, platform):
        m = Module()
        request, bits = self.request.payload.request, self.byte_bits
        holds = Signal()
        m.submodules.counter = counter = Ascending(len(self.number))
        end = wire(m, "end", (request.address[:bits] + request.length[:bits] - 1)[:bits])
        load = wire(m, "load", self.request.valid & self.request.ready)
        m.d.comb += [
            self.number.eq(counter.value),
            self.runs.eq(holds & counter.settled),
            self.idle.eq(~holds),
            self.request.ready.eq(~holds | (self.step & self.final)),
            counter.load.eq(~holds | self.final),
            counter.change.eq(load | self.step),
            counter.start.eq(request.address[bits:]),
        ]
        with m.If(self.request.ready):
            m.d.sync += holds.eq(self.request.valid)
        with m.If(self.clear):
            m.d.sync += holds.eq(0)
        with m.If(load):
            m.d.sync += [
                self.first.eq(request.address[:bits]),
                self.inverse.eq(~request.address[:bits]),
                self.end.eq(end),
                self.spills.eq(end < request.address[:bits]),
                self.channel.eq(self.request.payload.channel),
                self.excess.eq(request.length - 1),
                self.fresh.eq(1),
            ]
        with m.Elif(self.step):
            m.d.sync += self.fresh.eq(0)
        return m
