"""A shifter of bytes out of two words."""

from amaranth import Cat, Module, Mux, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from gemmule.hw.common.pipeline import wire

__all__ = ["Funnel"]


class Funnel(wiring.Component):
    """Take ``count`` bytes from the byte ``shift`` on: ``o[k] = i[k + shift]``.

    It goes by two bits of ``shift`` at a time, since a LUT of six inputs chooses one of four; the
    high bits come first, after which fewer bytes are left to choose for. Half of the choices are
    made by ``inverse``. It halves the fan-out, and what two neighbors have in common is not made
    in a LUT of its own, after which each would take another one.

    Latency: 0 cycles.

    Parameters
    ----------
    count : int
        Bytes of a word, a power of two.

    Members
    -------
    i : In(8 * (2 * count - 1))
    shift : In(range(count))
    inverse : In(range(count))
        ``~shift``, from registers of its own.
    o : Out(8 * count)
    """

    def __init__(self, count: int):
        self.count = count
        super().__init__({
            "i": In(8 * (2 * count - 1)),
            "shift": In(range(count)),
            "inverse": In(range(count)),
            "o": Out(8 * count),
        })

    def elaborate(self, platform):
        m = Module()
        value, high = self.i, len(self.shift)
        while high:
            low = max(0, high - 2)
            left = self.count + (1 << low) - 1
            moved = [self._choose(value, place, low, high) for place in range(left)]
            value, high = wire(m, f"from_{1 << low}", Cat(moved)), low
        m.d.comb += self.o.eq(value)
        return m

    def _choose(self, value: Value, place: int, low: int, high: int) -> Value:
        """Choose a byte by the bits of ``shift`` from ``low`` up to ``high``."""
        steps = 1 << (high - low)
        choices = [value.word_select(place + (n << low), 8) for n in range(steps)]
        inverted = place // (steps // 2 << low) % 2
        for bit in range(low, high):
            pairs = zip(choices[::2], choices[1::2], strict=True)
            if inverted:
                choices = [Mux(self.inverse[bit], even, odd) for even, odd in pairs]
            else:
                choices = [Mux(self.shift[bit], odd, even) for even, odd in pairs]
        return choices[0]
