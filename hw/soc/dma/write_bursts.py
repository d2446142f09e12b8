"""Words of the bus gathered to bursts, which go out when they are whole."""

from amaranth import Cat, Const, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from gemmule.hw.common.pipeline import wire

from .write_words import placed_layout

__all__ = ["WriteBursts", "sent_layout"]


def sent_layout(address_width: int, channels: int) -> data.StructLayout:
    """Lay out what is kept of a burst until it is answered; ``final``: its request's last one."""
    return data.StructLayout({
        "address": unsigned(address_width),
        "channel": range(channels),
        "final": 1,
    })


class WriteBursts(wiring.Component):
    """Queue words until a burst of them is complete, then offer its address and its data.

    A burst ends with its request, and before an address that is a multiple of its largest size, so
    that none crosses 4 KB. Its data is offered from the cycle on in which its address is, whether
    that is taken or not, and never before.

    Latency: 1 cycle from a burst's last word to AWVALID and WVALID. Throughput: one word and one
    burst a cycle. Back-pressure: AWREADY reaches ``i.ready``.

    Parameters
    ----------
    address_width, data_width, channels : int
    longest : int
        Beats of a burst at most, a power of two: twice as many have a place in the queue.

    Members
    -------
    i : In(stream of ``placed_layout``)
    room : In(1)
        A burst may be sent.
    clear : In(1)
        Drop the words of the burst that is not complete.
    send : Out(1); sent : Out(``sent_layout``)
        A burst is offered from the next cycle on.
    cache, prot, qos : In
    aw : Out(stream of address, length, cache, prot, qos)
    w : Out(stream of data, strobes, last)
    idle : Out(1)
        Nothing is offered.
    """

    def __init__(self, address_width: int, data_width: int, channels: int, longest: int):
        self.address_width, self.data_width, self.longest = address_width, data_width, longest
        attributes = {"cache": 4, "prot": 3, "qos": 4}
        address = {"address": unsigned(address_width), "length": unsigned(8)}
        self.word = data.StructLayout({"data": data_width, "strobes": data_width // 8, "last": 1})
        super().__init__({
            "i": In(stream.Signature(placed_layout(address_width, data_width, channels))),
            "room": In(1),
            "clear": In(1),
            "send": Out(1),
            "sent": Out(sent_layout(address_width, channels)),
            **{name: In(width) for name, width in attributes.items()},
            "aw": Out(stream.Signature(data.StructLayout(address | attributes))),
            "w": Out(stream.Signature(self.word)),
            "idle": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        bits = (self.longest - 1).bit_length()
        word = self.i.payload
        at, above = word.number[:bits], word.number[bits:]
        begins = Signal(init=1)
        begun = Signal(bits, reset_less=True)
        first = wire(m, "first", Mux(begins, at, begun))
        ends = wire(m, "ends", word.last | (at == self.longest - 1))
        free = ~self.aw.valid | self.aw.ready
        full = self._queue(m, ends)
        take = wire(m, "take", self.i.valid & self.i.ready & ~self.clear)
        m.d.comb += [
            self.i.ready.eq((~full & (~ends | (free & self.room))) | self.clear),
            self.send.eq(take & ends),
            self.sent.address.eq(
                Cat(Const(0, self.address_width - len(word.number)), first, above)
            ),
            self.sent.channel.eq(word.channel),
            self.sent.final.eq(word.last),
            self.idle.eq(~self.aw.valid & ~self.w.valid),
        ]
        with m.If(take):
            m.d.sync += [begins.eq(ends), begun.eq(first)]
        with m.If(self.clear):
            m.d.sync += begins.eq(1)
        self._offer(m, free, (at - first)[:bits])
        return m

    def _offer(self, m: Module, free, length) -> None:
        values = {"address": self.sent.address, "length": length}
        values |= {name: getattr(self, name) for name in ("cache", "prot", "qos")}
        for name, value in values.items():
            port = self.aw.payload[name]
            held = Signal(len(port), name=f"offered_{name}", reset_less=True)
            m.d.comb += port.eq(held)
            with m.If(self.send):
                m.d.sync += held.eq(value)
        with m.If(free):
            m.d.sync += self.aw.valid.eq(self.send)

    def _queue(self, m: Module, ends):
        """Queue words; those up to ``complete`` may leave. Return whether it is full."""
        depth = 2 * self.longest
        m.submodules.words = words = Memory(shape=self.word.as_shape().width, depth=depth, init=[])
        write, read = words.write_port(), words.read_port(domain="comb")
        bits = (depth - 1).bit_length()
        head, complete, tail = (
            Signal(bits + 1, name=name) for name in ("head", "complete", "tail")
        )
        take = self.i.valid & self.i.ready & ~self.clear
        m.d.comb += [
            write.addr.eq(head[:bits]),
            write.data.eq(Cat(self.i.payload.data, self.i.payload.strobes, ends)),
            write.en.eq(take),
            read.addr.eq(tail[:bits]),
            self.w.payload.eq(read.data),
            self.w.valid.eq(tail != complete),
        ]
        with m.If(take):
            m.d.sync += head.eq(head + 1)
        with m.If(self.send):
            m.d.sync += complete.eq(head + 1)
        with m.If(self.w.valid & self.w.ready):
            m.d.sync += tail.eq(tail + 1)
        with m.If(self.clear):
            m.d.sync += head.eq(complete)
        return wire(m, "full", (head[:bits] == tail[:bits]) & (head[bits] != tail[bits]))
