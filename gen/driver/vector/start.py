"""A chain over arrays as a job: operands placed, settings written, commands handed over."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.driver.device import Device
from gemmule.gen.driver.job import Job, Owned, given_back
from gemmule.gen.driver.operands import (
    LARGEST_SIDE,
    Operand,
    has_rows,
    overlap,
    placed,
    shared,
    target_of,
)
from gemmule.golden.common.errors import UsageError
from gemmule.golden.soc.commands import SIGNS

from .chain import Chain
from .commands import command_of, settings_of, written
from .place import place
from .row import Row
from .rows import Rows, rows_of

__all__ = ["start", "start_turned"]


def start(
    device: Device,
    chain: Chain,
    arrays: Sequence[NDArray],
    out: Any,
    order: Mapping[str, int],
    row: Callable[[int], Row] | None = None,
) -> Job:
    """Begin a chain over one array or two, which broadcast; ``row`` is that of rows of a length."""
    shape, whole = _broadcast(arrays), row is not None
    if whole and not shape:
        raise UsageError("x must have rows: an axis at least, not shape []")
    more = row(shape[-1]) if row else Row({})
    own: list[Owned] = []
    with given_back(own):
        c = target_of(
            device.pool,
            out,
            shape,
            chain.format.dtype,
            lambda array: rows_of([array], whole=whole) is not None,
        )
        own.append(c)
        operands, walked = place(device, c, arrays, whole=whole, own=own)
        for name, each in zip(SIGNS, operands, strict=False):
            if overlap(c, each) and not _same(c, each):
                raise UsageError(
                    f"out must have no byte in common with {name}, or be {name} element for element"
                )
        return _launch(device, chain, c, operands, walked, own, order, more)


def start_turned(
    device: Device, chain: Chain, array: NDArray, out: Any, order: Mapping[str, int]
) -> Job:
    """Begin a chain whose result has the last two axes exchanged: a command for each matrix."""
    if array.ndim < 2 or max(array.shape[-2:]) > LARGEST_SIDE:
        raise UsageError(
            f"a must have shape [..., M, N], each in 1..{LARGEST_SIDE}, not {list(array.shape)}"
        )
    *batch, m, n = array.shape
    own: list[Owned] = []
    with given_back(own):
        c = target_of(device.pool, out, (*batch, n, m), chain.format.dtype, has_rows)
        own.append(c)
        if not has_rows(array) or shared(device.pool, array, array.dtype) is None:
            device.settle(array)
        a = placed(device.pool, array, array.dtype)
        own.append(a)
        if overlap(c, a):
            raise UsageError("out must have no byte in common with a")
        strides = c.array.strides[-2] if n > 1 else 0, a.array.strides[-2] if m > 1 else 0
        places = [
            [int(np.dot(index, each.array.strides[:-2])) for each in (c, a)]
            for index in np.ndindex(*batch)
        ]
        walked = [Rows(m, n, strides, tuple(skips)) for skips in places]
        return _launch(device, chain, c, [a], walked, own, order, Row({}))


def _launch(
    device: Device,
    chain: Chain,
    c: Operand,
    operands: Sequence[Operand],
    walked: Sequence[Rows],
    own: list[Owned],
    order: Mapping[str, int],
    row: Row,
) -> Job:
    """Write the settings, and hand over a command for some rows each."""
    columns = max(each.n for each in walked)
    record = written(device, [settings_of(chain, operands, row)], columns)
    own.append(record)
    for each in operands:
        each.for_device()
    commands = [command_of(c, operands, rows, record.address, chain.sizes) for rows in walked]
    return device.launch(commands, own, c, operands, order)


def _broadcast(arrays: Sequence[NDArray]) -> tuple[int, ...]:
    """Return the shape of all arrays together."""
    try:
        return np.broadcast_shapes(*(each.shape for each in arrays))
    except ValueError:
        a, b = (list(each.shape) for each in arrays)
        raise UsageError(f"b must broadcast with a of shape {a}, not have shape {b}") from None


def _same(c: Operand, operand: Operand) -> bool:
    """Return whether two operands are the same elements: each is read before it is written."""
    return (
        c.address == operand.address
        and c.array.strides == operand.array.strides
        and c.array.itemsize == operand.array.itemsize
    )
