"""Several dividers in turn, as one that is faster."""

from amaranth import Array, Module, Shape, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from gemmule.hw.tokens.divider import Divider

__all__ = ["DividerBank"]


class DividerBank(wiring.Component):
    """``o = round_half_even(numerator / denominator)``, in the order of ``i``.

    Division ``n`` goes to divider ``n mod count``, which keeps its quotient until it is taken. The
    domain is that of :class:`Divider`.

    Latency: the dividers' and 1 cycle. Throughput: ``count`` divisions in ``quotient.width + 4``
    cycles, at most one a cycle. Back-pressure: a divider that holds a quotient takes nothing.

    Parameters
    ----------
    quotient, denominator : Shape
        Of each divider.
    count : int

    Members
    -------
    i : In(stream of {numerator, denominator})
    o : Out(stream of quotient)
    """

    def __init__(self, quotient: Shape, denominator: Shape, count: int):
        self._shapes = quotient, denominator
        self._count = count
        width = quotient.width + denominator.width
        self._operands = data.StructLayout({
            "numerator": Shape(width, quotient.signed),
            "denominator": denominator,
        })
        super().__init__({
            "i": In(stream.Signature(self._operands)),
            "o": Out(stream.Signature(quotient)),
        })

    def elaborate(self, platform):
        m = Module()
        free, full, quotients = [], [], []
        enter, leave = (Signal(range(self._count), name=name) for name in ("enter", "leave"))
        for place in range(self._count):
            divider = Divider(*self._shapes)
            m.submodules[f"divider_{place}"] = divider
            denominator = Signal(self._shapes[1], name=f"denominator_{place}", reset_less=True)
            busy, done = Signal(name=f"busy_{place}"), Signal(name=f"done_{place}")
            starts = self.i.valid & ~busy & (enter == place)
            m.d.comb += [
                divider.start.eq(starts),
                divider.numerator.eq(self.i.p.numerator),
                divider.denominator.eq(denominator),
            ]
            with m.If(divider.done):
                m.d.sync += done.eq(1)
            with m.If(starts):
                m.d.sync += [busy.eq(1), denominator.eq(self.i.p.denominator)]
            with m.If(done & self.o.ready & (leave == place)):
                m.d.sync += [busy.eq(0), done.eq(0)]
            free.append(~busy)
            full.append(done)
            quotients.append(divider.quotient)
        m.d.comb += [
            self.i.ready.eq(Array(free)[enter]),
            self.o.valid.eq(Array(full)[leave]),
            self.o.p.eq(Array(quotients)[leave]),
        ]
        for pointer, port in ((enter, self.i), (leave, self.o)):
            with m.If(port.valid & port.ready):
                m.d.sync += pointer.eq(pointer + 1)
                with m.If(pointer == self._count - 1):
                    m.d.sync += pointer.eq(0)
        return m
