"""Nested loops with an address: which requests a load of a convolution makes."""

from amaranth import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["NestedCounter"]


class NestedCounter(wiring.Component):
    """Walk through ``levels`` nested loops, a step a cycle, without a bubble where loops end.

    ``address = base + sum(index[level] * stride[level])``, modulo ``2**address_width``; level 0 is
    the innermost. Each level keeps the address at which it stands: advancing adds its stride to
    that and restarts the levels inside from there, so there is no multiplier.

    ``counts`` and ``strides`` are held from ``load`` to the final step. ``load`` may coincide with
    the final step of the walk before it, whose counts and strides are no longer needed then.

    Latency: the first address stands in the cycle after ``load``. Throughput: one address a cycle.
    Back-pressure: an address stands until ``step``.

    Parameters
    ----------
    levels : int
    count_width : int
        Bits of a count, at least 1.
    address_width : int
        Bits of the address.

    Members
    -------
    load : In(1)
        Begin at ``base`` in the next cycle.
    base : In(unsigned(address_width))
    counts : In([levels] x unsigned(count_width))
        Iterations of each loop, at least 1.
    strides : In([levels] x signed(address_width))
    step : In(1)
        Go on to the next address; only while ``active``.
    active : Out(1)
        There is an address.
    address : Out(unsigned(address_width))
    left : Out([levels] x unsigned(count_width))
        Iterations of each loop that are left, this one included.
    ends : Out(unsigned(levels))
        Which loops are in their last iteration, all inner ones being in theirs.
    final : Out(1)
        This is the last address.
    """

    def __init__(self, *, levels: int, count_width: int, address_width: int):
        self._levels = levels
        super().__init__({
            "load": In(1),
            "base": In(address_width),
            "counts": In(unsigned(count_width)).array(levels),
            "strides": In(signed(address_width)).array(levels),
            "step": In(1),
            "active": Out(1),
            "address": Out(address_width),
            "left": Out(unsigned(count_width)).array(levels),
            "ends": Out(levels),
            "final": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        levels = range(self._levels)
        # Whether one iteration is left of each loop, known as soon as the number is.
        lasts = [Signal(name=f"last_{n}") for n in levels]
        stands = [Signal.like(self.base, name=f"address_{n}", reset_less=True) for n in levels]
        m.d.comb += [
            self.ends.eq(Cat(Cat(lasts[: n + 1]).all() for n in levels)),
            self.final.eq(self.ends[-1]),
            self.address.eq(stands[0]),
        ]
        with m.If(self.load | (self.step & self.final)):
            m.d.sync += self.active.eq(self.load)
        with m.If(self.load):
            m.d.sync += [self.left[n].eq(self.counts[n]) for n in levels]
            m.d.sync += [lasts[n].eq(self.counts[n] == 1) for n in levels]
            m.d.sync += [address.eq(self.base) for address in stands]
        for n in levels:
            advances = self.ends[n - 1] if n else 1
            with m.If(~self.load & self.step & advances):
                m.d.sync += [
                    self.left[n].eq(Mux(lasts[n], self.counts[n], self.left[n] - 1)),
                    lasts[n].eq(Mux(lasts[n], self.counts[n] == 1, self.left[n] == 2)),
                ]
                with m.If(~lasts[n]):
                    m.d.sync += [each.eq(stands[n] + self.strides[n]) for each in stands[: n + 1]]
        return m
