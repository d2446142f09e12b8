"""The Python driver as a package carries it: its modules and those they import, and nothing else.

A board has NumPy; it has no Amaranth, and need not have all of Gemmule.
"""

import ast
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules

__all__ = ["FOLDER", "python_driver"]

FOLDER = "driver/python"
"""Where it lies in a package; what a program adds to its path."""

ROOT = "gemmule"
DRIVER, BUSES = "gemmule.gen.driver.accelerator", "gemmule.gen.driver.buses"
"""A module, and a package with all that is in it."""


@cache
def python_driver() -> dict[str, str]:
    """Return the text of each file, by its path in the package."""
    texts: dict[str, str] = {}
    names = [DRIVER, BUSES]
    while names:
        name = names.pop()
        found = _source(name)
        if found is None or found[0] in texts:
            continue
        path, text = found
        texts[path] = text
        names += _imported(name, text, package=path.endswith("__init__.py"))
        names.append(name.rpartition(".")[0])
        if name == BUSES:
            names += [f"{name}.{each.name}" for each in iter_modules(import_module(name).__path__)]
    return dict(sorted(texts.items()))


def _source(name: str) -> tuple[str, str] | None:
    """Return path and text of a module, or None where ``name`` is none or has no text."""
    try:
        spec = find_spec(name)
    except ModuleNotFoundError:  # what is in front of the last dot is no package
        return None
    if spec is None or not spec.origin:
        return None
    path = name.replace(".", "/")
    path += "/__init__.py" if spec.submodule_search_locations else ".py"
    return f"{FOLDER}/{path}", Path(spec.origin).read_text()


def _imported(name: str, text: str, *, package: bool) -> Iterator[str]:
    """Yield what of ours a module may import when it is imported, and names that are no module."""
    parts = name.split(".")
    for node in ast.parse(text).body:
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name.startswith(f"{ROOT}."))
        elif isinstance(node, ast.ImportFrom):
            up = node.level - package
            base = parts[: len(parts) - up] if node.level else []
            source = ".".join([*base, *filter(None, [node.module])])
            if source.startswith(f"{ROOT}."):
                yield source
                yield from (f"{source}.{each.name}" for each in node.names)
