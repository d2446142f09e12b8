# amaranth: UnusedElaboratable=no
"""What a block offers and is not taken stands: for all inputs, illegal ones too, at all times."""

import pytest

from gemmule.gen.catalog import catalog
from gemmule.hw.common.unused import looked_at
from gemmule.tb.common.module_mutants import infect

from . import blocks
from .streams import offers

PROVEN = ("gelu", "rsqrt", "prune24", "im2col", "bp_im2col", "token_select", "token_pack")
"""Of those whose proofs take a second, one or two of each kind; `make test-full` proves all."""

QUICK = ("gelu", "im2col")
"""Those whose wrappers are broken in `make test`."""


def _full_but(quick, names):
    return [name if name in quick else pytest.param(name, marks=pytest.mark.full) for name in names]


def outputs(name: str) -> list[str]:
    """Return the names of what a block offers."""
    block = catalog()[name]
    component = looked_at(block.component(block.params(**blocks.PROOFS.get(name, {}))))
    return [each.name for each in offers(component) if each.out]


def proven(model, spoiled: int = 0) -> bool:
    return all(ask(blocks.STEPS, spoiled=spoiled) for ask in (model.begins, model.goes_on))


def test_every_block_is_proven_or_has_no_streams():
    assert sorted([*blocks.PROOFS, *blocks.WITHOUT]) == sorted(catalog())
    assert all(outputs(name) for name in blocks.PROOFS)
    assert not any(outputs(name) for name in blocks.WITHOUT)


def test_outputs_are_found():
    assert outputs("conv2d") == ["x_request", "w_request", "c_request", "c", "status", "counters"]
    buses = ["s_axi_b", "s_axi_r", "m_axi_aw", "m_axi_w", "m_axi_ar"]
    assert outputs("accelerator") == buses


@pytest.mark.parametrize("name", _full_but(PROVEN, blocks.PROOFS))
def test_offers_stand(name, tmp_path):
    assert proven(blocks.model(name, tmp_path))


@pytest.mark.full
def test_offers_of_the_accelerator_with_both_units_stand(tmp_path):
    model = blocks.model("accelerator", tmp_path, blocks.VECTOR_UNIT)
    assert proven(model)
    for number in range(1, 2 * len(outputs("accelerator")) + 1):
        assert not model.goes_on(blocks.STEPS, spoiled=number), number


@pytest.mark.parametrize("name", _full_but(QUICK, blocks.PROOFS))
def test_broken_output_is_seen(name, tmp_path):
    """A wrapper that breaks any one output, in either way, is not proven.

    The step of the induction is asked alone: it succeeds for the block itself, and nothing but the
    wrapper differs.
    """
    model = blocks.model(name, tmp_path)
    assert model.goes_on(blocks.STEPS, spoiled=0)
    for number in range(1, 2 * len(outputs(name)) + 1):
        assert not model.goes_on(blocks.STEPS, spoiled=number), number


MUTANTS = {
    "register_overwritten": (
        "prune24",
        "common.stream.skid",
        "with m.If(~full | self.o.ready)",
        "with m.If(1)",
    ),
    "status_overwritten": (
        "prune24",
        "common.stream.status",
        "with m.Elif(take | ~holds)",
        "with m.Else()",
    ),
    "status_withdrawn": (
        "im2col",
        "common.stream.status",
        "| (self.i.valid & ~(take & ~holds))",
        "",
    ),
    "place_lent_twice": (
        "gelu",
        "common.stream.credit_fifo",
        "self.room.eq(after != 0)",
        "self.room.eq(1)",
    ),
    "credit_given_twice": (
        "exp",
        "common.stream.credit_fifo",
        "free + leave - self.enter",
        "free + leave",
    ),
    "read_while_refused": (
        "tanh",
        "common.stream.credit_fifo",
        "start.eq(start + leave)",
        "start.eq(start + (queued != 0))",
    ),
    "more_than_lent": (
        "softmax",
        "nonlinear.row.sums",
        "return frame[0], frame[1]",
        "return frame[0] | frame[1], frame[1]",
    ),
    "row_overwritten": (
        "layernorm",
        "common.stream.credit_fifo",
        "end.eq(end + self.valid)",
        "end.eq(end + 1)",
    ),
    "walk_overwritten": (
        "zero_free",
        "conv.generator",
        "self.walk.valid & self.walk.ready)",
        "self.walk.valid)",
    ),
    "result_overwritten": ("gemm", "common.stream.fifo", "& (~self.o.valid | self.o.ready)", ""),
    "cleared_too_early": (
        "conv3d",
        "conv.control",
        "self.drained & (~self.pending | silent)",
        "(~self.pending | silent)",
    ),
    "reset_too_early": (
        "accelerator",
        "soc.control.supervisor",
        "with m.If(self.at_rest)",
        "with m.If(1)",
    ),
    "address_withdrawn": (
        "accelerator",
        "soc.dma.read",
        "(~asking | axi.arready) & bursts.room",
        "bursts.room",
    ),
    "kept_withdrawn": ("token_pack", "tokens.pack.stage", "with m.If(kept.ready)", "with m.If(1)"),
    "score_overwritten": ("token_score", "tokens.score.stage", "~scores.valid | scores.ready", "1"),
    "select_withdrawn": (
        "token_select",
        "tokens.select.stage",
        "with m.If(port.ready)",
        "with m.If(1)",
    ),
    "answer_withdrawn": ("accelerator", "soc.registers", "m.Elif(bus.rready)", "m.Else()"),
}
"""Mistakes in hardware: a block that sees each, its module in `hw`, and what stands there then."""


@pytest.mark.parametrize("mutant", _full_but(("place_lent_twice", "status_overwritten"), MUTANTS))
def test_mutant_is_not_proven(mutant, tmp_path, monkeypatch):
    name, module, old, new = MUTANTS[mutant]
    infect(monkeypatch, f"gemmule.hw.{module}", old, new)
    assert not proven(blocks.model(name, tmp_path))
