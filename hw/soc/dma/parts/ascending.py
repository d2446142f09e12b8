"""A wide number that grows by one, without a long carry."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Ascending"]

CHUNK = 12
"""Bits that a carry passes in a cycle: three levels of a carry chain."""


class Ascending(wiring.Component):
    """Load a number, or add one to it, where ``change`` is set.

    A carry out of the lowest bits is kept and passes the next ones a cycle later; meanwhile, once
    in 4,096 steps, the number is not ``settled``.

    Latency: 1 cycle. Throughput: a load or a step a cycle, while it is ``settled``.

    Parameters
    ----------
    width : int

    Members
    -------
    change, load : In(1)
        ``load`` says which of both ``change`` means, and may come early.
    start : In(width)
    value : Out(width)
    settled : Out(1)
    """

    def __init__(self, width: int):
        self.width = width
        super().__init__({
            "change": In(1),
            "load": In(1),
            "start": In(width),
            "value": Out(width),
            "settled": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        chunks, carries = [], []
        load, change = self.load, self.change
        for low in range(0, self.width, CHUNK):
            start = self.start[low : low + CHUNK]
            chunk = Signal(len(start), name=f"from_{low}", reset_less=True)
            total = Signal(len(start) + 1, name=f"total_{low}")
            # One carry chain for both: a LUT before each of its bits chooses.
            m.d.comb += total.eq(Mux(load, start, chunk) + ~load)
            with m.If(change):
                m.d.sync += chunk.eq(total)
            chunks.append(chunk)
            if low + CHUNK < self.width:
                carry = Signal(name=f"carry_{low + CHUNK}")
                m.d.sync += carry.eq(total[-1] & change)
                carries.append(carry)
                load, change = ~carry, (self.change & self.load) | carry
        m.d.comb += [self.value.eq(Cat(chunks)), self.settled.eq(~Cat(carries).any())]
        return m
