# amaranth: UnusedElaboratable=no
"""A proof that every offer stands: by induction over all inputs, at all times."""

import re
import subprocess
import sys
from pathlib import Path

from amaranth import Module, ResetSignal, Signal, Value
from amaranth.back import rtlil
from amaranth.hdl import Assert, Assume, Elaboratable
from amaranth.lib.wiring import Component, In

__all__ = ["Offers", "proven"]

PASSES = (
    "hierarchy -top top",
    "proc",
    # What a memory gives is left free: the proof then holds whatever it holds.
    "flatten",
    "memory_collect",
    "delete t:$mem*",
    "setundef -undriven -expose",
    "chformal -lower",
    "async2sync",
    "opt -full",
    "opt_clean -purge",
    "sat -tempinduct -seq 1 -maxsteps 4 -prove-asserts -set-assumes top",
)


class Offers(Elaboratable):
    """A component with free inputs, and the claim on each stream that it gives.

    ``valid`` without ``ready`` is followed by ``valid`` with the same payload.
    """

    def __init__(self, component: Component):
        self.component = component
        streams = {
            name: getattr(component, name) for name, member in component.signature.members.items()
        }
        self.ports = [
            Value.cast(each)
            for stream in streams.values()
            for each in (stream.payload, stream.valid, stream.ready)
        ]
        flows = component.signature.members
        self.outputs = {name: each for name, each in streams.items() if flows[name].flow is not In}

    def elaborate(self, platform):
        m = Module()
        m.submodules.dut = self.component
        m.d.comb += Assume(~ResetSignal())
        for name, stream in self.outputs.items():
            payload = Value.cast(stream.payload)
            offered = Signal(name=f"{name}_offered")
            held = Signal(len(payload), name=f"{name}_held")
            m.d.sync += [offered.eq(stream.valid & ~stream.ready), held.eq(payload)]
            m.d.comb += Assert(~offered | (stream.valid & (payload == held)))
        return m


def proven(component: Component, folder: Path) -> bool:
    """Tell whether induction closes: Yosys's `sat`, in a process of its own."""
    offers = Offers(component)
    source = folder / "offers.il"
    source.write_text(rtlil.convert(offers, ports=offers.ports))
    calls = [f"read_rtlil {source}", *PASSES]
    script = "".join(f"libyosys.Pass.call(design, {call!r})\n" for call in calls)
    script = f"from pyosys import libyosys\ndesign = libyosys.Design()\n{script}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    verdicts = re.findall("Induction step proven: SUCCESS|FAIL!|proof failed", done.stdout)
    assert done.returncode == 0, done.stderr
    assert verdicts, done.stdout[-2000:]
    return "SUCCESS" in verdicts[0]
