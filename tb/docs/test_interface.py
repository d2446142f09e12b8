"""The data interface is written by hand; what it states is what the blocks say of themselves."""

import re

import pytest

from gemmule.gen.catalog import catalog
from gemmule.gen.docs.contract import contract
from gemmule.gen.docs.regions import ROOT

PAGE = ROOT / "gen" / "docs" / "interface.md"


def stated() -> dict[str, list[str]]:
    """Return for each block the rows of tables and the line of streams that the page has for it."""
    _head, *sections = re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)
    return {
        name: [line for line in body.splitlines() if line.startswith(("| `", "Streams in: "))]
        for name, _, body in (section.partition("\n") for section in sections)
    }


@pytest.mark.parametrize("name", [name for name in catalog() if name in stated()])
def test_the_interface_is_that_of_the_block(name):
    found = [
        line
        for line in contract(catalog()[name]).splitlines()
        if line.startswith(("| `", "Streams in: "))
    ]
    missing = [line for line in found if line not in stated()[name]]
    gone = [line for line in stated()[name] if line not in found]
    assert not missing, "the block has, and the page has not:\n" + "\n".join(missing)
    assert not gone, "users rely on, and the block has not:\n" + "\n".join(gone)
    assert found


def test_the_page_promises_no_block_that_is_not_there():
    assert set(stated()) <= {"In general"} | set(catalog())
    assert len(stated()) > 25
