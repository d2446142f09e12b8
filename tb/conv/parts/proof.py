# amaranth: UnusedElaboratable=no
"""A proof that an unmasked address lies in its buffer, for every walk over every small map."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from amaranth import Module, Mux, Signal, Value
from amaranth.back import rtlil
from amaranth.hdl import Assert, Assume, Elaboratable

from gemmule.hw.conv.generator import AddressGenerator
from gemmule.hw.conv.walk_params import BpParams, GeneratorParams

__all__ = ["LEMMAS", "Bounds", "parameters", "prove"]

LEMMAS = ("sum", "row", "bound")


def parameters(name: str, size_width: int) -> GeneratorParams:
    """Return parameters with sides of ``size_width`` bits, and addresses for such a map."""
    limits = {"address_width": 2 * size_width, "size_width": size_width}
    return BpParams(**limits, stride_width=3) if name == "bp_im2col" else GeneratorParams(**limits)


PASSES = (
    "hierarchy -top top",
    "proc",
    "flatten",
    "chformal -lower",
    "async2sync",
    "opt -full",
    "opt_clean -purge",
    "sat -tempinduct -seq 1 -maxsteps 3 -prove-asserts -set-assumes top",
)


class Bounds(Elaboratable):
    """An address generator with any walk over a map of a width and any height.

    Stride, dilation, padding, kernel, the order of the loops and their number of turns are all
    free, and so is when walks come and beats are taken. What is assumed of a walk is what
    ``golden.conv.pattern.Walk.jumps`` and ``hw.conv.params.GeneratorParams.refuse`` make of it: the
    step of the address that is added is that of the coordinates, and these do not wrap. One item of
    the batch, one block of channels.

    A register of the proof, ``row``, is where the row begins: it moves as the address does, but for
    the pixels along the row. The lemmas hold in every cycle, the first two by induction:

    - ``sum``: ``address == row + pixel``; whatever the steps of ``row`` are, so for every width;
    - ``row``: ``row == row's number * width``;
    - ``bound``: with both, an unmasked address is below ``height * width``.

    In the last two the width is a constant, for then a product is a few additions.

    Members
    -------
    width : int
        Of the map; 0 under ``sum``.
    broken : bool
        Claim a buffer of one row less: what the proof must not find true.
    """

    def __init__(
        self, params: GeneratorParams, lemma: str, width: int = 0, *, broken: bool = False
    ):
        self.params = params
        self.lemma = lemma
        self.width = width
        self.broken = broken
        self.dut = AddressGenerator(params)
        self.first, self.moved, self.pitch = (
            Signal(params.address_width, name=name) for name in ("first", "moved", "pitch")
        )

    @property
    def ports(self) -> list[Value]:
        """Return what is free: all that enters, and under ``sum`` how ``row`` moves."""
        walk, beat = self.dut.walk, self.dut.o
        names = (walk.payload, walk.valid, walk.ready, beat.payload, beat.valid, beat.ready)
        free = [] if self.width else [self.first, self.moved, self.pitch]
        return [*map(Value.cast, names), *free]

    def elaborate(self, platform):
        m = Module()
        m.submodules.dut = self.dut.elaborate(platform)
        beat, state = self.dut.o, self.dut.state
        held, pixels = state["held"].axes, state["pixels"]
        self._assume(m, state)
        if self.width:
            m.d.comb += [
                self.first.eq(self.dut.walk.payload.origin.whole[0] * self.width),
                self.moved.eq(state["jump"].whole[0] * self.width),
                self.pitch.eq(self.width),
            ]
        row = self._row(m, state)
        address = beat.payload.data.address
        size = (held[0].limit - self.broken) * self.width
        summed = address == (row + pixels[1])[: len(address)]
        held_width = held[1].limit == self.width
        product = Signal.like(row, name="product")
        m.d.comb += product.eq(pixels[0] * self.width)
        known = [held_width & (row == product), summed]
        claims = {
            "sum": summed,
            "row": held_width & (row == product),
            "bound": ~beat.payload.data.real | (address < size),
        }
        m.d.comb += Assert(~beat.valid | claims[self.lemma])
        if self.lemma == "bound":
            m.d.comb += [Assume(~beat.valid | each) for each in known]
        return m

    def _row(self, m: Module, state: dict) -> Signal:
        """Follow where the row begins: it moves as ``pixels[0]`` does."""
        walk, beat = self.dut.walk, self.dut.o
        row = Signal(self.params.address_width, name="row", reset_less=True)
        with m.If(walk.valid & walk.ready):
            m.d.sync += row.eq(self.first)
        with m.Elif(beat.valid & beat.ready):
            m.d.sync += row.eq(row + self.moved + Mux(state["carries"][0], self.pitch, 0))
        return row

    def _assume(self, m: Module, state: dict) -> None:
        walk, jump, held = self.dut.walk, state["jump"], state["held"].axes
        width, most = self.params.address_width, 1 << self.params.size_width
        origin = walk.payload.origin
        m.d.comb += [
            Assume(origin.step == (self.first + origin.whole[1])[:width]),
            Assume(jump.step == (self.moved + jump.whole[1])[:width]),
        ]
        if self.width:
            m.d.comb += Assume(walk.payload.axes[1].limit == self.width)
        if self.params.spread_width:
            m.d.comb += Assume((held[0].pitch == self.pitch) & (held[1].pitch == 1))
        for axis, pixel in enumerate(state["pixels"]):
            moved = pixel + jump.whole[axis] + state["carries"][axis]
            m.d.comb += Assume((moved >= -most) & (moved < most))


def prove(params: GeneratorParams, folder: Path, *, broken: bool = False) -> dict[str, list[bool]]:
    """Tell of each lemma, for each width, whether Yosys's `sat`, in its own process, proves it."""
    widths = {
        lemma: [0] if lemma == "sum" else range(1, 1 << params.size_width) for lemma in LEMMAS
    }
    calls = []
    for lemma in LEMMAS:
        for width in widths[lemma]:
            calls += _calls(Bounds(params, lemma, width, broken=broken), folder)
    script = "".join(f"libyosys.Pass.call(design, {call!r})\n" for call in calls)
    script = f"from pyosys import libyosys\ndesign = libyosys.Design()\n{script}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    sections = iter(done.stdout.split("Executing SAT pass")[1:])
    return {
        lemma: ["Induction step proven: SUCCESS!" in next(sections) for _ in widths[lemma]]
        for lemma in LEMMAS
    }


def _calls(bounds: Bounds, folder: Path) -> Iterator[str]:
    source = folder / f"{bounds.lemma}_{bounds.width}.il"
    source.write_text(rtlil.convert(bounds, ports=bounds.ports))
    yield from ("design -reset", f"read_rtlil {source}", *PASSES)
