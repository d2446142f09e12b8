"""Pages about the modules of `gen`: every public name, from its docstring."""

import ast
from collections.abc import Iterator
from importlib import import_module
from inspect import cleandoc, getsource
from itertools import pairwise
from pkgutil import walk_packages
from textwrap import indent

import gemmule.gen

__all__ = ["api_index", "api_page", "modules", "public_names"]

FRONT = ("generate", "simulate", "synthesize", "GoldenMismatch")
"""What most users need, and where it is imported from."""

OPTIONS = {"class": ("   :members:", "   :member-order: bysource")}
"""Of autodoc's directives."""


def modules() -> Iterator[str]:
    """Yield the modules of `gen` that have public names, packages before what they hold."""
    yield gemmule.gen.__name__
    for found in walk_packages(gemmule.gen.__path__, f"{gemmule.gen.__name__}."):
        if not found.name.endswith("__main__") and public_names(found.name):
            yield found.name


def public_names(module: str) -> list[str]:
    """Return what ``module`` offers under its own name: its ``__all__``, sorted."""
    return sorted(getattr(import_module(module), "__all__", ()))


def api_page(module: str) -> str:
    """Return the page of ``module`` in reStructuredText, for Sphinx's autodoc."""
    lines = [module, "=" * len(module), "", f".. automodule:: {module}", ""]
    lines += [f".. py:currentmodule:: {module}", ""]
    texts = _texts(module)
    for name in public_names(module):
        value = getattr(import_module(module), name)
        kind = _kind(value)
        if kind == "data":  # autodoc would print the docstring of its type where it has none
            text = texts.get(name) or f"A ``{type(value).__name__}``."
            text = f"An alias of ``{value}``." if hasattr(value, "__origin__") else text
            lines += [f".. py:data:: {name}", "", indent(text, "   "), ""]
        else:
            lines += [f".. auto{kind}:: {module}.{name}", *OPTIONS.get(kind, ()), ""]
    return "\n".join(lines) + "\n"


def _kind(value: object) -> str:
    if isinstance(value, type) and not hasattr(value, "__origin__"):
        return "exception" if issubclass(value, BaseException) else "class"
    return "function" if callable(value) and hasattr(value, "__code__") else "data"


def _texts(module: str) -> dict[str, str]:
    """Return what stands below assignments: the docstrings of constants."""
    body = ast.parse(getsource(import_module(module))).body
    found = {}
    for each, below in pairwise(body):
        target = each.targets[0] if isinstance(each, ast.Assign) else getattr(each, "target", None)
        if not isinstance(target, ast.Name) or not isinstance(below, ast.Expr):
            continue
        if isinstance(below.value, ast.Constant):
            found[target.id] = cleandoc(str(below.value.value))
    return found


def api_index() -> str:
    """Return the page that lists the modules."""
    front = "\n".join(f"- {{py:obj}}`gemmule.gen.{name}`" for name in FRONT)
    names = "\n".join(modules())
    return (
        "# Python interface\n\nMost users need these, from `gemmule.gen`:\n\n"
        f"{front}\n\nBelow, all that the modules of `gen` offer each other and you.\n\n"
        f"```{{toctree}}\n:maxdepth: 1\n\n{names}\n```\n"
    )
