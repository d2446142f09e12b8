"""Several streams to one."""

from collections.abc import Mapping

from amaranth import Cat, Module
from amaranth.hdl import ShapeLike
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Join"]


class Join(wiring.Component):
    """Take a transfer of every input together, as one with a field for each.

    Latency: 0 cycles. Throughput: one transfer a cycle. Back-pressure: an input is ready when
    ``o`` is and all other inputs have an offer.

    Parameters
    ----------
    shapes : Mapping[str, ShapeLike]
        Field and input by name; ``o`` is not one.

    Members
    -------
    one input for each name : In(stream of its shape)
    o : Out(stream of the struct of all shapes)
    """

    def __init__(self, shapes: Mapping[str, ShapeLike]):
        self._names = tuple(shapes)
        inputs = {name: In(stream.Signature(shape)) for name, shape in shapes.items()}
        super().__init__({**inputs, "o": Out(stream.Signature(data.StructLayout(dict(shapes))))})

    def elaborate(self, platform):
        m = Module()
        inputs = {name: getattr(self, name) for name in self._names}
        m.d.comb += self.o.valid.eq(Cat(each.valid for each in inputs.values()).all())
        for name, each in inputs.items():
            m.d.comb += [
                each.ready.eq(self.o.valid & self.o.ready),
                self.o.payload[name].eq(each.payload),
            ]
        return m
