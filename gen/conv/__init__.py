"""Convolution, forward and backward."""

from .generators import GENERATORS

__all__ = ["BLOCKS"]

BLOCKS = (*GENERATORS,)
