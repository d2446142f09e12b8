# amaranth: UnusedElaboratable=no
"""What the vector unit offers and is not taken stands, whatever its lanes and functions give."""

import pytest

from gemmule.tb.common.module_mutants import infect

from . import vector
from .streams import offers

pytestmark = pytest.mark.full

STEPS = 2


def proven(model, spoiled: int = 0) -> bool:
    return all(ask(STEPS, spoiled=spoiled) for ask in (model.begins, model.goes_on))


def test_offers_stand_and_broken_ones_are_seen(tmp_path):
    model = vector.model(tmp_path)
    assert proven(model)
    outputs = [each.name for each in offers(vector.unit()) if each.out]
    assert outputs == ["finished", *(f"request_{n}" for n in ("settings", "a", "b", "c")), "data_c"]
    for number in range(1, 2 * len(outputs) + 1):
        assert not model.goes_on(STEPS, spoiled=number), number


MUTANTS = {
    "affine_withdrawn": ("unit", "| (asks & ~self.request_settings.ready)", ""),
    "affine_of_illegal_settings": (
        "unit",
        "self._begins & self._sound & self._norm",
        "self._begins & self._norm",
    ),
    "affine_of_all_functions": (
        "unit",
        "return said.function.matches(*codes) if codes else Const(0)",
        "return Const(1)",
    ),
    "record_withdrawn": ("settings", "self.start | (asks & ~self.request.ready)", "self.start"),
    "command_overwritten": ("unit", "with m.If(self.finished.ready):", "with m.If(1):"),
    "told_before_all_is_answered": ("results.writer", "& ~under_way.any()", ""),
    "told_before_the_last_row": ("results.writer", "ended & ~under_way", "~under_way"),
}
"""Mistakes in hardware: the module of the unit, and what stands there then."""


@pytest.mark.parametrize("mutant", MUTANTS)
def test_mutant_is_not_proven(mutant, tmp_path, monkeypatch):
    module, old, new = MUTANTS[mutant]
    infect(monkeypatch, f"gemmule.hw.soc.vector.{module}", old, new)
    assert not proven(vector.model(tmp_path))
