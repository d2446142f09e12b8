"""Words of requests to the vectors of the channels that asked."""

from collections.abc import Sequence

from amaranth import Cat, Module, ResetInserter, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.hw.common.pipeline import wire
from gemmule.hw.common.stream.width import Widen

from .parts.split import Split
from .read_words import word_layout
from .request import read_stream

__all__ = ["ReadVectors"]


class ReadVectors(wiring.Component):
    """Hand words to their channels: whole, in parts, or several at once.

    Words are kept back while a vector of several is offered that has an error, so that one fault is
    shown at a time.

    Latency: 0 cycles to vectors as wide as a word or narrower, 1 to wider ones. Throughput: one
    vector or one word a cycle. Back-pressure: ``data_<n>.ready`` reaches ``i.ready``.

    Parameters
    ----------
    address_width, data_width, channels : int
    vectors : sequence of int
        Bytes of a vector of each channel.

    Members
    -------
    i : In(stream of ``word_layout``)
    failed : In(address_width); failed_decode : In(1)
        Of a word that is offered with an error: where, and whether by DECERR.
    clear : In(1)
        Drop what is inside.
    data_<n> : Out(read_stream)
    fault_address, fault_decode : Out
        Of the vector that is offered with an error.
    faulty : Out(1)
        A vector of several words is offered, and has an error.
    idle : Out(1)
        No vector of several words is inside.
    """

    def __init__(self, address_width: int, data_width: int, channels: int, vectors: Sequence[int]):
        self.address_width, self.data_width, self.vectors = address_width, data_width, vectors
        super().__init__({
            "i": In(stream.Signature(word_layout(data_width, channels))),
            "failed": In(address_width),
            "failed_decode": In(1),
            "clear": In(1),
            **{f"data_{n}": Out(read_stream(unsigned(8 * v))) for n, v in enumerate(vectors)},
            "fault_address": Out(address_width),
            "fault_decode": Out(1),
            "faulty": Out(1),
            "idle": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        word = self.data_width // 8
        m.d.comb += [
            self.fault_address.eq(self.failed),
            self.fault_decode.eq(self.failed_decode),
            self.idle.eq(1),
        ]
        m.d.comb += self.i.ready.eq(0)
        for n, size in enumerate(self.vectors):
            out = getattr(self, f"data_{n}")
            mine = (self.i.payload.channel == n) & ~self.faulty
            if size == word:
                ready = self._whole(m, out, mine)
            elif size < word:
                ready = self._parts(m, n, out, mine)
            else:
                ready = self._several(m, n, out, mine)
            with m.If(mine):
                m.d.comb += self.i.ready.eq(ready)
        return m

    def _whole(self, m: Module, out: stream.Interface, mine: Value) -> Value:
        word = self.i.payload
        m.d.comb += [
            out.valid.eq(self.i.valid & mine),
            out.payload.data.eq(word.data),
            out.payload.last.eq(word.last),
            out.payload.error.eq(word.error),
        ]
        return out.ready

    def _parts(self, m: Module, n: int, out: stream.Interface, mine: Value) -> Value:
        width, word = len(out.payload.data), self.i.payload
        split = Split(width, self.data_width // width)
        m.submodules[f"split_{n}"] = split
        m.d.comb += [
            split.i.valid.eq(self.i.valid & mine),
            split.i.payload.data.eq(word.data),
            split.i.payload.last.eq(word.last),
            split.tail.eq(word.tail[-len(split.tail) :]),
            split.clear.eq(self.clear),
            out.valid.eq(split.o.valid),
            out.payload.data.eq(split.o.payload.data),
            out.payload.last.eq(split.o.payload.last),
            out.payload.error.eq(word.error),
            split.o.ready.eq(out.ready),
        ]
        return split.i.ready

    def _several(self, m: Module, n: int, out: stream.Interface, mine: Value) -> Value:
        factor, word = len(out.payload.data) // self.data_width, self.i.payload
        part = data.StructLayout({"data": self.data_width, "error": 1})
        widen = Widen(part, factor)
        m.submodules[f"widen_{n}"] = ResetInserter(self.clear)(widen)
        parts = widen.o.payload.data
        inside = Signal(name=f"inside_{n}")
        known = Signal(name=f"known_{n}")
        address = Signal(self.address_width, name=f"address_{n}", reset_less=True)
        decode = Signal(name=f"decode_{n}", reset_less=True)
        takes = wire(m, f"takes_{n}", widen.i.valid & widen.i.ready)
        gives = wire(m, f"gives_{n}", out.valid & out.ready)
        fails = wire(m, f"fails_{n}", takes & word.error)
        faulty = wire(m, f"faulty_{n}", out.valid & out.payload.error)
        m.d.comb += [
            widen.i.valid.eq(self.i.valid & mine),
            widen.i.payload.data.data.eq(word.data),
            widen.i.payload.data.error.eq(word.error),
            widen.i.payload.last.eq(word.last),
            out.valid.eq(widen.o.valid),
            out.payload.last.eq(widen.o.payload.last),
            out.payload.error.eq(Cat(parts[k].error for k in range(factor)).any()),
            widen.o.ready.eq(out.ready),
            *(
                out.payload.data.word_select(k, self.data_width).eq(parts[k].data)
                for k in range(factor)
            ),
        ]
        m.d.sync += [
            inside.eq(((inside & ~gives) | takes) & ~self.clear),
            known.eq(((known & ~gives) | fails) & ~self.clear),
        ]
        with m.If(fails & (~known | gives)):
            m.d.sync += [address.eq(self.failed), decode.eq(self.failed_decode)]
        with m.If(inside):
            m.d.comb += self.idle.eq(0)
        with m.If(faulty):
            m.d.comb += [
                self.faulty.eq(1),
                self.fault_address.eq(address),
                self.fault_decode.eq(decode),
            ]
        return widen.i.ready
