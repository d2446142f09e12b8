"""Division of integers, rounded half to even."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["divide_half_even"]


def divide_half_even(numerator: ArrayLike, denominator: ArrayLike) -> NDArray[np.int64]:
    """Divide ``numerator`` to the nearest integer, ties to the even one; 0 over 0 is 0.

    ``denominator`` is not negative, and twice either operand must fit int64. Whatever is divided
    by zero gives 0.

    Examples
    --------
    >>> divide_half_even([-3, -1, 1, 3, 5], 2)
    array([-2,  0,  0,  2,  2])
    >>> divide_half_even([7, 0], 0)
    array([0, 0])
    """
    numerator = np.asarray(numerator, dtype=np.int64)
    denominator = np.asarray(denominator, dtype=np.int64)
    divisor = np.where(denominator == 0, 1, denominator)
    quotient, remainder = np.divmod(numerator, divisor)
    above = 2 * remainder - divisor
    up = (above > 0) | ((above == 0) & (quotient & 1 == 1))
    return np.where(denominator == 0, 0, quotient + up)
