"""Convolution, forward and backward."""

from .convolution import CONVOLUTIONS
from .generators import GENERATORS

__all__ = ["BLOCKS"]

BLOCKS = (*CONVOLUTIONS, *GENERATORS)
