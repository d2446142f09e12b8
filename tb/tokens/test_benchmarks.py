"""The benchmark `heatvit`: it regenerates its table and plot, and selection pays."""

import pytest

from gemmule.gen.blocks.tokens.schedule.encoder import DEIT, LATENCY, SPVIT, Array
from gemmule.gen.catalog import find
from gemmule.golden.common.errors import UsageError
from gemmule.tb.common import minilm
from gemmule.tb.tokens import benchmark_minilm
from gemmule.tb.tokens.heatvit import benchmark_heatvit


def test_heatvit_regenerates_its_table_and_plot(tmp_path):
    rows = benchmark_heatvit.run(tmp_path, quick=True)
    assert (tmp_path / "heatvit.png").stat().st_size > 10_000
    assert {row["model"] for row in rows} > set(DEIT)
    # Cycles fall by 0.95 of what the blocks' MACs fall by, classifiers and selectors included.
    selected = [row for row in rows if row.get("keep") == "SPViT"]
    assert len(selected) == len(DEIT) * len(benchmark_heatvit.ARRAYS)
    for row in selected:
        assert row["cycles / MACs saved"] >= 0.95
        assert row["with classifier"] > row["cycles / MACs saved"]


def test_units_between_products_are_no_slower():
    units = (find(name) for name in ("softmax", "layernorm", "gelu"))
    assert max(unit.component(unit.params()).latency for unit in units) == LATENCY


def test_tokens_of_each_block():
    counts = list(DEIT["DeiT-T"].counts(SPVIT))
    assert counts == [197] * 3 + [123] * 3 + [75] * 3 + [29] * 3
    dense = Array(16, 16).encoder(DEIT["DeiT-T"])
    assert dense["macs"] == 12 * 197 * (12 * 192 * 192 + 2 * 197 * 192)


def test_minilm_keeps_its_meaning(tmp_path):
    """All tokens through the blocks change nothing but their 8 bits; half of them, not much."""
    if not minilm.available():
        with pytest.raises(UsageError, match="pip install"):
            benchmark_minilm.run(tmp_path, quick=True)
        return
    everything, half = benchmark_minilm.run(tmp_path, quick=True)
    assert everything["cosine"] > 0.999
    assert half["cosine"] > half["random tokens"]
    assert (tmp_path / "minilm-tokens.png").stat().st_size > 10_000
