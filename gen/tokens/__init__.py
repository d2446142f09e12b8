"""Token selection: score, select, pack."""

from .packing import SELECTOR, TOKEN_PACK
from .select import TOKEN_SELECT

__all__ = ["BLOCKS"]

BLOCKS = (TOKEN_SELECT, TOKEN_PACK, SELECTOR)
