# amaranth: UnusedElaboratable=no
"""What is claimed of registers and control is proven, for all inputs and at all times."""

import pytest

from gemmule.hw.soc import registers
from gemmule.hw.soc.control import counters
from gemmule.hw.soc.control.legality import windows
from gemmule.tb.common.module_mutants import infect
from gemmule.tb.soc.control.plane import constants

from . import control
from .prove import prove


def answers(folder) -> bool:
    dut = registers.Registers(address_width=33, constants=constants(), slverr=True)
    return prove(dut, control.registers, folder, steps=4)


def fits(folder) -> bool:
    return prove(control.FetchAndBuffer(), control.fetch_and_buffer, folder)


def ends(folder) -> bool:
    return prove(control.Orders(), control.orders, folder)


def counts(folder) -> bool:
    return prove(counters.Counters(), control.counters, folder)


def bounds(folder) -> bool:
    return prove(windows.Windows(40), control.windows, folder)


@pytest.mark.parametrize("proof", [answers, fits, ends, counts, bounds])
def test_proven(proof, tmp_path):
    """AXI4-Lite never blocks; counters and queues never overflow."""
    assert proof(tmp_path)


MUTANTS = {
    "answer_overwritten": (answers, "registers", "held & ~bus.bvalid", "held"),
    "write_waits_for_reads": (
        answers,
        "registers",
        "held & ~bus.bvalid",
        "held & ~bus.bvalid & ~bus.arvalid",
    ),
    "data_overwritten": (answers, "registers", "held & ~bus.rvalid & ~wait", "held & ~wait"),
    "answer_withdrawn": (answers, "registers", "m.Elif(bus.rready)", "m.Else()"),
    "too_many_asked_for": (fits, "control.ring", "(free != 0) & self.enable", "self.enable"),
    "place_not_taken": (fits, "control.ring", "free + self.freed - ring.step", "free + self.freed"),
    "direct_frees_a_place": (
        fits,
        "control.buffer",
        "self._taken.eq(moves & ~direct)",
        "self._taken.eq(moves)",
    ),
    "offer_changes": (fits, "control.buffer", "(beat == 0) & ~waits", "beat == 0"),
    "request_withdrawn": (
        fits,
        "control.ring",
        "(self.pending & ready) | offered",
        "self.pending & ready",
    ),
    "queue_overflows": (ends, "control.queue", "level != self.depth", "1"),
    "command_lost": (
        ends,
        "control.dispatch",
        "taken.eq(chosen[count] & self.ended.ready)",
        "taken.eq(chosen[count])",
    ),
    "end_lost": (ends, "control.completion", "queue.i.ready & ~holds", "~holds"),
    "completed_twice": (
        ends,
        "control.completion",
        "completed.valid.eq(waiting.valid & waiting.ready)",
        "completed.valid.eq(waiting.valid)",
    ),
    "command_withdrawn": (ends, "control.dispatch", "(stays | (self.go &", "((self.go &"),
    "read_waits_for_writes": (
        answers,
        "registers",
        "held & ~bus.rvalid & ~wait",
        "held & ~bus.rvalid & ~wait & ~bus.awvalid",
    ),
    "latch_never_over": (
        counts,
        "control.counters",
        "wanted.eq(getattr(self, name))",
        "wanted.eq(1)",
    ),
    "bound_waits_longer": (bounds, "control.legality.windows", "~age[1]", "~age.all()"),
    "counts_too_narrow": (counts, "control.counters", "- 1) * ROUND)", "- 1) * ROUND // 2)"),
}


QUICK = (
    "answer_overwritten",
    "bound_waits_longer",
    "too_many_asked_for",
    "command_lost",
    "counts_too_narrow",
)
"""One of each proof; the others are left to `make test-full`."""

SLOW = [pytest.param(each, marks=pytest.mark.full) for each in MUTANTS if each not in QUICK]


@pytest.mark.parametrize("mutant", [*QUICK, *SLOW])
def test_mutant_is_not_proven(mutant, tmp_path, monkeypatch):
    proof, module, old, new = MUTANTS[mutant]
    infect(monkeypatch, f"gemmule.hw.soc.{module}", old, new)
    assert not proof(tmp_path)
