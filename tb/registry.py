"""What the families offer by name: benchmarks, and stimuli for `gemmule verify`.

A family's ``tb/<family>/__init__.py`` may have ``BENCHMARKS``, name -> module with ``SUMMARY`` and
``run(out, quick) -> rows``. Its ``stimuli.py`` has ``STIMULI``, block -> a function of params, run
options and a random generator that gives the arrays of one job: every block with an adapter has
one. Its ``faults.py`` may have ``TABLE``, block -> rows of :mod:`.common.fault_table`.
"""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from numpy.random import Generator
from numpy.typing import NDArray

from gemmule.gen.catalog import FAMILIES
from gemmule.golden.common.errors import UsageError

__all__ = ["benchmark_module", "benchmarks", "fault_tables", "stimuli", "stimulus"]

Stimulus = Callable[[Any, Any, Generator], dict[str, NDArray]]

FOLDERS = ("blocks", *FAMILIES, "tech")


def benchmarks() -> dict[str, str]:
    """Return the module's name of each benchmark."""
    families = [import_module(f"gemmule.tb.{folder}") for folder in FOLDERS]
    return {
        name: where for each in families for name, where in getattr(each, "BENCHMARKS", {}).items()
    }


def benchmark_module(name: str) -> ModuleType:
    """Import the module of one benchmark; :class:`UsageError` lists them where there is none."""
    found = benchmarks()
    if name not in found:
        raise UsageError(f"there is no benchmark {name!r}; the benchmarks are {', '.join(found)}")
    return import_module(found[name])


def stimuli() -> dict[str, Stimulus]:
    """Return for each block that can be verified the function that makes arrays for it."""
    tables = [import_module(f"gemmule.tb.{family}.stimuli").STIMULI for family in FAMILIES]
    return {block: function for table in tables for block, function in table.items()}


def stimulus(block: str) -> Stimulus:
    """Return the function that makes arrays for ``block``."""
    found = stimuli()
    if block not in found:
        raise LookupError(f"STIMULI in tb/<family>/stimuli.py makes no arrays for {block}")
    return found[block]


def fault_tables() -> dict[str, Any]:
    """Return for each block the wrong traffic that it is tried with, and what becomes of it."""
    names = [f"gemmule.tb.{folder}.faults" for folder in FOLDERS]
    tables = [import_module(name).TABLE for name in names if find_spec(name)]
    return {block: rows for table in tables for block, rows in table.items()}
