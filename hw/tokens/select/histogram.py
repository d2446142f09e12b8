"""Counters of bytes that find the byte at a given rank in 34 cycles and are wiped as they go."""

from amaranth import Cat, Module, Mux, Shape, Signal, Value, signed
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["BINS", "Histogram"]

BINS = 256
_GROUP = 16


class Histogram(wiring.Component):
    """Count bytes, one a cycle, and find the byte at a given rank from the top.

    ``byte`` is the greatest with ``sum(counts[byte:]) > rank``, ``rank`` becomes the rank among the
    tokens of just that byte. Counters of 16 bytes each come first: the search takes 16 steps and 16
    more, never 256. A counter is wiped by a byte that filled it, when a later pass sees that byte
    again: no cycle is spent on clearing, and with two banks one can be wiped while the other fills.

    Latency: at most :attr:`LATENCY` cycles from ``search`` to ``found``; ``search`` comes at least
    two cycles after the last ``add``. Throughput: one ``add`` or one ``wipe`` a cycle.

    Parameters
    ----------
    number : Shape
        Of a counter; nothing may be added more often than it can count.
    banks : int

    Members
    -------
    bank : In(range(banks))
        The bank of ``add``, ``wipe`` and, held until ``found``, of the search.
    byte : In(8)
    add, wipe : In(1)
        What is done with ``byte``; never both.
    load : In(1)
        Takes ``need``, at most the number of bytes counted: the search is for the last of them.
    need : In(number)
    search : In(1)
    found : Out(1)
        High in the one cycle in which ``place`` and ``rank`` become valid; they hold.
    place : Out(8)
    rank : Out(signed)
        -1 where none are needed: ``place`` is then 255.
    behind : Out(number)
        With ``found``: how many bytes of that place come after the one of ``rank``.
    """

    LATENCY = 2 * _GROUP + 2

    def __init__(self, number: Shape, banks: int):
        self._number = number
        self._banks = banks
        super().__init__({
            "bank": In(range(banks)),
            "byte": In(8),
            "add": In(1),
            "wipe": In(1),
            "load": In(1),
            "need": In(number),
            "search": In(1),
            "found": Out(1),
            "place": Out(8),
            "rank": Out(signed(number.width + 1)),
            "behind": Out(number),
        })

    def elaborate(self, platform):
        m = Module()
        ahead = Signal(4)
        group = self._groups(m)
        byte = self._bytes(m, ahead)
        self._search(m, ahead, group, byte)
        return m

    def _groups(self, m: Module) -> Value:
        """Keep a counter for each 16 bytes, in LUT memory: one cycle reads, counts and writes."""
        counters = memory.Memory(shape=self._number, depth=_GROUP * self._banks, init=[])
        m.submodules.groups = counters
        write, read = counters.write_port(), counters.read_port(domain="comb")
        busy = self.add | self.wipe
        m.d.comb += [
            read.addr.eq(Cat(Mux(self.add, self.byte[4:], self.place[4:]), self.bank)),
            write.addr.eq(Cat(self.byte[4:], self.bank)),
            write.data.eq(Mux(self.add, read.data + 1, 0)),
            write.en.eq(busy),
        ]
        return read.data

    def _bytes(self, m: Module, ahead: Value) -> Value:
        """Keep a counter for each byte, in block memory; written in the cycle after its read."""
        counters = memory.Memory(
            shape=self._number,
            depth=BINS * self._banks,
            init=[],
            attrs={"ram_style": "block"},
        )
        m.submodules.bytes = counters
        write = counters.write_port()
        read = counters.read_port(transparent_for=(write,))
        added, changed = Signal(reset_less=True), Signal()
        m.d.sync += [
            added.eq(self.add),
            changed.eq(self.add | self.wipe),
            write.addr.eq(Cat(self.byte, self.bank)),
        ]
        m.d.comb += [
            read.addr.eq(Cat(Mux(self.add, self.byte, Cat(ahead, self.place[4:])), self.bank)),
            write.data.eq(Mux(added, read.data + 1, 0)),
            write.en.eq(changed),
        ]
        return read.data

    def _search(self, m: Module, ahead: Value, group: Value, byte: Value) -> None:
        """Go down the groups, then the bytes of one, whose counters are read a step ahead."""
        groups = Signal()
        over = Signal(self.rank.shape())
        # Where the search ends, `over` is -1 less the bytes behind.
        m.d.comb += [over.eq(self.rank - Mux(groups, group, byte)), self.behind.eq(~over)]
        with m.If(self.load):
            m.d.sync += self.rank.eq(self.need - 1)
        with m.FSM():
            with m.State("IDLE"), m.If(self.search):
                m.d.sync += self.place.eq(BINS - 1)
                m.next = "GROUPS"
            with m.State("GROUPS"):
                m.d.comb += groups.eq(1)
                with m.If(over < 0):
                    m.next = "READ"
                with m.Else():
                    m.d.sync += [self.rank.eq(over), self.place[4:].eq(self.place[4:] - 1)]
            with m.State("READ"):
                m.d.comb += ahead.eq(_GROUP - 1)
                m.next = "BYTES"
            with m.State("BYTES"):
                m.d.comb += ahead.eq(self.place[:4] - 1)
                with m.If(over < 0):
                    m.d.comb += self.found.eq(1)
                    m.next = "IDLE"
                with m.Else():
                    m.d.sync += [self.rank.eq(over), self.place[:4].eq(ahead)]
