"""References in docstrings: what stands in another package is there, and has its role."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from gemmule.gen.docs.regions import ROOT

FILES = sorted(path for floor in ("golden", "hw", "gen") for path in (ROOT / floor).rglob("*.py"))

ROLE = re.compile(r":(\w+):`((?:golden|hw|gen)\.[\w.]+)`")
BARE = re.compile(r"(?<![`:\w])``?((?:golden|hw|gen)\.[\w.]+)``?(?!`)")


def docstrings(path: Path) -> Iterator[str]:
    """Yield the docstrings of a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            yield ast.get_docstring(node) or ""


def found(path: str) -> object:
    """Return what a dotted path names; an exception where it names nothing."""
    value, where = import_module("gemmule"), "gemmule"
    for name in path.split("."):
        where = f"{where}.{name}"
        try:
            value = getattr(value, name)
        except AttributeError:
            value = import_module(where)
    return value


def is_there(path: str) -> bool:
    """Tell whether a dotted path names something."""
    try:
        found(path)
    except ImportError:
        return False
    return True


@pytest.mark.parametrize("floor", ["golden", "hw", "gen"])
def test_what_a_docstring_names_in_another_package_is_there(floor):
    texts = [(path, text) for path in FILES for text in docstrings(path)]
    ours = [(path, text) for path, text in texts if path.relative_to(ROOT).parts[0] == floor]
    named = [(path, name) for path, text in ours for _, name in ROLE.findall(text)]
    assert named
    for path, name in named:
        assert found(name) is not None, f"{path}: {name}"
    bare = [(str(path), name) for path, text in ours for name in BARE.findall(text)]
    assert not [(path, name) for path, name in bare if is_there(name)]
