"""Token selection: score, select, pack."""

from .packing import SELECTOR, TOKEN_PACK
from .score import TOKEN_SCORE
from .select import TOKEN_SELECT

__all__ = ["BLOCKS"]

BLOCKS = (TOKEN_SCORE, TOKEN_SELECT, TOKEN_PACK, SELECTOR)
