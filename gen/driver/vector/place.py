"""Operands where the hardware can walk over them: as they lie, or copied as little as will do."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.driver.device import Device
from gemmule.gen.driver.job import Owned
from gemmule.gen.driver.operands import Operand, shared
from gemmule.golden.common.errors import UsageError

from .rows import Rows, rows_of

__all__ = ["place"]


def place(
    device: Device,
    target: Operand,
    arrays: Sequence[NDArray],
    *,
    whole: bool,
    own: list[Owned],
) -> tuple[list[Operand], list[Rows]]:
    """Return the operands, and rows of the target and of each of them; copies join ``own``.

    An array stays where it is if it can. Else its own elements are copied, and at last all that
    broadcasting makes of them. A single element beside many becomes a row.
    """
    shape = target.array.shape
    single = [each.size == 1 < target.array.size and not whole for each in arrays]
    ways = [
        _ways(device, each, shape, own) for each, one in zip(arrays, single, strict=True) if not one
    ]
    found = [next(each) for each in ways]

    def rows(*operands: Operand) -> list[Rows] | None:
        return rows_of([target.array, *(each.array for each in operands)], whole=whole)

    # Each with the target alone, then all together: a copy of the later ones is rather made.
    for together in (False, True):
        for index in reversed(range(len(found))):
            while rows(*(found if together else [found[index]])) is None:
                other = next(ways[index], None)
                if other is None:
                    break
                found[index] = other
    walked = rows(*found)
    if walked is None:
        raise UsageError(f"operands of shape {list(shape)} are too large for commands")
    return _with_singles(device, arrays, single, found, walked, own)


def _ways(
    device: Device, array: NDArray, shape: tuple[int, ...], own: list[Owned]
) -> Iterator[Operand]:
    """Yield an array, broadcast, in the ways in which it can be given, the least work first."""
    sides = (1,) * (len(shape) - array.ndim) + array.shape
    there = shared(device.pool, array, array.dtype)
    if there is not None:
        yield Operand(np.broadcast_to(array, shape), there.address, device.pool)
    lead = next((axis for axis, size in enumerate(sides) if size != 1), len(sides))
    for repeated in sorted({lead, 0}, reverse=True):
        copied = _copy(device, array, (1,) * repeated + shape[repeated:], own)
        yield Operand(np.broadcast_to(copied.array, shape), copied.address, device.pool)


def _copy(device: Device, array: NDArray, shape: tuple[int, ...], own: list[Owned]) -> Operand:
    """Return elements in memory of their own, repeated to a shape."""
    device.settle(array)
    buffer = device.alloc(shape, array.dtype)
    own.append(buffer)
    buffer.array[...] = array
    return Operand(buffer.array, buffer.address, device.pool)


def _with_singles(
    device: Device,
    arrays: Sequence[NDArray],
    single: Sequence[bool],
    found: list[Operand],
    walked: list[Rows],
    own: list[Owned],
) -> tuple[list[Operand], list[Rows]]:
    """Return operands and rows with those of single elements, each a row that meets all rows."""
    others = iter(found)
    longest = max(each.n for each in walked)
    operands = [
        _copy(device, array.reshape(()), (longest,), own) if one else next(others)
        for array, one in zip(arrays, single, strict=True)
    ]
    rows = []
    for each in walked:
        steps = iter(zip(each.strides[1:], each.skips[1:], strict=True))
        pairs = [(0, 0) if one else next(steps) for one in single]
        strides, skips = zip((each.strides[0], each.skips[0]), *pairs, strict=True)
        rows.append(Rows(each.m, each.n, strides, skips))
    return operands, rows
