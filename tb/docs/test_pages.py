"""READMEs and pages: every link leads somewhere, every table is what the code says."""

import re
from pathlib import Path

import pytest
from amaranth import unsigned
from amaranth.lib import data
from amaranth.lib.wiring import Component

from gemmule.gen.docs.regions import FILES, ROOT
from gemmule.gen.docs.tables import ports, public
from gemmule.hw.common.requantize.params import RequantizerParams
from gemmule.hw.common.unused import looked_at
from gemmule.tb.docs.regions import REGIONS, filled

PAGES = sorted(
    path
    for folder in (".", "golden", "hw", "gen", "tb", "constraints", ".github")
    for path in (ROOT / folder).glob("*.md" if folder == "." else "**/*.md")
)

FAMILIES = ("common", "systolic", "sparse", "conv", "nonlinear", "tokens", "tech")


def links(text: str) -> list[str]:
    """Find the targets of Markdown links and pictures, those in code left out."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"`[^`\n]*`", "", text)
    return re.findall(r"\]\(([^)\s]+)\)", text)


def anchors(text: str) -> set[str]:
    """Return the anchors that GitHub makes of the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for link in links(page.read_text()):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_relative_to(ROOT), link
        assert target.exists(), f"{link}: there is no {target}"
        if anchor:
            assert anchor in anchors(target.read_text()), link


def test_the_link_checker_sees_a_dead_link():
    assert links("[a](b.md) `[c](d.md)`\n```\n[e](f.md)\n```\n![g](h.svg)\n") == ["b.md", "h.svg"]
    assert anchors("# The `a` and b\n## C-d, e") == {"the-a-and-b", "c-d-e"}


def test_the_top_readme_links_every_other_one():
    linked = {str(Path(link)) for link in links((ROOT / "README.md").read_text())}
    others = {str(page.relative_to(ROOT)) for page in PAGES if page.name == "README.md"}
    assert others - {"README.md"} <= linked


@pytest.mark.parametrize("file", REGIONS)
def test_tables_are_what_the_code_says(file):
    assert (ROOT / file).read_text() == filled(file), (
        "run `.venv/bin/python -m gemmule.tb.docs.regions`"
    )


@pytest.mark.parametrize("file", FILES)
def test_files_are_what_the_code_makes(file):
    assert (ROOT / file).read_text() == FILES[file](), (
        "run `.venv/bin/python -m gemmule.tb.docs.regions`"
    )


SAMPLES = {
    "shape": unsigned(8),
    "shapes": {"x": unsigned(8), "y": unsigned(4)},
    "layout": data.StructLayout({"word": 8, "lost": 1}),
    "params": RequantizerParams(lanes=2, row_sum_width=8, row_scales=True, keeps=True),
    "levels": 2,
    "count_width": 4,
    "address_width": 8,
}
"""An argument for each parameter of a component of `hw/common`; numbers not named here are 4."""


def test_the_ports_of_a_cell_are_those_that_it_describes():
    """A member that is missing in a docstring, or one too many, fails here."""
    seen = 0
    for _module, name, value in public("gemmule.hw.common"):
        if not (isinstance(value, type) and issubclass(value, Component)):
            continue
        words = value.__init__.__annotations__
        component = looked_at(value(**{word: SAMPLES.get(word, 4) for word in words}))
        # What an input is called where its user names it.
        given = SAMPLES["shapes"] if "shapes" in words else {}
        assert sorted({*ports(value), *given}) == sorted(component.signature.members), name
        seen += 1
    assert seen > 10


def test_every_family_has_a_readme():
    for family in FAMILIES:
        assert "## Decisions" in (ROOT / "hw" / family / "README.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_paths_in_code_are_there(page):
    """What pages name as `hw/...` or as `hw.common....` is in the checkout under that name."""
    if page.name == "CHANGELOG.md":
        return
    told = re.findall(r"`((?:golden|hw|gen|tb|constraints)/[\w/.]+)`", page.read_text())
    missing = [path for path in told if not (ROOT / path).exists()]
    assert not missing, missing
