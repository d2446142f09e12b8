"""Sums of addresses, in two halves: a carry chain of half the bits is half as long."""

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from gemmule.hw.common.pipeline import wire

__all__ = ["FewTimes", "Stepper", "WideSum"]


class WideSum(wiring.Component):
    """Add an address and a signed number: ``total = a + b`` modulo ``2**width``.

    Latency: 2 cycles; ``a`` and ``b`` are held from ``start`` to the cycle after it, and ``total``
    stands in the one behind that. Throughput: a sum in two cycles.

    Parameters
    ----------
    width : int

    Members
    -------
    start : In(1)
    a : In(width)
    b : In(signed(width))
    total : Out(width)
    """

    def __init__(self, width: int):
        self._half = width // 2
        super().__init__({
            "start": In(1),
            "a": In(width),
            "b": In(signed(width)),
            "total": Out(width),
        })

    def elaborate(self, platform):
        m = Module()
        half = self._half
        low = Signal(half + 1, reset_less=True)
        begun = Signal()
        m.d.sync += begun.eq(self.start)
        with m.If(self.start):
            m.d.sync += low.eq(self.a[:half] + self.b[:half])
        with m.If(begun):
            m.d.sync += self.total.eq(Cat(low[:half], self.a[half:] + self.b[half:] + low[half]))
        return m


class FewTimes(wiring.Component):
    """Add a signed number a few times: ``total = base + count * step`` modulo ``2**width``.

    Latency: from ``start`` to ``done`` a cycle, and 2 for each bit of ``count`` that is set.

    Parameters
    ----------
    width : int
    most : int
        Largest count.

    Members
    -------
    start : In(1)
    base : In(width); step : In(signed(width)); count : In(range(most + 1)), at least 1
        Held from ``start`` to ``done``.
    done : Out(1), until the next start
    total : Out(width)
    """

    def __init__(self, width: int, most: int):
        super().__init__({
            "start": In(1),
            "base": In(width),
            "step": In(signed(width)),
            "count": In(range(most + 1)),
            "done": Out(1),
            "total": Out(width),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.sum = total = WideSum(len(self.base))
        # What is added now, for two cycles, and the bits of the count that are left.
        term, left = Signal(self.step.shape(), reset_less=True), Signal.like(self.count)
        runs, second, first = Signal(), Signal(), Signal()
        m.d.comb += [
            total.start.eq(runs & ~second),
            total.a.eq(Mux(first, self.base, total.total)),
            total.b.eq(term),
            self.total.eq(total.total),
            self.done.eq(~runs & ~self.start),
        ]
        m.d.sync += second.eq(runs & ~second & ~self.start)
        with m.If(self.start | second):
            bits = wire(m, "bits", Mux(self.start, self.count, left))
            m.d.sync += [first.eq(self.start), runs.eq(bits.any())]
            for n, bit in enumerate(bits):
                with m.If(bit & ~bits[:n].any()):
                    m.d.sync += [term.eq(self.step << n), left.eq(bits & ~(1 << n))]
        return m


class Stepper(wiring.Component):
    """An address that goes on by a stride: the low half is a step ahead of the high one.

    Latency: ``valid`` 2 cycles after ``load``. Throughput: a step a cycle.

    Parameters
    ----------
    width : int

    Members
    -------
    load : In(1)
    base : In(width)
    stride : In(signed(width)), held from the cycle after ``load`` on
    step : In(1), only while ``valid``
    valid : Out(1)
    address : Out(width)
    after : Out(width)
        The address behind the next step.
    """

    def __init__(self, width: int):
        self._half = width // 2
        super().__init__({
            "load": In(1),
            "base": In(width),
            "stride": In(signed(width)),
            "step": In(1),
            "valid": Out(1),
            "address": Out(width),
            "after": Out(width),
        })

    def elaborate(self, platform):
        m = Module()
        half = self._half
        low, ahead = Signal(half, reset_less=True), Signal(half + 1, reset_less=True)
        high = Signal(len(self.base) - half, reset_less=True)
        loaded = Signal()
        above = Signal.like(high, name="above")
        m.d.comb += [
            above.eq(high + self.stride[half:] + ahead[half]),
            self.address.eq(Cat(low, high)),
            self.after.eq(Cat(ahead[:half], above)),
        ]
        m.d.sync += loaded.eq(self.load)
        with m.If(self.load):
            m.d.sync += [
                low.eq(self.base[:half]),
                high.eq(self.base[half:]),
                self.valid.eq(0),
            ]
        with m.Elif(loaded):
            m.d.sync += [ahead.eq(low + self.stride[:half]), self.valid.eq(1)]
        with m.Elif(self.step):
            m.d.sync += [
                low.eq(ahead),
                high.eq(above),
                ahead.eq(ahead[:half] + self.stride[:half]),
            ]
        return m
