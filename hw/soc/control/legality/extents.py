"""The bytes that an operand lies in: its first and its last one, and whether they exist."""

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from gemmule.golden.soc.commands import AFFINE, COLUMN, SETTINGS, VECTOR
from gemmule.hw.soc.control.layouts import PRODUCT_ALONE, raw_layout
from gemmule.hw.soc.control.ring import LOW

from .fields import no_b, turned

__all__ = ["OPERANDS", "Extents"]

OPERANDS = ("a", "b", "c", "settings")
"""In the order in which they are checked."""


class Extents(wiring.Component):
    """Find the first and the last byte of each operand of a command, one after the other.

    The address of an operand's last row is ``base + (rows - 1) * stride``; the product is made by
    shifts and additions, one bit of ``rows - 1`` in a cycle up to its highest. The stride may be
    negative. The settings are rows of 16 bytes, of which the last one is 48 bytes long, the same
    bytes as 32 and one column record for each column; of a VECTOR rows of 4 bytes, the last one of
    68. Where a VECTOR has no b, a is walked along once more in its place; where its result is
    transposed, that has n rows of m elements. Of a CONVOLUTION each is one row, as long as its
    stride says, and the program one of m times 16 bytes. An address below 0 or beyond the address
    width is ``outside``, whatever the windows say.

    Bits of addresses from 32 on are computed a cycle later than those below.

    Latency: for each operand 2 cycles, the bits of ``rows - 1`` (at least 1), the exponent of an
    element's size, and 1 where the stride is negative; 2 at the end.
    Back-pressure: waits for ``ready`` before it hands over a bound.

    Parameters
    ----------
    address_width : int
    sizes : tuple[int, int]
        Exponents of the bytes of an element of a product's a and b.
    units : tuple[str, ...]
        Those of `UNITS` that are built in: others have no commands.

    Members
    -------
    command : In(:func:`~gemmule.hw.soc.control.layouts.raw_layout`)
        Stays while ``start`` does.
    start : In(1)
        Stays until the command is left.
    count : In(3)
        Operands to look at, from the first on.
    operand : Out(2)
        The one in hand; with ``last``, the one after the one whose bound is given.
    bound : Out(``address_width``)
        A bound: low 32 bits with ``given``, those above a cycle later.
    given : Out(1); last : Out(1)
        A bound is handed over, the first byte's or the ``last``'s.
    ready : In(1)
        It may be.
    passed : Out(1); outside : Out(1)
        Now: an operand was walked along; it leaves the addresses that exist.
    done : Out(1)
        All operands were looked at.
    """

    def __init__(
        self,
        address_width: int,
        sizes: tuple[int, int],
        *,
        units: tuple[str, ...] = PRODUCT_ALONE,
    ):
        self.address_width, self._has_vector = address_width, "vector" in units
        self._has_programs = "convolution" in units
        self._sizes = sizes
        super().__init__({
            "command": In(raw_layout()),
            "start": In(1),
            "count": In(range(len(OPERANDS) + 1)),
            "operand": Out(range(len(OPERANDS))),
            "bound": Out(address_width),
            "given": Out(1),
            "last": Out(1),
            "ready": In(1),
            "outside": Out(1),
            "passed": Out(1),
            "done": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        names = ("load", "again", "add", "shift", "ones", "span")
        self._do = {name: Signal(name=f"do_{name}") for name in names}
        # Whose address, stride and size count: the operand's own, or a's where there is no b.
        self._source = Signal.like(self.operand, name="source")
        # Of the opcodes that have operands these bits tell.
        low, high = self.command.opcode[0], self.command.opcode[1]
        self._program = low & high if self._has_programs else Const(0)
        self._vector = high & ~self._program if self._has_vector else Const(0)
        self._walk(m)
        self._low(m)
        self._high(m)
        return m

    def _walk(self, m: Module) -> None:
        """Say in each cycle what becomes of the sum and of the term."""
        do, command = self._do, self.command
        self._turned = self._vector & turned(command)
        c_rows = Mux(self._turned, command.n, command.m)
        rows = self._of((command.m, self._either(command.m, command.k), c_rows, command.n))
        rows = self._one(1, rows)
        a_size, b_size = (
            self._one(0, self._either(command.sizes.word_select(n, 2), size))
            for n, size in enumerate(self._sizes)
        )
        count, first, pending = (
            Signal(24, name="rows_left"),
            Signal(name="first"),
            Signal(name="pending"),
        )
        size = self._of((a_size, b_size, command.c_size[:2], 0), self._source)
        left, taken = Signal(2, name="size_left"), Signal(range(len(OPERANDS) + 1), name="taken")
        self._negative = Signal(name="negative")
        self._previous = Signal(name="ends_one")
        if not self._has_vector:
            m.d.comb += self._source.eq(taken)
        m.d.comb += [self.operand.eq(taken), self._previous.eq(self.last & self.given)]
        with m.FSM(name="extents"):
            with m.State("load"):
                m.d.comb += [self.given.eq(pending & self.ready), self.last.eq(1)]
                with m.If(self.start & (~pending | self.ready)):
                    m.d.sync += [pending.eq(0), first.eq(1), count.eq(rows - 1), left.eq(size)]
                    with m.If(taken == self.count):
                        m.next = "end"
                    with m.Else():
                        m.d.comb += do["load"].eq(1)
                        m.next = "walk"
            with m.State("walk"):
                gives = first & ~self._negative
                m.d.comb += self.given.eq(gives & self.ready)
                with m.If(~gives | self.ready):
                    m.d.sync += [first.eq(0), count.eq(count >> 1)]
                    m.d.comb += do["add"].eq(count[0])
                    with m.If(count[1:].any()):
                        m.d.comb += do["shift"].eq(1)
                    with m.Elif(self._negative):
                        m.next = "turn"
                    with m.Else():
                        m.d.comb += do["span"].eq(1)
                        m.next = "span"
            with m.State("turn"):
                m.d.comb += self.given.eq(self.ready)
                with m.If(self.ready):
                    m.d.comb += [do["again"].eq(1), do["span"].eq(1)]
                    m.next = "span"
            with m.State("span"):
                with m.If(left.any()):
                    m.d.comb += [do["shift"].eq(1), do["ones"].eq(1)]
                    m.d.sync += left.eq(left - 1)
                with m.Else():
                    m.d.comb += do["add"].eq(1)
                    m.d.sync += [taken.eq(taken + 1), pending.eq(1)]
                    if self._has_vector:
                        again = (taken == 0) & self._vector & no_b(command)
                        m.d.sync += self._source.eq(Mux(again, 0, taken + 1))
                    m.next = "load"
            with m.State("end"):
                # The bits above tell only now whether the last operand exists.
                m.d.sync += [self.done.eq(self.start), taken.eq(0)]
                if self._has_vector:
                    m.d.sync += self._source.eq(0)
                with m.If(~self.start):
                    m.next = "load"

    def _low(self, m: Module) -> None:
        """Move the low 32 bits: the sum, and the term that is added, a stride or a row's length."""
        do, command = self._do, self.command
        record = self._either(AFFINE.size, COLUMN.size)
        last_record = self._either(VECTOR.size + AFFINE.size, SETTINGS.size + COLUMN.size)
        lengths = (command.a_stride, command.b_stride, command.c_stride)
        strides = (*lengths, record)
        c_columns = Mux(self._turned, command.m, command.n)
        columns = (self._either(command.n, command.k), command.n, c_columns, last_record)
        stride = Signal(LOW, name="stride")
        total, self._term = Signal(LOW, name="sum"), Signal(LOW, name="term")
        wide = Signal(LOW + 1, name="wide")
        self._up, self._carry = Signal(name="up"), Signal(name="carried")
        m.d.comb += [
            stride.eq(self._one(0, self._of(strides, self._source))),
            wide.eq(total + self._term),
            self.bound[:LOW].eq(total),
        ]
        with m.If(do["load"] | do["again"]):
            bases = [getattr(command, name)[:LOW] for name in OPERANDS]
            m.d.sync += total.eq(self._of(bases, self._source))
        with m.Elif(do["add"]):
            m.d.sync += total.eq(wide)
        with m.If(do["load"]):
            m.d.sync += [self._term.eq(stride), self._negative.eq(stride[-1])]
        with m.Elif(do["span"]):
            program = (self._of((*lengths, command.m << 4)) - 1)[:LOW]
            m.d.sync += self._term.eq(self._one(program, (self._of(columns) - 1)[:24]))
        with m.Elif(do["shift"]):
            m.d.sync += self._term.eq(Cat(do["ones"], self._term))
        m.d.sync += [self._up.eq(self._term[-1]), self._carry.eq(wide[-1])]

    def _high(self, m: Module) -> None:
        """Do the same a cycle later to the bits above, and see whether the sum exists."""
        command, high = self.command, self.address_width - LOW
        do = {name: Signal.like(now, name=f"{now.name}_later") for name, now in self._do.items()}
        source = Signal.like(self._source, name="source_later")
        ends, negative = Signal(name="ended_one"), self._negative
        m.d.sync += [do[name].eq(now) for name, now in self._do.items()]
        m.d.sync += [source.eq(self._source), ends.eq(self._previous)]

        total, term = Signal(high, name="high_sum"), Signal(high + 1, name="high_term")
        wide, wrong, large = (
            Signal(high + 2, name="high_wide"),
            Signal(name="wrong"),
            Signal(name="large"),
        )
        bases = [getattr(command, name)[LOW:] for name in OPERANDS]
        base = self._of([each[:high] for each in bases], source) if high else 0
        beyond = self._of([each[high:].any() for each in bases], source)
        m.d.comb += [
            wide.eq(total + term + self._carry),
            self.bound[LOW:].eq(total),
            self.passed.eq(ends),
            self.outside.eq(ends & wrong),
        ]
        with m.If(do["load"] | do["again"]):
            m.d.sync += total.eq(base)
        with m.Elif(do["add"]):
            m.d.sync += total.eq(wide)
        with m.If(do["load"]):
            m.d.sync += [term.eq(negative.replicate(high + 1)), large.eq(0), wrong.eq(beyond)]
        with m.Else():
            with m.If(do["span"]):
                m.d.sync += [term.eq(0), large.eq(0)]
            with m.Elif(do["shift"]):
                m.d.sync += term.eq(Cat(self._up, term))
                m.d.sync += large.eq(large | (term[-1] ^ (term[-2] if high else self._up)))
            with m.If(do["add"]):
                m.d.sync += wrong.eq(wrong | wide[high] | large)

    def _either(self, vector: Value | int, product: Value | int) -> Value | int:
        """Choose what a VECTOR has, or what a GEMM has."""
        return Mux(self._vector, vector, product) if self._has_vector else product

    def _one(self, program: Value | int, other: Value | int) -> Value | int:
        """Choose what a CONVOLUTION has, or what the others have."""
        return Mux(self._program, program, other) if self._has_programs else other

    def _of(self, values, operand: Value | None = None) -> Value:
        """Choose the operand's own of four values."""
        a, b, c, settings = values
        operand = self.operand if operand is None else operand
        return Mux(operand[1], Mux(operand[0], settings, c), Mux(operand[0], b, a))
