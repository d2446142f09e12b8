"""Channels take turns at a bus, a request at a time."""

from amaranth import Module, Mux, Signal
from amaranth.hdl import ShapeLike
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Arbiter", "granted"]


def granted(layout: ShapeLike, channels: int) -> data.StructLayout:
    """Lay out a ``request`` and the ``channel`` that made it."""
    return data.StructLayout({"request": layout, "channel": range(channels)})


class Arbiter(wiring.Component):
    """Pass on the requests of several channels, round-robin: none waits for two of another.

    Latency: 1 cycle. Throughput: one request a cycle, of one channel or of several.
    Back-pressure: ``o.ready`` and the valid wires of all channels reach ``i_<n>.ready``.

    Parameters
    ----------
    layout : ShapeLike
        Of a request.
    channels : int

    Members
    -------
    i_<n> : In(stream of ``layout``)
        Of channel n.
    clear : In(1)
        Throw away what was taken and whatever comes.
    o : Out(stream of ``granted``)
    """

    def __init__(self, layout: ShapeLike, channels: int):
        self.channels = channels
        super().__init__({
            **{f"i_{n}": In(stream.Signature(layout)) for n in range(channels)},
            "clear": In(1),
            "o": Out(stream.Signature(granted(layout, channels))),
        })

    def elaborate(self, platform):
        m = Module()
        inputs = [getattr(self, f"i_{n}") for n in range(self.channels)]
        chosen, before = (Signal(range(self.channels), name=n) for n in ("chosen", "before"))
        free = ~self.o.valid | self.o.ready
        with m.Switch(before):
            for turn in range(self.channels):
                with m.Case(turn):
                    # The last assignment wins: the channel after `turn` comes first.
                    for other in range(self.channels):
                        number = (turn - other) % self.channels
                        with m.If(inputs[number].valid):
                            m.d.comb += chosen.eq(number)
        asked = Signal()
        with m.Switch(chosen):
            for number, each in enumerate(inputs):
                with m.Case(number) if number < self.channels - 1 else m.Default():
                    m.d.comb += asked.eq(each.valid)
                    with m.If(free):
                        m.d.sync += self.o.payload.request.eq(each.payload)
        for number, each in enumerate(inputs):
            m.d.comb += each.ready.eq((free & (chosen == number)) | self.clear)
        with m.If(free):
            m.d.sync += [self.o.valid.eq(asked & ~self.clear), self.o.payload.channel.eq(chosen)]
            m.d.sync += before.eq(Mux(asked, chosen, before))
        with m.If(self.clear):
            m.d.sync += self.o.valid.eq(0)
        return m
