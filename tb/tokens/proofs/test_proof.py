# amaranth: UnusedElaboratable=no
"""An offer of any token block stands until it is taken: proven, not only seen."""

import sys

import pytest

from gemmule.gen.catalog import find
from gemmule.tb.common.module_mutants import infect

from .proof import proven

SMALL = {
    "token_score": {"lanes": 2, "max_tokens": 4, "max_heads": 2, "dividers": 2},
    "token_select": {"score_format": "u10", "max_tokens": 4},
    "token_pack": {"lanes": 2, "max_tokens": 4, "max_length": 4},
    "selector": {"lanes": 2, "max_tokens": 4, "max_length": 4},
}
BROKEN = [
    ("token_select", "select.stage", "(~indices.valid | indices.ready)", "1"),
    (
        "token_pack",
        "pack.stage",
        "self._room.eq(~self.kept.valid | self.kept.ready)",
        "self._room.eq(1)",
    ),
    (
        "token_score",
        "score.stage",
        "self._free.eq(~scores.valid | scores.ready)",
        "self._free.eq(1)",
    ),
]


def component(name):
    block = find(name)
    # From its module, where a mutant may stand in its place.
    made = getattr(sys.modules[block.component.__module__], block.component.__name__)
    return made(block.params(**SMALL[name]))


@pytest.mark.parametrize("name", SMALL)
def test_offers_stand(name, tmp_path):
    assert proven(component(name), tmp_path)


@pytest.mark.parametrize(("name", "part", "old", "new"), BROKEN, ids=[each[0] for each in BROKEN])
def test_no_proof_of_offers_that_are_withdrawn(name, part, old, new, monkeypatch, tmp_path):
    infect(monkeypatch, f"gemmule.hw.tokens.{part}", old, new)
    assert not proven(component(name), tmp_path)
