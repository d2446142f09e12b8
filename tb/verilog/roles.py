"""A design whose modules are equal, alike or different: for the tests of merging."""

from amaranth import Module, unsigned
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Roles"]


class Stage(wiring.Component):
    """A register, or one that adds."""

    i: In(8)
    o: Out(8)

    def __init__(self, step: int):
        self.step = step
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.o.eq(self.i + self.step)
        return m


class Roles(wiring.Component):
    """Three stages, of which two are equal, and a memory."""

    i: In(8)
    o: Out(8)
    kept: Out(8)

    def elaborate(self, platform):
        m = Module()
        stages = {"stage_0": Stage(1), "stage_1": Stage(2), "stage_2": Stage(1)}
        value = self.i
        for name, stage in stages.items():
            m.submodules[name] = stage
            m.d.comb += stage.i.eq(value)
            value = stage.o
        words = memory.MemoryData(shape=unsigned(8), depth=64, init=[])
        m.submodules.words = store = memory.Memory(words)
        write, read = store.write_port(), store.read_port()
        m.d.comb += [
            self.o.eq(value),
            write.addr.eq(self.i),
            write.data.eq(self.i),
            write.en.eq(1),
            read.addr.eq(self.i),
            self.kept.eq(read.data),
        ]
        return m
