"""Vectors of the channels that write to words of the bus."""

from collections.abc import Sequence

from amaranth import Module, ResetInserter, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.hw.common.stream.payload import packet_stream
from gemmule.hw.common.stream.width import Widen

from .parts.split import Split

__all__ = ["WriteVectors"]


class WriteVectors(wiring.Component):
    """Give the words of one channel at a time: its vectors whole, in parts, or several joined.

    Latency: 0 cycles, 1 from vectors narrower than the bus. Throughput: one vector or one word a
    cycle. Back-pressure: ``o.ready`` reaches ``data_<n>.ready``, of narrow vectors in a word's last
    place only.

    Parameters
    ----------
    data_width : int
    vectors : sequence of int
        Bytes of a vector of each channel.

    Members
    -------
    data_<n> : In(packet_stream(unsigned(8 * vectors[n])))
    channel : In(range(channels))
        Whose words are wanted; stable while ``o.ready`` may be set.
    excess : In(range(largest vector))
        The number of its last byte within a packet's last vector.
    clear : In(1)
        Drop what is inside and whatever comes.
    o : Out(packet_stream(data_width))
    """

    def __init__(self, data_width: int, vectors: Sequence[int]):
        self.data_width, self.vectors = data_width, vectors
        super().__init__({
            **{f"data_{n}": In(packet_stream(unsigned(8 * v))) for n, v in enumerate(vectors)},
            "channel": In(range(len(vectors))),
            "excess": In(range(max(vectors))),
            "clear": In(1),
            "o": Out(packet_stream(data_width)),
        })

    def elaborate(self, platform):
        m = Module()
        words = [self._words(m, n, size) for n, size in enumerate(self.vectors)]
        with m.Switch(self.channel):
            for n, each in enumerate(words):
                with m.Case(n) if n < len(words) - 1 else m.Default():
                    m.d.comb += [
                        self.o.valid.eq(each.valid),
                        self.o.payload.eq(each.payload),
                        each.ready.eq(self.o.ready),
                    ]
        return m

    def _words(self, m: Module, n: int, size: int) -> stream.Interface:
        """Return the words of channel ``n``; they are taken by wires to it."""
        data = getattr(self, f"data_{n}")
        word = self.data_width // 8
        given = packet_stream(self.data_width).create(path=(f"words_{n}",))
        if size == word:
            into, out = given, given
        elif size < word:
            widen = Widen(unsigned(8 * size), word // size)
            m.submodules[f"widen_{n}"] = ResetInserter(self.clear)(widen)
            into, out = widen.i, widen.o
        else:
            m.submodules[f"split_{n}"] = split = Split(self.data_width, size // word)
            m.d.comb += [
                split.tail.eq(self.excess[(word - 1).bit_length() : (size - 1).bit_length()]),
                split.clear.eq(self.clear),
            ]
            into, out = split.i, split.o
        if into is given:
            m.d.comb += [given.payload.eq(data.payload), given.valid.eq(data.valid)]
            m.d.comb += data.ready.eq(given.ready | self.clear)
            return given
        m.d.comb += [
            into.payload.eq(data.payload),
            into.valid.eq(data.valid),
            data.ready.eq(into.ready | self.clear),
            Value.cast(given.payload).eq(out.payload),
            given.valid.eq(out.valid),
            out.ready.eq(given.ready),
        ]
        return given
