"""Which rows a command covers, and where each ends."""

from amaranth import Elaboratable, Module, Signal
from amaranth.lib import data, stream

__all__ = ["ROWS_WIDTH", "Rows"]

ROWS_WIDTH = 24
"""Bits of the number of rows of a command."""


class Rows(Elaboratable):
    """A command is held while its rows come in and until the last of them has left.

    Parameters
    ----------
    layout : StructLayout
        Of a command; it has ``rows``.
    beats : int
        Of the longest row: a longer packet is cut there.
    capacity : int
        Rows that can be inside at once.
    loads : bool
        Something is to be loaded after each command, before its rows.

    Members
    -------
    command : stream of ``layout``, taken
    held : the command
    open : a beat may enter
    enter, ends : one does; it is the last of its packet
    last : it is the last of its row
    leave : the last beat of a row has left
    loading, loaded : what a command needs is awaited; it has come
    """

    def __init__(
        self, layout: data.StructLayout, beats: int, capacity: int, *, loads: bool = False
    ):
        self.beats = beats
        self._loads = loads
        self.command = stream.Signature(layout).flip().create()
        self.held = Signal(layout)
        self.open, self.enter, self.ends = Signal(), Signal(), Signal()
        self.last, self.leave = Signal(), Signal()
        self.loading, self.loaded = Signal(), Signal()
        self._inside = Signal(range(capacity + 1))

    def elaborate(self, platform):
        m = Module()
        left, place = Signal(ROWS_WIDTH), Signal(range(self.beats))
        row_enters = self.enter & self.last
        m.d.comb += [
            self.open.eq((left != 0) & ~self.loading),
            self.last.eq(self.ends | (place == self.beats - 1)),
            self.command.ready.eq((left == 0) & (self._inside == 0) & ~self.loading),
        ]
        m.d.sync += self._inside.eq(self._inside + row_enters - self.leave)
        with m.If(self.enter):
            m.d.sync += place.eq(place + 1)
        with m.If(row_enters):
            m.d.sync += [place.eq(0), left.eq(left - 1)]
        with m.If(self.loaded):
            m.d.sync += self.loading.eq(0)
        with m.If(self.command.valid & self.command.ready):
            m.d.sync += [
                left.eq(self.command.payload.rows),
                self.held.eq(self.command.payload),
                self.loading.eq(self._loads),
            ]
        return m
