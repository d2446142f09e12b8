"""Regions of hand-written pages that code fills in, between two comments.

``<!-- name -->`` begins a region and ``<!-- end of name -->`` ends it. `python -m
gemmule.tb.docs.regions` writes them anew; a test compares.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from .papers import papers_table
from .picture import picture
from .tables import cells, functions

__all__ = ["FILES", "REGIONS", "ROOT", "filled", "region"]

ROOT = Path(__file__).resolve().parents[2]
"""The checkout. Installed as a wheel, there are no pages to fill."""

REGIONS: Mapping[str, Mapping[str, Callable[[], str]]] = {
    "hw/common/README.md": {
        "cells": lambda: cells("gemmule.hw.common"),
        "functions": lambda: functions("gemmule.hw.common"),
    },
    "gen/docs/papers.md": {"papers": papers_table},
}
"""File -> region -> what makes it."""

FILES: Mapping[str, Callable[[], str]] = {"gen/docs/picture.svg": picture}
"""File that is made whole -> what makes it."""


def filled(file: str, regions: Mapping[str, Callable[[], str]]) -> str:
    """Return the text of ``file`` with its ``regions`` written anew."""
    text = (ROOT / file).read_text()
    for name, make in regions.items():
        before, _, after = _parts(file, text, name)
        text = before + make() + after
    return text


def region(file: str, name: str) -> str:
    """Return what the region ``name`` of ``file`` holds now."""
    return _parts(file, (ROOT / file).read_text(), name)[1]


def _parts(file: str, text: str, name: str) -> tuple[str, str, str]:
    """Return what is before a region of ``text``, its mark included, the region, and the rest."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    if begin not in text or end not in text:
        raise ValueError(f"{file} has no region {name!r}")
    before, _, rest = text.partition(begin)
    body, _, after = rest.partition(end)
    return before + begin, body, end + after
