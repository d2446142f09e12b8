"""256 counters that find the bin of a rank in 34 cycles and are wiped bin by bin."""

from amaranth import Cat, Module, Mux, Shape, Signal, Value
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["BINS", "Histogram"]

BINS = 256
_COARSE = 16


class Histogram(wiring.Component):
    """Count bytes, one a cycle, and find the byte at a given rank from the top.

    ``bin`` is the greatest with ``sum(counts[bin:]) >= need``, and ``rest = need -
    sum(counts[bin + 1:])``: how many of that bin's own are needed. Counters of 16 bins each come
    first, so that the search takes 16 steps and 16 more, never 256. A bin is wiped by the byte that
    filled it, when a later pass sees that byte again: no cycle is spent on clearing.

    Latency: at most :attr:`LATENCY` cycles from ``start`` to ``done``; ``start`` comes at least
    two cycles after the last ``add``. Throughput: one ``add`` or one ``wipe`` a cycle.

    Parameters
    ----------
    number : Shape
        Of a counter; nothing may be added more often than it can count.

    Members
    -------
    byte : In(8)
    add, wipe : In(1)
        What is done with ``byte``; never both.
    start : In(1)
    need : In(number)
        At most the sum of all counters.
    done : Out(1)
        High in the one cycle in which ``bin`` and ``rest`` become valid; they hold until
        ``start``.
    bin : Out(8)
    rest : Out(number)
    """

    LATENCY = 2 * _COARSE + 2

    def __init__(self, number: Shape):
        self.number = number
        super().__init__({
            "byte": In(8),
            "add": In(1),
            "wipe": In(1),
            "start": In(1),
            "need": In(number),
            "done": Out(1),
            "bin": Out(8),
            "rest": Out(number),
        })

    def elaborate(self, platform):
        m = Module()
        group, digit = self.bin[4:], self.bin[:4]
        ahead = Signal(4)
        coarse = self._coarse(m, group)
        fine = self._fine(m, group, ahead)
        self._search(m, group, digit, ahead, coarse, fine)
        return m

    def _coarse(self, m: Module, group: Value) -> Value:
        """Sixteen counters in LUT memory: read, count and write within a cycle."""
        counters = memory.Memory(shape=self.number, depth=_COARSE, init=[])
        m.submodules.coarse = counters
        write, read = counters.write_port(), counters.read_port(domain="comb")
        busy = self.add | self.wipe
        m.d.comb += [
            read.addr.eq(Mux(busy, self.byte[4:], group)),
            write.addr.eq(self.byte[4:]),
            write.data.eq(Mux(self.add, read.data + 1, 0)),
            write.en.eq(busy),
        ]
        return read.data

    def _fine(self, m: Module, group: Value, ahead: Value) -> Value:
        """One counter a byte in block memory; it is written in the cycle after its read."""
        counters = memory.Memory(shape=self.number, depth=BINS, init=[])
        m.submodules.fine = counters
        write = counters.write_port()
        read = counters.read_port(transparent_for=(write,))
        adding = Signal()
        byte = Signal(8, reset_less=True)
        m.d.sync += [adding.eq(self.add), byte.eq(self.byte)]
        m.d.comb += [
            read.addr.eq(Mux(self.add, self.byte, Cat(ahead, group))),
            write.addr.eq(Mux(adding, byte, self.byte)),
            write.data.eq(Mux(adding, read.data + 1, 0)),
            write.en.eq(adding | self.wipe),
        ]
        return read.data

    def _search(
        self, m: Module, group: Value, digit: Value, ahead: Signal, coarse: Value, fine: Value
    ) -> None:
        """Go down the groups, then the digits of one, whose counters are read a step ahead."""
        with m.FSM():
            with m.State("IDLE"), m.If(self.start):
                m.d.sync += [self.bin.eq(BINS - 1), self.rest.eq(self.need)]
                m.next = "GROUP"
            with m.State("GROUP"):
                with m.If(self.rest <= coarse):
                    m.next = "READ"
                with m.Else():
                    m.d.sync += [self.rest.eq(self.rest - coarse), group.eq(group - 1)]
            with m.State("READ"):
                m.d.comb += ahead.eq(15)
                m.next = "DIGIT"
            with m.State("DIGIT"):
                m.d.comb += ahead.eq(digit - 1)
                with m.If(self.rest <= fine):
                    m.d.comb += self.done.eq(1)
                    m.next = "IDLE"
                with m.Else():
                    m.d.sync += [self.rest.eq(self.rest - fine), digit.eq(digit - 1)]
