"""Integers as memory has them: of one, two or four bytes, with a sign or without."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gemmule.gen.driver.buffers import Buffer
from gemmule.gen.driver.device import Device
from gemmule.gen.driver.operands import array_of
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format, check_values

__all__ = ["Given", "smallest", "stored"]

Given = ArrayLike | Buffer
"""An operand."""

FORMATS = [Format(signed, width) for width in (8, 16, 32) for signed in (True, False)]


def stored(
    device: Device, name: str, given: Any, *, width: int = 32, fmt: Format | None = None
) -> NDArray:
    """Return an array as the hardware can read it, of elements of at most ``width`` bits.

    What it can read already stays as it is, of any other type are the fewest bytes that hold all
    values. Values that are not in ``fmt`` are refused, if there is one.
    """
    array = array_of(given)
    if not array.size:
        raise UsageError(f"{name} must hold at least one element, not shape {list(array.shape)}")
    if array.dtype.kind not in "iub":
        raise UsageError(f"{name} must hold integers, not {array.dtype}")
    if array.dtype.kind == "b":
        array, fmt = array.view(np.uint8), None
    own = next((each for each in FORMATS if each.dtype == array.dtype), None)
    own = own if own and own.width <= width else None
    if own and (fmt is None or fmt.low <= own.low <= own.high <= fmt.high):
        return array
    device.settle(array)
    check_values(name, array, fmt or Format(int(array.min()) < 0, width))
    return array if own else array.astype(smallest(array).dtype)


def smallest(array: NDArray) -> Format:
    """Return the format of integers of up to 32 bits as memory has them: their own type's.

    Of any other type it has the fewest bytes that hold all values, signed if both will do.
    """
    own = next((each for each in FORMATS if each.dtype == array.dtype), None)
    if own:
        return own
    low, high = int(array.min()), int(array.max())
    return next(each for each in FORMATS if each.low <= low <= high <= each.high)
