"""Regions of hand-written pages that code fills in, between two comments.

``<!-- name -->`` begins a region and ``<!-- end of name -->`` ends it. `python -m
gemmule.tb.docs.regions` writes them anew; a test compares.
"""

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from .papers import papers_table
from .picture import picture
from .tables import cells, functions

__all__ = ["FILES", "REGIONS", "ROOT", "filled"]

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
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        if begin not in text or end not in text:
            raise ValueError(f"{file} has no region {name!r}")
        pattern = f"({re.escape(begin)}).*?({re.escape(end)})"
        body = make()
        text = re.sub(pattern, partial(_between, body), text, flags=re.S)
    return text


def _between(body: str, match: re.Match[str]) -> str:
    return match[1] + body + match[2]
