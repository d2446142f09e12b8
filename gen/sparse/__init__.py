"""2:4 sparsity: format, pruning, arrays."""

from .prune24 import PRUNE24

__all__ = ["BLOCKS"]

BLOCKS = (PRUNE24,)
