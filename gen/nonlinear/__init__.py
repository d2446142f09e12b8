"""Functions of each element, softmax, layer normalization."""

from .elementwise import ELEMENTWISE

__all__ = ["BLOCKS"]

BLOCKS = ELEMENTWISE
