"""A shifter of bytes out of two words."""

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Funnel"]


class Funnel(wiring.Component):
    """Take ``count`` bytes from the byte ``shift`` on: ``o[k] = i[k + shift]``.

    It goes by two bits of ``shift`` at a time, since a LUT of six inputs chooses one of four; the
    high bits come first, after which fewer bytes are left to choose for.

    Latency: 0 cycles.

    Parameters
    ----------
    count : int
        Bytes of a word, a power of two.

    Members
    -------
    i : In(8 * (2 * count - 1))
    shift : In(range(count))
    o : Out(8 * count)
    """

    def __init__(self, count: int):
        self.count = count
        super().__init__({
            "i": In(8 * (2 * count - 1)),
            "shift": In(range(count)),
            "o": Out(8 * count),
        })

    def elaborate(self, platform):
        m = Module()
        bytes_, high = self.i, len(self.shift)
        while high:
            low = max(0, high - 2)
            left = 8 * (self.count + (1 << low) - 1)
            chosen = Signal(left, name=f"from_{1 << low}")
            with m.Switch(self.shift[low:high]):
                for step in range(1 << (high - low)):
                    with m.Case(step):
                        m.d.comb += chosen.eq(bytes_[8 * (step << low) :])
            bytes_, high = chosen, low
        m.d.comb += self.o.eq(bytes_)
        return m
