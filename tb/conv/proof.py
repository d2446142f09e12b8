# amaranth: UnusedElaboratable=no
"""A proof that an unmasked address lies in its buffer, for every walk over every small map."""

import subprocess
import sys
from pathlib import Path

from amaranth import Module, Signal, Value
from amaranth.back import rtlil
from amaranth.hdl import Assert, Assume, Elaboratable

from gemmule.hw.conv.generator import AddressGenerator
from gemmule.hw.conv.params import BpParams, GeneratorParams

__all__ = ["Bounds", "parameters", "prove"]


def parameters(name: str, size_width: int) -> GeneratorParams:
    """Of an address generator whose sides have so many bits, and whose addresses hold a map."""
    limits = {"address_width": 2 * size_width, "size_width": size_width}
    return BpParams(**limits, stride_width=3) if name == "bp_im2col" else GeneratorParams(**limits)


PASSES = (
    "hierarchy -top top", "proc", "flatten", "chformal -lower", "async2sync", "opt -full",
    "opt_clean -purge", "sat -tempinduct -seq 1 -maxsteps 3 -prove-asserts -set-assumes top",
)  # fmt: skip


class Bounds(Elaboratable):
    """An address generator with any walk over a map of a width and any height.

    The width is a constant, for then nothing is multiplied and the proof takes a second; it is
    proven for each. Stride, dilation, padding, kernel, the order of the loops and their number of
    turns are all free, and so is when walks come and beats are taken. What is assumed of a walk is
    what ``golden.conv.walk.Walk.jumps`` and ``hw.conv.params.GeneratorParams.refuse`` make of it:
    the step of the address that is added is that of the coordinates, and these do not wrap. One
    item of the batch, one block of channels.

    Members
    -------
    broken : bool
        Claim a buffer of one row less: what the proof must not find true.
    """

    def __init__(self, params: GeneratorParams, width: int, *, broken: bool = False):
        self.params = params
        self.width = width
        self.broken = broken
        self.dut = AddressGenerator(params)

    def elaborate(self, platform):
        m = Module()
        m.submodules.dut = self.dut.elaborate(platform)
        walk, beat, state = self.dut.walk, self.dut.o, self.dut.state
        axes, held, jump = walk.payload.axes, state["held"].axes, state["jump"]
        first = self._address(m, "first", walk.payload.origin.whole)
        moved = self._address(m, "moved", jump.whole)
        here = self._address(m, "here", state["pixels"])
        address = beat.payload.data.address
        m.d.comb += [
            Assume(axes[1].limit == self.width),
            Assume(walk.payload.origin.step == first),
            Assume(jump.step == moved),
            Assert(~beat.valid | (address == here)),
            Assert(~beat.valid | (held[1].limit == self.width)),
            Assert(~(beat.valid & beat.payload.data.real)
                   | (address < (held[0].limit - self.broken) * self.width)),
        ]  # fmt: skip
        if self.params.spread_width:
            m.d.comb += Assume((held[0].pitch == self.width) & (held[1].pitch == 1))
        self._no_wrap(m, state)
        return m

    def _address(self, m: Module, name: str, pixels: list) -> Signal:
        """The address, or the step, of coordinates, modulo the addresses."""
        signal = Signal(self.params.address_width, name=name)
        m.d.comb += signal.eq(pixels[0] * self.width + pixels[1])
        return signal

    def _no_wrap(self, m: Module, state: dict) -> None:
        most = 1 << self.params.size_width
        for axis, pixel in enumerate(state["pixels"]):
            moved = pixel + state["jump"].whole[axis] + state["carries"][axis]
            m.d.comb += Assume((moved >= -most) & (moved < most))


def prove(params: GeneratorParams, folder: Path, *, broken: bool = False) -> list[bool]:
    """For each width, whether induction closes: Yosys's `sat`, in a process of its own."""
    widths = range(1, 1 << params.size_width)
    calls = []
    for width in widths:
        bounds = Bounds(params, width, broken=broken)
        dut = bounds.dut
        ports = [
            Value.cast(each) for each in (
                dut.walk.payload, dut.walk.valid, dut.walk.ready, dut.o.payload, dut.o.valid,
                dut.o.ready,
            )
        ]  # fmt: skip
        source = folder / f"bounds_{width}.il"
        source.write_text(rtlil.convert(bounds, ports=ports))
        calls += ["design -reset", f"read_rtlil {source}", *PASSES]
    script = "".join(f"libyosys.Pass.call(design, {call!r})\n" for call in calls)
    script = f"from pyosys import libyosys\ndesign = libyosys.Design()\n{script}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    sections = done.stdout.split("Executing SAT pass")[1:]
    assert len(sections) == len(widths)
    return ["Induction step proven: SUCCESS!" in section for section in sections]
