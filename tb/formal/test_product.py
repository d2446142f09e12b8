# amaranth: UnusedElaboratable=no
"""Commands and results of a product never outgrow their places: for all inputs, at all times."""

import pytest

from gemmule.hw.soc.product import ledger
from gemmule.hw.systolic import command, sequencer
from gemmule.hw.systolic.params import GemmParams
from gemmule.tb.common.module_mutants import infect

from . import product
from .prove import prove

PARAMS = GemmParams(rows=2, cols=2)

PROOFS = {
    "command": lambda folder: prove(command.CommandQueue(PARAMS), product.command_queue, folder),
    "ledger": lambda folder: prove(ledger.Ledger(4), product.ledger, folder),
    "sequencer": lambda folder: prove(sequencer.Sequencer(PARAMS), product.result_room, folder),
}

MODULES = {"command": command, "ledger": ledger, "sequencer": sequencer}


@pytest.mark.parametrize("part", PROOFS)
def test_proof(part, tmp_path):
    assert PROOFS[part](tmp_path)


MUTANTS = [
    ("command", "!= COMMANDS)", "!= COMMANDS + 1)"),
    ("command", "reader.valid.eq(place != head)", "reader.valid.eq(1)"),
    ("command", "Cat(*ended).all()", "Cat(*ended).any()"),
    ("sequencer", "room >= self.params.rows", "room + 1 >= self.params.rows"),
    ("sequencer", "(room != 0) & ", ""),
    ("sequencer", "+ self.returned -", "-"),
    ("ledger", "Mux(self.asks, then_asked, asked)", "asked"),
    ("ledger", "(through[n] for n in row).all()", "(through[row[0]],).all() & (behind == 0)"),
    ("ledger", "known & reached", "reached"),
    ("ledger", "known & ~passes", "known"),
    ("ledger", "then_answered == edge, answered == edge", "answered == edge, answered == edge"),
]


@pytest.mark.parametrize("number", range(len(MUTANTS)))
def test_mutant_is_not_proven(number, tmp_path, monkeypatch):
    part, old, new = MUTANTS[number]
    infect(monkeypatch, MODULES[part].__name__, old, new)
    assert not PROOFS[part](tmp_path)
