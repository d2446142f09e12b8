"""Both DMAs on one bus, compiled with a bench in C++ that asks, answers and checks."""

import json
import subprocess
from pathlib import Path

from amaranth import Module
from amaranth.lib.wiring import Component, Out, connect, flipped

from gemmule.gen.simulation.compile import Kind, compiled
from gemmule.gen.verilog.emit import emit_component
from gemmule.hw.soc.bus.axi import AxiSignature
from gemmule.hw.soc.dma.read import ReadDma
from gemmule.hw.soc.dma.write import WriteDma

__all__ = ["Bench", "Both"]

KIND = Kind("Vdut", glue=(Path(__file__).parent / "dma_bench.cpp",))
SHARED = ("stop", "cache", "prot", "qos")


class Both(Component):
    """A read and a write DMA on the same bus, with their ports by other names."""

    def __init__(self, address_width, data_width, reads, writes):
        self.sizes = address_width, data_width
        self.reader = ReadDma(address_width, data_width, reads)
        self.writer = WriteDma(address_width, data_width, writes)
        self.renamed = {}
        members = {"axi": Out(AxiSignature(address_width=address_width, data_width=data_width))}
        for dma, prefix in ((self.reader, "read"), (self.writer, "write")):
            for name, member in dma.signature.members.items():
                if name.startswith(("request", "data")):
                    members[f"{prefix}_{name}"] = member
                    self.renamed[f"{prefix}_{name}"] = dma, name
                elif name.startswith(("done", "fault", *SHARED)):
                    members[name] = member
        super().__init__(members | {"idle": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.reader, m.submodules.writer = dmas = self.reader, self.writer
        for name, (dma, inner) in self.renamed.items():
            connect(m, flipped(getattr(self, name)), getattr(dma, inner))
        for dma in dmas:
            m.d.comb += [getattr(dma, name).eq(getattr(self, name)) for name in SHARED]
            for name in dma.signature.members:
                if name.startswith(("done", "fault")):
                    m.d.comb += getattr(self, name).eq(getattr(dma, name))
            for name, member in dma.axi.signature.members.items():
                ours, theirs = getattr(self.axi, name), getattr(dma.axi, name)
                m.d.comb += ours.eq(theirs) if member.flow == Out else theirs.eq(ours)
        m.d.comb += self.idle.eq(self.reader.idle & self.writer.idle)
        return m


class Bench:
    """A compiled pair of DMAs; ``run`` starts the bench with its arguments."""

    def __init__(self, address_width, data_width, reads, writes):
        dma = Both(address_width, data_width, reads, writes)
        emitted = emit_component(dma, "dma", {}, "Both DMAs.")
        config = {
            "ADDRESS_WIDTH": address_width,
            "DATA_WIDTH": data_width,
            "READS_UNDER_WAY": dma.reader.under_way,
            "WRITES_UNDER_WAY": dma.writer.under_way,
            "LONGEST": dma.writer.longest,
        }
        lines = ["#ifndef CONFIG", "#define CONFIG"]
        lines += [f"constexpr int {name} = {value};" for name, value in config.items()]
        lines += ["#define READ(n, bytes)", "#define WRITE(n, bytes)", "#endif"]
        lines += [f"READ({n}, {size})" for n, size in enumerate(reads)]
        lines += [f"WRITE({n}, {size})" for n, size in enumerate(writes)]
        self.program = compiled(
            KIND, emitted.verilog, emitted.top, {"config.inc": "\n".join(lines) + "\n"}
        )

    def run(self, *words: object) -> dict:
        """Run the bench; return its counts, or under ``failed`` the rule that was broken."""
        done = subprocess.run(
            [str(self.program), *map(str, words)], capture_output=True, text=True, check=False
        )
        return json.loads(done.stdout)
