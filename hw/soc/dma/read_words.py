"""Beats of the bus to words that begin with a request's first byte."""

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.hw.common.pipeline import wire

from .parts.funnel import Funnel

__all__ = ["ReadWords", "beat_layout", "word_layout"]


def beat_layout(data_width: int, channels: int) -> data.StructLayout:
    """Lay out a beat and what its burst says of it.

    ``final``: it is its request's last one.
    """
    place = range(data_width // 8)
    return data.StructLayout({
        "data": data_width,
        "error": 1,
        "channel": range(channels),
        "first": place,
        "end": place,
        "final": 1,
    })


def word_layout(data_width: int, channels: int) -> data.StructLayout:
    """Lay out a word of a request: ``tail`` is the number of its last byte, ``last`` is as usual.

    ``tail`` counts where ``last`` is; ``error``: one of the beats it was made of had one.
    """
    return data.StructLayout({
        "data": data_width,
        "last": 1,
        "error": 1,
        "channel": range(channels),
        "tail": range(data_width // 8),
    })


class ReadWords(wiring.Component):
    """Shift what arrives by ``first`` bytes, across beats: word j is made of beats j and j + 1.

    A word leaves when the beat after its first one arrives, or its request's last word at once. A
    beat with an error is taken only after a word with one was, and the beat after it after the
    word that it begins: who sees a word with an error knows that no other beat had one since.

    Latency: 2 cycles from a word's beat to it, when the next beat follows or none is to come.
    Throughput: a beat a cycle, also across requests. Back-pressure: ``o.ready`` reaches
    ``i.ready``.

    Parameters
    ----------
    data_width, channels : int

    Members
    -------
    i : In(stream of ``beat_layout``)
    hold : In(1)
        Take no beat.
    clear : In(1)
        Drop what is inside and whatever comes.
    o : Out(stream of ``word_layout``)
    idle : Out(1)
        Nothing is inside.
    """

    def __init__(self, data_width: int, channels: int):
        self.data_width = data_width
        super().__init__({
            "i": In(stream.Signature(beat_layout(data_width, channels))),
            "hold": In(1),
            "clear": In(1),
            "o": Out(stream.Signature(word_layout(data_width, channels))),
            "idle": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        beat, word = self.i.payload, self.o.payload
        m.submodules.funnel = funnel = Funnel(self.data_width // 8)
        # The beat before, unless all of its bytes are gone.
        held = Signal.like(beat, name="held", reset_less=True)
        inverse = Signal.like(beat.first, name="inverse", reset_less=True)
        holds = Signal()
        held_error = Signal()
        shown = Signal.like(word, name="shown", reset_less=True)
        shown_valid = Signal()
        free = wire(m, "free", ~shown_valid | self.o.ready)
        opened = wire(m, "opened", ~(shown_valid & shown.error) & ~self.hold)
        tail = wire(m, "tail", (beat.end - beat.first)[: len(beat.end)])
        # A word of its own for the final beat's bytes, or they all belong to the one before.
        own = wire(m, "own", ~beat.final | (beat.end >= beat.first))
        ready = wire(m, "ready", opened & ~held_error & (~holds | free))
        take = wire(m, "take", self.i.valid & ready & ~self.clear)
        joined = wire(m, "joined", ~held.final & self.i.valid & opened)
        leaves = wire(m, "leaves", holds & free & (held.final | joined))
        m.d.comb += [
            self.i.ready.eq(ready | self.clear),
            self.o.valid.eq(shown_valid),
            Value.cast(word).eq(shown),
            funnel.i.eq(Cat(held.data, beat.data)),
            funnel.shift.eq(held.first),
            funnel.inverse.eq(inverse),
            self.idle.eq(~holds & ~shown_valid),
        ]
        with m.If(take):
            m.d.sync += [held.eq(beat), held.end.eq(tail), inverse.eq(~beat.first)]
        with m.If(leaves):
            m.d.sync += [
                shown.data.eq(funnel.o),
                shown.channel.eq(held.channel),
                shown.last.eq(held.final | ~own),
                shown.tail.eq(Mux(held.final, held.end, tail)),
                shown.error.eq(held_error | (~held.final & beat.error & (held.first != 0))),
            ]
        with m.If(free):
            m.d.sync += shown_valid.eq(leaves)
        with m.If(take):
            m.d.sync += [holds.eq(own), held_error.eq(own & beat.error)]
        with m.Elif(leaves):
            m.d.sync += [holds.eq(0), held_error.eq(0)]
        with m.If(self.clear):
            m.d.sync += [holds.eq(0), held_error.eq(0), shown_valid.eq(0)]
        return m
