"""Counters of 64 bits that are read as they were at one moment."""

from amaranth import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In

from gemmule.hw.soc.register_map import register_map
from gemmule.hw.soc.registers import place_signature

__all__ = ["EVENTS", "Counters", "counted"]

BYTES = 7
"""Bits of how many bytes a beat brings."""

EVENTS = {"bytes_read": BYTES, "bytes_written": BYTES}
"""Bits of what is added in a cycle; 1 for all others."""

WORD = 32
ROUND = 32
"""Cycles of a round through all words: two of each counter."""


def counted() -> list[str]:
    """Return the names of the counters in the order of their registers."""
    words = [each.name for each in register_map().values() if each.place == "counters"]
    return [name.removeprefix("COUNTER_").removesuffix("_LO").lower() for name in words[::2]]


class Counters(wiring.Component):
    """Count events in a memory, through which one adder goes round.

    What happens in a round is gathered in small counters; at its end they move aside all at once,
    and the next round adds them to the words in memory. A ``latch`` copies what a round writes, so
    all counters are read as they were at that round's beginning. ``clear`` makes a round write 0.

    Latency: reads ``wait`` after ``latch`` or ``clear`` until the round is over, at most 68 cycles.
    Throughput: every event in every cycle counts. Back-pressure: none.

    Parameters
    ----------
    absent : tuple[str, ...]
        Those of :func:`counted` that never count, since what they would count is not built in.

    Members
    -------
    <event> : In, what to add now to each of :func:`counted`, but for those that are absent
    words : In(place of the counters)
    latch, clear : In(1)
    """

    def __init__(self, absent: tuple[str, ...] = ()):
        self.names = [name for name in counted() if name not in absent]
        super().__init__({
            **{name: In(EVENTS.get(name, 1)) for name in self.names},
            "words": In(place_signature(ROUND)),
            "latch": In(1),
            "clear": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.counts = counts = Memory(shape=WORD, depth=ROUND, init=[])
        m.submodules.shown = shown = Memory(shape=WORD, depth=ROUND, init=[])
        step, begins = Signal(range(ROUND), name="step"), Signal(name="begins")
        m.d.sync += step.eq(step + 1)
        m.d.comb += begins.eq(step == 0)
        aside = self._gather(m, begins)
        latches, clears = self._requests(m, begins)
        self._add(m, counts, shown, step, aside, latches, clears)
        return m

    def _gather(self, m: Module, begins: Signal) -> list[Value]:
        """Count each event within a round; return the counts of the round before."""
        aside = {}
        for name in self.names:
            now = getattr(self, name)
            width = (((1 << len(now)) - 1) * ROUND).bit_length()
            gathered = Signal(width, name=f"{name}_gathered")
            aside[name] = Signal(width, name=f"{name}_aside")
            m.d.sync += gathered.eq(Mux(begins, 0, gathered) + now)
            with m.If(begins):
                m.d.sync += aside[name].eq(gathered)
        return [aside.get(name, Const(0)) for name in counted()]

    def _requests(self, m: Module, begins: Signal) -> tuple[Signal, Signal]:
        """Keep what is asked for until a round begins; return what this round does."""
        doing, waits = [], []
        for name in ("latch", "clear"):
            wanted, does = Signal(name=f"{name}_wanted", init=1), Signal(name=f"{name}_does")
            writes = Signal(name=f"{name}_writes")
            with m.If(begins):
                m.d.sync += [does.eq(wanted), wanted.eq(getattr(self, name))]
            with m.Elif(getattr(self, name)):
                m.d.sync += wanted.eq(1)
            m.d.sync += writes.eq(does)  # the first word is written two cycles after `begins`
            doing.append(writes)
            waits += [wanted, does, writes]
        m.d.comb += self.words.wait.eq(Cat(*waits).any())
        return doing[0], doing[1]

    def _add(self, m: Module, counts, shown, step, aside, latches, clears) -> None:
        """Read a word, add to it in the next cycle, and write it."""
        read, write, copy, out = (
            counts.read_port(domain="comb"),
            counts.write_port(),
            shown.write_port(),
            shown.read_port(domain="comb"),
        )
        word, at = Signal(WORD, name="word"), Signal.like(step, name="at")
        more, carry = Signal(max(len(each) for each in aside), name="more"), Signal(name="carry")
        total, fresh = Signal(WORD, name="total"), Signal(name="fresh", init=1)
        # The counts stand aside from the cycle in which `step` is 1: the round is one later.
        place = Signal.like(step, name="place")
        padded = Array([*aside, *[0] * (ROUND // 2 - len(aside))])
        m.d.comb += [
            place.eq(step - 1),
            read.addr.eq(place),
            total.eq(word + more),
            carry.eq(word[-1] & ~total[-1]),
            write.addr.eq(at),
            write.data.eq(Mux(clears, 0, total)),
            write.en.eq(1),
            copy.addr.eq(at),
            copy.data.eq(total),
            copy.en.eq(latches),
            out.addr.eq(self.words.word),
            self.words.read_data.eq(out.data),
        ]
        m.d.sync += [
            at.eq(place),
            word.eq(Mux(fresh, 0, read.data)),
            more.eq(Mux(place[0], carry, padded[place[1:]])),
        ]
        with m.If(latches & (step == 0)):
            m.d.sync += fresh.eq(0)
