"""Functions of each element, softmax, layer normalization."""

from .elementwise import ELEMENTWISE
from .layernorm import LAYERNORM
from .softmax import SOFTMAX

__all__ = ["BLOCKS"]

BLOCKS = (*ELEMENTWISE, SOFTMAX, LAYERNORM)
