"""A chain over arrays as a job: operands placed, settings written, commands handed over."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.driver.buffers import Buffer
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
from gemmule.golden.soc.commands import AFFINE, NO_B, SIGNS, VECTOR, VERSION, Opcode

from .chain import Chain
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
    record = _record(device, chain, operands, row, max(each.n for each in walked))
    own.append(record)
    for each in operands:
        each.for_device()
    commands = [_command(c, operands, rows, record.address, chain.sizes) for rows in walked]
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


def _record(
    device: Device, chain: Chain, operands: Sequence[Operand], row: Row, columns: int
) -> Buffer:
    """Write the settings; the hardware checks that there is room for gamma and beta in any case."""
    buffer = device.alloc(VECTOR.size + columns * AFFINE.size, np.uint8)
    signs = sum((each.array.dtype.kind == "i") << at for at, each in enumerate(operands))
    fields = chain.record | row.fields | {"signs": signs | row.fields.get("signs", 0)}
    octets = VECTOR.encode(fields) + row.behind
    buffer.array[: len(octets)] = np.frombuffer(octets, np.uint8)
    buffer.for_device()
    return buffer


def _command(
    c: Operand, operands: Sequence[Operand], rows: Rows, settings: int, sizes: int
) -> dict[str, int]:
    """Return the command of some rows; ``sizes`` has what is no size of an element."""
    exponents = [each.array.itemsize.bit_length() - 1 for each in (c, *operands)]
    a_size, b_size = (*exponents[1:], NO_B)[:2]
    command = {
        "opcode": Opcode.VECTOR,
        "version": VERSION,
        "flags": 0,
        "c_size": exponents[0],
        "sizes": a_size | b_size << 2 | sizes,
        "settings": settings,
        "m": rows.m,
        "n": rows.n,
        "k": 0,
    }
    for name, each, stride, skip in zip(
        ("c", *SIGNS), (c, *operands), rows.strides, rows.skips, strict=False
    ):
        command |= {name: each.address + skip, f"{name}_stride": stride}
    return command
