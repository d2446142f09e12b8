"""Integers as memory has them: of one, two or four bytes, with a sign or without."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gemmule.gen.driver.buffers import Buffer
from gemmule.gen.driver.device import Device
from gemmule.gen.driver.operands import array_of
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format, check_values

__all__ = ["Given", "stored"]

Given = ArrayLike | Buffer
"""An operand."""

WIDTHS = (8, 16, 32)


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
    formats = [Format(signed, bits) for bits in WIDTHS if bits <= width for signed in (True, False)]
    own = next((each for each in formats if each.dtype == array.dtype), None)
    if own and (fmt is None or fmt.low <= own.low <= own.high <= fmt.high):
        return array
    device.settle(array)
    low, high = int(array.min()), int(array.max())
    check_values(name, array, fmt or Format(low < 0, width))
    if own:
        return array
    return array.astype(
        next(each.dtype for each in formats if each.low <= low <= high <= each.high)
    )
