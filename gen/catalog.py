"""The one list of blocks."""

from dataclasses import replace
from functools import cache
from importlib import import_module

from gemmule.golden.common.errors import UsageError

from .block import Block

__all__ = ["FAMILIES", "catalog", "find"]

FAMILIES = ("systolic", "sparse", "conv", "nonlinear", "tokens", "soc")


@cache
def catalog() -> dict[str, Block]:
    """Return each block by its name; the families are imported when this is first asked for."""
    return {
        block.name: replace(block, family=family)
        for family in FAMILIES
        for block in import_module(f"{__package__}.blocks.{family}").BLOCKS
    }


def find(name: str) -> Block:
    """Return the block called ``name``; :class:`UsageError` lists the blocks if there is none."""
    if name not in catalog():
        raise UsageError(f"there is no block {name!r}; the blocks are {', '.join(catalog())}")
    return catalog()[name]
