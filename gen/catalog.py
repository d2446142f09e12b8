"""The one list of blocks."""

from gemmule.golden.common.errors import UsageError

from .block import Block

__all__ = ["CATALOG", "find"]

CATALOG: dict[str, Block] = {}


def find(name: str) -> Block:
    """The block called ``name``; :class:`UsageError` lists the blocks where there is none."""
    if name not in CATALOG:
        raise UsageError(f"there is no block {name!r}; the blocks are {', '.join(CATALOG)}")
    return CATALOG[name]
