"""What the registers take on a board, beside PeakRDL-regblock's block of the same map.

`python -m gemmule.tb.soc.control.benchmark_registers` prints Yosys's counts of both, for ZCU102.
Ours are counted with the memories that hold what regblock has registers for: windows, the direct
command (with the buffer of the ring's commands, which stands in the same memory), and counters,
which count, while those of regblock are only read.
"""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from amaranth import Module
from amaranth.lib import wiring
from systemrdl import RDLCompiler

from gemmule.gen.block import Block
from gemmule.gen.synthesis.synth import Report, synthesize
from gemmule.golden.common.options import Options, option
from gemmule.hw.soc.bus.lite import AxiLiteSignature
from gemmule.hw.soc.control.buffer import CommandBuffer
from gemmule.hw.soc.control.counters import Counters
from gemmule.hw.soc.control.legality.windows import Windows
from gemmule.hw.soc.register_map import SOURCE
from gemmule.hw.soc.registers import Registers

from .plane import constants

__all__ = ["ours", "regblock"]


@dataclass(frozen=True, kw_only=True)
class RegistersParams(Options):
    """The width of addresses."""

    address_width: int = option(64, help="bits of an address", low=32, high=64)


class Whole(wiring.Component):
    """The registers, and the memories in which some of them stand."""

    def __init__(self, params: RegistersParams):
        width = params.address_width
        self.registers = Registers(address_width=width, constants=constants())
        self.parts = {
            "windows": Windows(width),
            "counters": Counters(),
            "command": CommandBuffer(128),
        }
        self.joined = {"windows": "words", "counters": "words", "command": "direct"}
        members = {"s_axi": wiring.In(AxiLiteSignature(address_width=12))}
        fields = self.registers.control.signature.members
        members |= {name: fields[name] for name in fields if name not in self.parts}
        for name, part in self.parts.items():
            inner = part.signature.members
            members |= {
                f"{name}_{each}": inner[each] for each in inner if each != self.joined[name]
            }
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        m.submodules.registers = registers = self.registers
        wiring.connect(m, wiring.flipped(self.s_axi), registers.bus)
        for name in registers.control.signature.members:
            if name not in self.parts:
                self._join(m, getattr(registers.control, name), getattr(self, name))
        for name, part in self.parts.items():
            m.submodules[name] = part
            wiring.connect(m, getattr(registers.control, name), getattr(part, self.joined[name]))
            for each, member in part.signature.members.items():
                if each == self.joined[name]:
                    continue
                inner, outer = getattr(part, each), getattr(self, f"{name}_{each}")
                if member.is_signature:
                    wiring.connect(m, inner, wiring.flipped(outer))
                else:
                    m.d.comb += outer.eq(inner) if member.flow is wiring.Out else inner.eq(outer)
        return m

    def _join(self, m: Module, inner: wiring.PureInterface, outer: wiring.PureInterface) -> None:
        for name, member in outer.signature.members.items():
            a, b = getattr(inner, name), getattr(outer, name)
            m.d.comb += b.eq(a) if member.flow is wiring.Out else a.eq(b)


def ours(address_width: int = 64) -> Report:
    """Return the report of our registers with their memories."""
    block = Block("registers", "Registers.", RegistersParams, Whole)
    params = RegistersParams(address_width=address_width)
    return synthesize(block, params, "zcu102", flatten=True, parts=False)


def regblock() -> dict[str, int]:
    """Return the LUTs and flip-flops of PeakRDL-regblock's block of the same map."""
    from peakrdl_regblock import RegblockExporter  # a tool of this comparison alone
    from peakrdl_regblock.cpuif.axi4lite import AXI4Lite_Cpuif_flattened
    from peakrdl_regblock.udps import ALL_UDPS

    compiler = RDLCompiler()
    for each in ALL_UDPS:
        compiler.register_udp(each)
    compiler.compile_file(str(SOURCE))
    with TemporaryDirectory(prefix="gemmule-") as name:
        folder = Path(name)
        RegblockExporter().export(compiler.elaborate(), name, cpuif_cls=AXI4Lite_Cpuif_flattened)
        files = " ".join(str(folder / each) for each in ("gemmule_pkg.sv", "gemmule.sv"))
        calls = (
            f"read_slang {files} --top gemmule",
            "hierarchy -top gemmule",
            "proc",
            "opt_clean -purge",
            "synth_xilinx -family xcup -flatten -noiopad -top gemmule",
            "tee -o /dev/stderr stat",
        )
        script = "from pyosys import libyosys\ndesign = libyosys.Design()\n"
        script += "".join(f"libyosys.Pass.call(design, {call!r})\n" for call in calls)
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-500:]
    counts = {"lut": 0, "ff": 0}
    for line in done.stderr.splitlines():
        words = line.split()
        if len(words) >= 2 and words[0].isdigit():
            kind = words[-1]
            counts["lut"] += int(words[0]) * kind.startswith("LUT")
            counts["ff"] += int(words[0]) * kind.startswith("FD")
    return counts


if __name__ == "__main__":
    found = ours()
    print(f"ours      {found.lut:5} LUT {found.ff:5} FF {found.logic_levels:3} levels")
    theirs = regblock()
    print(f"regblock  {theirs['lut']:5} LUT {theirs['ff']:5} FF")
