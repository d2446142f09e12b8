"""The operations that a convolution has, and the methods by which the backward ones meet zeros."""

from collections.abc import Callable
from enum import Enum
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .convolution import forward, input_grad, transposed, weight_grad
from .geometry import Geometry

__all__ = ["Method", "Operation"]


class Operation(Enum):
    """One of the convolutions: its streamed operand ``a``, its other one ``b``, and its result.

    ``arrays`` and ``result`` are the users' names of ``a``, ``b`` and the result. ``maps`` says
    which maps of the geometry ``a`` and ``b`` are: the ``x`` of a transposed convolution is the
    ``dy`` of the geometry whose input gradient it is.

    Examples
    --------
    >>> Operation("transposed").arrays, Operation.TRANSPOSED.maps
    (('x', 'w'), ('dy', 'w'))
    >>> Operation("forwards")
    Traceback (most recent call last):
    ...
    ValueError: 'forwards' is not a valid Operation
    """

    FORWARD = "forward", ("x", "w"), "y", ("x", "w"), forward
    INPUT_GRAD = "input_grad", ("dy", "w"), "dx", ("dy", "w"), input_grad
    WEIGHT_GRAD = "weight_grad", ("x", "dy"), "dw", ("x", "dy"), weight_grad
    TRANSPOSED = "transposed", ("x", "w"), "y", ("dy", "w"), transposed

    arrays: tuple[str, str]
    result: str
    maps: tuple[str, str]
    _sums: Callable[..., NDArray[np.int64]]

    def __new__(
        cls,
        name: str,
        arrays: tuple[str, str],
        result: str,
        maps: tuple[str, str],
        sums: Callable[..., NDArray[np.int64]],
    ) -> Self:
        member = object.__new__(cls)
        member._value_ = name
        member.arrays, member.result, member.maps, member._sums = arrays, result, maps, sums
        return member

    @property
    def essence(self) -> "Operation":
        """The one of the three by which it is computed."""
        return Operation.INPUT_GRAD if self is Operation.TRANSPOSED else self

    @property
    def dataflow(self) -> str:
        """``"os"`` where sums stay in the array, and ``"ws"`` where weights do."""
        return "os" if self is Operation.WEIGHT_GRAD else "ws"

    @property
    def channel_axis(self) -> int:
        """The axis of the result that is requantized channel by channel."""
        return 0 if self is Operation.WEIGHT_GRAD else 1

    def channels(self, geometry: Geometry) -> int:
        """Return the channels of the result, which are columns of the array."""
        return geometry.channels if self.maps[0] == "dy" else geometry.filters

    def sums(
        self, geometry: Geometry, a: ArrayLike, b: ArrayLike, a_zero: int, b_zero: ArrayLike
    ) -> NDArray[np.int64]:
        """Return the result in exact integers; the zero points stand for 0 in ``a`` and ``b``."""
        names = (f"{name}_zero" for name in self.arrays)
        return self._sums(geometry, a, b, **dict(zip(names, (a_zero, b_zero), strict=True)))

    def products(self, geometry: Geometry) -> int:
        """Return how many products a sum has at most; padding and inserted zeros do not count."""
        count = {
            Operation.FORWARD: geometry.forward_products,
            Operation.INPUT_GRAD: geometry.input_grad_products,
            Operation.WEIGHT_GRAD: geometry.weight_grad_products,
        }[self.essence]
        return count()


class Method(Enum):
    """How a backward or transposed convolution meets the zeros between strides."""

    ZERO_FREE = "zero_free"
    """They are never met: ours."""
    BP_IM2COL = "bp_im2col"
    """They are masked beats (arXiv 2209.09434)."""
    EXPLICIT = "explicit"
    """They are stored in memory and read: the baseline."""
