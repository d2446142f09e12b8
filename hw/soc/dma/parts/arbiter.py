"""Channels take turns at a bus, a request at a time."""

from amaranth import Module, Signal
from amaranth.hdl import ShapeLike
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Arbiter", "granted"]


def granted(layout: ShapeLike, channels: int) -> data.StructLayout:
    """Lay out a ``request`` and the ``channel`` that made it."""
    return data.StructLayout({"request": layout, "channel": range(channels)})


class Arbiter(wiring.Component):
    """Pass on the requests of several channels, round-robin: none waits for two of another.

    The channel whose turn it is comes from a register. It is the one whose request was the last to
    be taken, until another one asks.

    Latency: 1 cycle, or 2 if it is not the channel's turn. Throughput: one request a cycle, of one
    channel or of several. Back-pressure: ``o.ready`` reaches ``i_<n>.ready``.

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
        chosen, following = (Signal(range(self.channels), name=n) for n in ("chosen", "following"))
        free = ~self.o.valid | self.o.ready
        request = Signal.like(self.o.payload.request, name="request")
        asked = Signal()
        for number, each in enumerate(inputs):
            with m.If(chosen == number):
                m.d.comb += [asked.eq(each.valid), request.eq(each.payload)]
        for number, each in enumerate(inputs):
            m.d.comb += each.ready.eq((free & (chosen == number)) | self.clear)
        with m.If(free):
            m.d.sync += [
                self.o.payload.request.eq(request),
                self.o.payload.channel.eq(chosen),
                self.o.valid.eq(asked),
            ]
        with m.If(self.clear):
            m.d.sync += self.o.valid.eq(0)
        self._turn(m, [each.valid for each in inputs], chosen, following)
        with m.If(free | ~asked):
            m.d.sync += chosen.eq(following)
        return m

    def _turn(self, m: Module, valid: list, chosen: Signal, following: Signal) -> None:
        """Find who is next: the first after the chosen one that asks, itself as the last."""
        m.d.comb += following.eq(chosen)
        for turn in range(self.channels):
            with m.If(chosen == turn):
                # The last assignment wins: the channel after `turn` comes first.
                for distance in range(self.channels - 1, 0, -1):
                    number = (turn + distance) % self.channels
                    with m.If(valid[number]):
                        m.d.comb += following.eq(number)
