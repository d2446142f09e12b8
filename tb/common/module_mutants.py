"""Broken copies of our modules, to see that a test fails on them."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

__all__ = ["infect", "mutant"]


def mutant(name: str, old: str, new: str) -> ModuleType:
    """Return the module ``name`` with ``new`` in place of ``old``, which it holds once."""
    original = importlib.import_module(name)
    text = Path(original.__file__).read_text()
    assert text.count(old) == 1
    broken = ModuleType(original.__name__)
    broken.__package__ = original.__package__
    broken.__file__ = original.__file__
    exec(compile(text.replace(old, new), f"mutant of {name}", "exec"), broken.__dict__)
    return broken


def infect(monkeypatch: pytest.MonkeyPatch, name: str, old: str, new: str) -> None:
    """Let everything that uses the module ``name`` use the mutant instead.

    That is modules that imported from it, and classes that keep a class of it as an attribute.
    """
    original, broken = importlib.import_module(name), mutant(name, old, new)
    healthy = {public: getattr(original, public) for public in broken.__all__}
    users = [module for n, module in sys.modules.items() if n.startswith("gemmule.") and module]
    users += [each for user in users for each in vars(user).values() if isinstance(each, type)]
    for user in users:
        for held, value in list(vars(user).items()):
            for public, good in healthy.items():
                if value is good:
                    monkeypatch.setattr(user, held, getattr(broken, public))
