"""What the site is built from; `make docs` builds it, with warnings as errors."""

import ast
from pathlib import Path

import pytest

from gemmule.gen.catalog import catalog
from gemmule.gen.docs.api_page import api_page, modules
from gemmule.gen.docs.block_page import block_page
from gemmule.gen.docs.papers import FIGURES, PAPERS
from gemmule.gen.docs.regions import ROOT
from gemmule.tb.registry import benchmarks


def public(path: Path) -> list[str]:
    """Read the names in the ``__all__`` of a file, without importing it."""
    for each in ast.parse(path.read_text()).body:
        if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == "__all__":
            return ast.literal_eval(each.value)
    return []


def test_every_public_name_of_gen_has_a_place():
    pages = {module: api_page(module) for module in modules()}
    seen = 0
    for path in sorted((ROOT / "gen").rglob("*.py")):
        if path.stem == "__main__":
            continue
        parts = path.relative_to(ROOT).with_suffix("").parts
        module = ".".join(["gemmule", *parts]).removesuffix(".__init__")
        for name in public(path):
            places = (f":: {module}.{name}\n", f".. py:data:: {name}\n")
            assert any(place in pages[module] for place in places), f"{module}.{name}"
            seen += 1
    assert seen > 200


@pytest.mark.parametrize("name", ["gemm", "softmax", "im2col", "array"])
def test_a_block_page_says_what_the_block_does(name):
    block = catalog()[name]
    page = block_page(block)
    assert block.summary.splitlines()[0][:30] in page
    for wanted in ("## Hardware options", "## What it computes", "## Ports of the Verilog"):
        assert wanted in page
    for array in (*block.adapter.inputs, *block.adapter.outputs) if block.adapter else ():
        assert f"`{array.name}`" in page
    assert "{latency}" not in page


def test_there_is_a_row_for_each_system():
    assert len(PAPERS) == 32
    assert len({paper.name for paper in PAPERS}) == 32
    align = next(paper for paper in PAPERS if paper.name == "Align2LLaVA")
    assert "no hardware" in align.here
    assert align.blocks == ("token_select",)


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.name)
def test_what_is_here_is_here(paper):
    assert set(paper.blocks) <= set(catalog())
    assert set(paper.benchmarks) <= set(benchmarks())
    assert (paper.here == "nothing") == (not paper.blocks)
    assert paper.missing
    for figure in paper.figures:
        assert (figure.ours is None) == (not figure.benchmark)
        assert figure.benchmark in {"", *paper.benchmarks}
        assert figure.text().endswith(f"paper: {figure.theirs}")


def test_every_kept_table_is_used():
    used = {figure.benchmark for paper in PAPERS for figure in paper.figures}
    assert {path.stem for path in FIGURES.glob("*.json")} == used - {""}
