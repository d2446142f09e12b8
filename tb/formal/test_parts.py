# amaranth: UnusedElaboratable=no
"""The parts of all streams, proven for all inputs and at all times."""

import pytest

from gemmule.hw.common.stream import fifo, guard, skid
from gemmule.tb.common.module_mutants import infect

from . import parts
from .prove import prove

PROOFS = {
    "skid": lambda folder: prove(skid.SkidBuffer(3), parts.skid, folder),
    "fifo": lambda folder: prove(fifo.Fifo(3, 3), parts.fifo, folder),
    "guard": lambda folder: prove(guard.PacketGuard(3), parts.guard, folder),
}


@pytest.mark.parametrize("part", PROOFS)
def test_proof(part, tmp_path):
    assert PROOFS[part](tmp_path)


MUTANTS = [
    ("skid", "self.i.ready.eq(~waiting)", "self.i.ready.eq(1)"),
    ("skid", "waiting.eq(0),", ""),
    ("fifo", "self.level != self.depth)", "1)"),
    ("fifo", "address == self.depth - 1", "address == self.depth"),
    ("fifo", "& (~self.o.valid | self.o.ready)", ""),
    ("guard", "& last & ~self.final", "& last"),
    ("guard", "with m.If(self.i.valid & last)", "with m.If(self.i.valid)"),
    ("guard", 'm.next = "fill"', 'm.next = "pass"'),
]


@pytest.mark.parametrize("number", range(len(MUTANTS)))
def test_mutant_is_not_proven(number, tmp_path, monkeypatch):
    part, old, new = MUTANTS[number]
    infect(monkeypatch, f"gemmule.hw.common.stream.{part}", old, new)
    assert not PROOFS[part](tmp_path)
