"""Divide a bounded numerator, one quotient bit a cycle, rounded half to even."""

from amaranth import C, Cat, Module, Mux, Shape, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Divider"]


class Divider(wiring.Component):
    """``quotient = round_half_even(numerator / denominator)``, 0 where the denominator is 0.

    The numerator is a mean's: ``low * denominator <= numerator <= high * denominator`` for the
    least and greatest value of ``quotient``, whose bits are then all that need be found; outside
    that domain the result is meaningless. :func:`golden.tokens.rounding.divide_half_even` defines
    every bit. Restoring division; a negative numerator is first raised by half the range.

    Latency: :attr:`latency` cycles from ``start`` to ``done``, one for each bit of the quotient and
    two more. Throughput: one division at a time; ``start`` may come with ``done``.

    Parameters
    ----------
    quotient : Shape
    denominator : Shape
        Unsigned.

    Members
    -------
    start : In(1)
        Takes ``numerator``.
    numerator : In(quotient.width + denominator.width)
        Signed where ``quotient`` is.
    denominator : In(denominator)
        Held until ``done``.
    done : Out(1)
        High in one cycle, in which ``quotient`` is valid.
    quotient : Out(quotient)
    """

    def __init__(self, quotient: Shape, denominator: Shape):
        self._shape = quotient
        self._divisor = denominator
        self._width = quotient.width + denominator.width
        self.latency = quotient.width + 2
        super().__init__({
            "start": In(1),
            "numerator": In(Shape(self._width, quotient.signed)),
            "denominator": In(denominator),
            "done": Out(1),
            "quotient": Out(quotient),
        })

    def elaborate(self, platform):
        m = Module()
        bits, size = self._shape.width, self._divisor.width
        rest = Signal(self._width, reset_less=True)
        found = Signal(bits + 1, reset_less=True)  # its last bit is the half
        left = Signal(range(bits + 2), reset_less=True)
        first = Signal(reset_less=True)
        busy = Signal()

        bit, top = self._step(m, rest, first if self._shape.signed else C(0))
        with m.If(busy):
            m.d.sync += [left.eq(left - 1), first.eq(0)]
            with m.If(left == 0):
                m.d.sync += busy.eq(0)
            with m.Else():
                m.d.sync += [rest.eq(Cat(C(0, 1), rest[: bits - 1], top[:size]))]
                m.d.sync += found.eq(Cat(bit, found))
        with m.If(self.start):
            m.d.sync += [rest.eq(self.numerator), left.eq(bits + 1), first.eq(1), busy.eq(1)]

        whole, half = found[1:], found[0]
        nearest = whole + (half & (whole[0] | rest[bits:].any()))
        if self._shape.signed:
            nearest = nearest ^ (1 << bits - 1)
        m.d.comb += [
            self.done.eq(busy & (left == 0)),
            self.quotient.eq(Mux(self.denominator.any(), nearest[:bits], 0)),
        ]
        return m

    def _step(self, m: Module, rest: Value, first: Value) -> tuple[Value, Value]:
        """Return the next bit of the quotient, and what it leaves of the top of ``rest``.

        The bit is whether the denominator fits into the top. The first bit of a signed quotient is
        the sign's: a negative numerator is raised by half the range and gets a 0.
        """
        size = self._divisor.width
        top = Signal(size + 1)
        changed = Signal(size + 2)
        bit = Signal()
        m.d.comb += [
            top.eq(rest[-size - 1 :]),
            changed.eq(top + (self.denominator ^ ~first.replicate(size + 2)) + ~first),
            bit.eq(Mux(first, ~rest[-1], ~changed[-1])),
        ]
        return bit, Mux(bit ^ first, changed, top)
