"""The buffer windows: their words, and whether bytes lie inside one of them."""

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from gemmule.hw.soc.control.ring import LOW
from gemmule.hw.soc.registers import place_signature

__all__ = ["WINDOWS", "Windows"]

WINDOWS = 4

WORDS = 4
"""Registers of a window: base and limit, two words each."""


class Windows(wiring.Component):
    """Tell of bytes ``first`` to ``last`` whether one window holds them all.

    The bounds stand in a memory of one word for each base and each limit, which the registers'
    bus reads through the same port: it goes first. One bound is compared in a cycle, those of
    windows that do not count are left out. All windows' bases are compared with ``first`` while its
    ``last`` is still being computed: the two come one after the other.

    Latency: with one window that counts, ``done`` and ``outside`` tell 3 cycles after ``last``'s
    transfer; each further one takes a cycle more, and a read of the registers' bus three.
    Throughput: a bound in as many cycles as windows count. Back-pressure: ``ready`` is 0 while more
    than one bound is left; a bound may be handed over only where it is 1.

    Parameters
    ----------
    address_width : int

    Members
    -------
    words : In(place for 16 words)
    counts : In(4)
        Windows that count for the bytes whose first one comes with ``start``.
    bound : In(``address_width``)
        The low 32 bits with ``start``, those above a cycle later.
    start : In(1); last : In(1)
        A bound comes, which is the last byte's.
    ready : Out(1)
    outside : Out(1)
        Now, of the oldest bytes not told of: no window holds them. There is a ``told`` for each.
    told : Out(1)
    idle : Out(1), all is told of what came before this cycle
    """

    def __init__(self, address_width: int):
        self.address_width = address_width
        super().__init__({
            "words": In(place_signature(WINDOWS * WORDS)),
            "counts": In(WINDOWS),
            "bound": In(address_width),
            "start": In(1),
            "last": In(1),
            "ready": Out(1),
            "outside": Out(1),
            "told": Out(1),
            "idle": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        step, entry = self._issue(m)
        self._memories(m, entry)
        self._compare(m, step)
        return m

    STEP = data.StructLayout({
        "valid": 1,
        "window": WINDOWS,
        "last": 1,
        "final": 1,
        "dead": 1,
    })
    """A comparison: with which window, of which bound; the bytes' final one; there is no window."""

    def _issue(self, m: Module) -> tuple[data.View, Signal]:
        """Choose the next window, the lowest that is left; return the step and what is read."""
        left, todo, rest = (Signal(WINDOWS, name=name) for name in ("left", "todo", "rest"))
        last, dead = Signal(name="of_last"), Signal(name="dead")
        self._left = left
        step, entry = Signal(self.STEP, name="issued"), Signal(3, name="entry")
        free = ~self.words.read
        mine, counts = Signal(WINDOWS, name="mine"), Signal(WINDOWS, name="counts_now")
        none = ~counts.any()
        m.d.comb += [
            counts.eq(Mux(self.last, mine, self.counts)),
            todo.eq(Mux(self.start, counts | none, left)),
            step.valid.eq(free & todo.any()),
            step.window.eq(todo & (~todo + 1)),
            # From `todo` alone: simulators see a loop where words depend on their own parts.
            rest.eq(todo & (todo - 1)),
            step.last.eq(Mux(self.start, self.last, last)),
            step.dead.eq(Mux(self.start, none, dead)),
            step.final.eq(step.last & ~rest.any()),
            self.ready.eq(~left.any() & free),
            entry.eq(Mux(free, Cat(step.last, _number(step.window)), self.words.word[1:])),
        ]
        m.d.sync += left.eq(Mux(step.valid, rest, todo))
        with m.If(self.start):
            m.d.sync += [mine.eq(counts), last.eq(self.last), dead.eq(none)]
        return step, entry

    def _memories(self, m: Module, entry: Signal) -> None:
        """Make a memory for low words, and one for high ones, which is read a cycle later."""
        high_width = self.address_width - LOW
        later = Signal.like(entry, name="later_entry")
        m.d.sync += later.eq(entry)
        port, self._bounds, words = self.words, [], []
        for name, width in (("low", LOW), ("high", high_width)):
            if not width:
                words.append(0)
                continue
            lanes = -(-width // 8)
            m.submodules[name] = memory = Memory(shape=8 * lanes, depth=2 * WINDOWS, init=[])
            write = memory.write_port(granularity=8)
            read = memory.read_port(domain="comb")
            chosen = port.write & (port.write_word[0] == (name == "high"))
            bound = Signal(width, name=f"{name}_bound", reset_less=True)
            m.d.comb += [
                write.addr.eq(port.write_word[1:]),
                write.data.eq(port.data),
                write.en.eq(port.strobes[:lanes] & chosen.replicate(lanes)),
                read.addr.eq(entry if name == "low" else later),
            ]
            m.d.sync += bound.eq(read.data)
            words.append(bound)
            self._bounds.append(bound)
        # The registers' bus sees what a comparison would see, low word or high word.
        age = Signal(2, name="read_age")
        m.d.sync += age.eq(Mux(port.read & port.wait, age + 1, 0))
        m.d.comb += [
            port.read_data.eq(Mux(port.word[0], words[1], words[0])),
            port.wait.eq(~age[1]),
        ]

    def _compare(self, m: Module, issued: data.View) -> None:
        """Compare the low words, then the high ones; gather what all windows say."""
        parts = len(self._bounds)
        values, steps = [], [issued]
        for n in range(parts + 1):
            step = Signal(self.STEP, name=f"step_{n}")
            m.d.sync += step.eq(steps[-1])
            steps.append(step)
        taken: Value = self.start
        for n, bound in enumerate(self._bounds):
            values.append(Signal.like(bound, name=f"value_{n}", reset_less=True))
            with m.If(taken):
                m.d.sync += values[n].eq(self.bound[LOW * n :])
            later = Signal(name="high_comes")
            m.d.sync += later.eq(taken)
            taken = later

        # With a carry in, value - bound carries where value >= bound; without, where it is above.
        carry: Value = ~steps[1].last
        for n, bound in enumerate(self._bounds):
            total = Signal(len(bound) + 1, name=f"total_{n}")
            carried = Signal(name=f"carry_{n}")
            m.d.comb += total.eq(values[n] + (~bound)[: len(bound)] + carry)
            m.d.sync += carried.eq(total[-1])
            carry = carried
        result = steps[1 + parts]
        above, hit, inside = (
            Signal(WINDOWS, name="above"),
            Signal(name="hit"),
            Signal(name="inside"),
        )
        fits = (result.window & above).any() & ~carry & ~result.dead
        m.d.comb += [
            inside.eq(hit | fits),
            self.told.eq(result.valid & result.final),
            self.outside.eq(~inside),
            self.idle.eq(~(self._left.any() | Cat(each.valid for each in steps[1:]).any())),
        ]
        with m.If(result.valid & ~result.last):
            m.d.sync += above.eq((above & ~result.window) | (result.window & carry.replicate(4)))
        with m.If(result.valid & result.last):
            m.d.sync += hit.eq(inside & ~result.final)


def _number(window: Value) -> Value:
    """Return the number of the window, of which one bit is set."""
    return Cat(window[1] | window[3], window[2] | window[3])
