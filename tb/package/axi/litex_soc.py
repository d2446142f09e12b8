"""A LiteX design around an accelerator: in place of a processor, a master with a list of steps."""

import logging
from contextlib import chdir
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import ClassVar

from litex.build.generic_platform import Pins
from litex.build.sim import SimPlatform
from litex.gen import LiteXModule
from litex.soc.integration.soc_core import SoCCore
from litex.soc.interconnect import wishbone
from migen import Array, ClockDomain, Constant, If, Mux, Signal

__all__ = ["READ", "REGISTERS", "UNTIL", "WAIT", "WORK", "WRITE", "litex_verilog"]

WRITE, READ, UNTIL, WAIT = range(4)
"""A step is (what, address, value): write, read and compare, read until, wait for the interrupt."""

WORK, REGISTERS = 0x1000_0000, 0xA000_0000
"""Where the memory and the accelerator's registers are."""

PINS = [("sys_clk", 0, Pins(1)), ("sys_rst", 0, Pins(1)), ("done", 0, Pins(1)),
        ("failed", 0, Pins(1)), ("step", 0, Pins(16))]  # fmt: skip


class Steps(LiteXModule):
    """A Wishbone master that carries out a list of steps, one after the other."""

    def __init__(self, steps, irq):
        self.bus = bus = wishbone.Interface(data_width=32, address_width=32, addressing="word")
        self.at, self.done, self.failed = Signal(16), Signal(), Signal()
        kinds = Array(Constant(kind, 2) for kind, _, _ in steps)
        addresses = Array(Constant(address >> 2, 30) for _, address, _ in steps)
        values = Array(Constant(value, 32) for _, _, value in steps)
        kind, value = Signal(2), Signal(32)
        self.comb += [
            self.done.eq(self.at == len(steps)),
            kind.eq(kinds[self.at]),
            value.eq(values[self.at]),
            bus.cyc.eq(~self.done & (kind != WAIT)),
            bus.stb.eq(bus.cyc),
            bus.we.eq(kind == WRITE),
            bus.adr.eq(addresses[self.at]),
            bus.dat_w.eq(value),
            bus.sel.eq(15),
        ]
        self.sync += [
            If(
                ~self.done & ~self.failed & Mux(kind == WAIT, irq, bus.cyc & bus.ack),
                If(
                    ((kind == READ) | (kind == UNTIL)) & (bus.dat_r != value),
                    self.failed.eq(kind == READ),
                ).Else(self.at.eq(self.at + 1)),
            )
        ]


class Design(SoCCore):
    """A memory, the accelerator, and the steps."""

    mem_map: ClassVar = {**SoCCore.mem_map, "sram": 0x0100_0000}

    def __init__(self, platform, module, standard, data_width, memory, steps):
        self.cd_sys = ClockDomain()
        self.comb += self.cd_sys.clk.eq(platform.request("sys_clk"))
        self.comb += self.cd_sys.rst.eq(platform.request("sys_rst"))
        SoCCore.__init__(
            self, platform, clk_freq=100e6, cpu_type=None, with_uart=False, with_timer=False,
            ident="", bus_standard=standard, bus_data_width=data_width,
        )  # fmt: skip
        self.add_ram("work", WORK, len(memory) * data_width // 8, contents=memory)
        self.accelerator = module.Gemmule(platform)
        self.accelerator.connect_to(self, "accelerator", REGISTERS)
        self.steps = Steps(steps, self.accelerator.irq)
        self.bus.add_master("steps", self.steps.bus)
        for name in ("done", "failed"):
            self.comb += platform.request(name).eq(getattr(self.steps, name))
        self.comb += platform.request("step").eq(self.steps.at)


def litex_verilog(file: Path, folder: Path, standard, data_width, memory: bytes, steps):
    """Write the design's Verilog into ``folder``; return all files to compile."""
    logging.disable(logging.INFO)
    spec = spec_from_file_location("gemmule_litex", file)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    platform = SimPlatform("SIM", PINS)
    octets = data_width // 8
    words = [
        int.from_bytes(memory[place : place + octets], "little")
        for place in range(0, len(memory), octets)
    ]
    design = Design(platform, module, standard, data_width, words, steps)
    design.finalize()
    with chdir(folder):  # the memories' contents are written beside
        platform.get_verilog(design, name="soc").write("soc.v")
    return [str(folder / "soc.v"), *(source for source, *_ in platform.sources)]
