"""A memory with one port to write and one to read."""

from amaranth import Module
from amaranth.hdl import ShapeLike
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

__all__ = ["DualPortMemory"]


class DualPortMemory(wiring.Component):
    """Write one word and read another in each cycle.

    A word read in the cycle in which it is written is undefined: the form that block RAM has, and
    that any tool finds. Contents are zero at first and are not reset.

    Latency: 1 cycle from ``read_address`` to ``read_data``, which holds while ``read_enable`` is 0.

    Parameters
    ----------
    shape : ShapeLike
        Of a word.
    depth : int
        Words.

    Members
    -------
    write_enable, write_address, write_data : In
    read_enable, read_address : In
    read_data : Out(``shape``)
    """

    def __init__(self, shape: ShapeLike, depth: int):
        self.shape = shape
        self.depth = depth
        super().__init__({
            "write_enable": In(1),
            "write_address": In(range(depth)),
            "write_data": In(shape),
            "read_enable": In(1),
            "read_address": In(range(depth)),
            "read_data": Out(shape),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.words = words = Memory(shape=self.shape, depth=self.depth, init=[])
        write, read = words.write_port(), words.read_port()
        m.d.comb += [
            write.en.eq(self.write_enable),
            write.addr.eq(self.write_address),
            write.data.eq(self.write_data),
            read.en.eq(self.read_enable),
            read.addr.eq(self.read_address),
            self.read_data.eq(read.data),
        ]
        return m
