"""A product from memory to memory: what a GEMM command does."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.common.formats import Format
from gemmule.golden.common.requantize import ROUNDINGS, Requantization

from .check import operands
from .commands import COLUMN, SETTINGS, Cause, Columns, Flags
from .failure import Failure
from .hardware import Hardware
from .memory import BusError, Matrix, MemoryImage

__all__ = ["product"]

RESULT = Format(signed=True, width=32)

OFFSET = np.dtype("<i4")

COLUMN_FIELDS = [each.name for each in COLUMN.entries if not each.reserved]


def product(command: Mapping[str, int], memory: MemoryImage, hardware: Hardware) -> None:
    """Carry out a GEMM command that passed :func:`~.check.refusal`.

    ``c[m, n] = clamp(round((sum - zb[n] * rows[m] + offset[n]) * multiplier[n] / 2**shift[n]) +
    zero_point)``, where ``sum`` is that of the products ``a[m, k] * b[k, n]`` and ``rows`` that of
    ``a[m, k]``; of raw sums ``c[m, n] = clamp(sum)`` to 32 bits. Of ``c`` the low bytes are written
    that ``c_size`` asks for.

    Raises
    ------
    Failure
        Settings are illegal, or memory answered with an error. Here nothing is written then; the
        hardware may have written a part of ``c``. The address of a read is the first one that is
        not there, the hardware's that of its beat.
    """
    matrices = operands(command, hardware)
    try:
        requantize, zeros = _settings(command, memory, hardware)
        a = _elements(memory, matrices["a"], hardware.a_format)
        b = _elements(memory, matrices["b"], hardware.b_format)
        # Sums are below 2**50, so every partial sum is exact in float64, where BLAS is fast.
        sums = (a.astype(np.float64) @ b.astype(np.float64)).astype(np.int64)
        if requantize is None:
            sums = np.clip(sums, RESULT.low, RESULT.high)
        else:
            sums = requantize(sums - np.outer(a.sum(axis=1), zeros))
        memory.write_matrix(matrices["c"], sums)
    except BusError as error:
        raise Failure(error.cause, error.address) from error


def _elements(memory: MemoryImage, matrix: Matrix, fmt: Format) -> NDArray[np.int64]:
    return memory.read_matrix(matrix, signed=fmt.signed, width=fmt.width)


def _settings(
    command: Mapping[str, int], memory: MemoryImage, hardware: Hardware
) -> tuple[Requantization | None, NDArray[np.int64]]:
    """Return the requantization, None for raw sums, and the zero point of b of each column."""
    columns = command["n"]
    if command["flags"] & Flags.RAW:
        return None, np.zeros(columns, np.int64)
    record = SETTINGS.decode(memory.read(command["settings"], SETTINGS.size))
    behind = command["settings"] + SETTINGS.size
    reserved = any(record[each.name] for each in SETTINGS.entries if each.reserved)
    wrong = record["columns"] not in set(Columns) or record["rounding"] >= len(ROUNDINGS)
    if reserved or wrong or record["low"] > record["high"]:
        raise Failure(Cause.SETTINGS, 0)
    each = [{name: record[name] for name in COLUMN_FIELDS}] * columns
    if record["columns"] != Columns.ALL and not legal(record, hardware):
        raise Failure(Cause.SETTINGS, 0)
    if record["columns"] == Columns.OFFSETS:
        octets = memory.read(behind, OFFSET.itemsize * columns)
        offsets = np.frombuffer(octets, OFFSET)
        each = [{**one, "offset": int(offset)} for one, offset in zip(each, offsets, strict=True)]
    elif record["columns"] == Columns.ALL:
        octets = memory.read(behind, COLUMN.size * columns)
        each = [
            COLUMN.decode(octets[at : at + COLUMN.size])
            for at in range(0, len(octets), COLUMN.size)
        ]
        if not all(legal(one, hardware) for one in each):
            raise Failure(Cause.SETTINGS, 0)
    lists = {name: np.array([one[name] for one in each], np.int64) for name in COLUMN_FIELDS}
    requantize = Requantization(
        bias=lists["offset"],
        multiplier=lists["multiplier"],
        shift=lists["shift"],
        zero_point=record["zero_point"],
        rounding=ROUNDINGS[record["rounding"]],
        format=RESULT,
        low=record["low"],
        high=record["high"],
    )
    return requantize, lists["b_zero_point"]


def legal(column: Mapping[str, int], hardware: Hardware) -> bool:
    """Return whether the requantizer has a place for a column's settings."""
    zero, limit = column["b_zero_point"], 1 << hardware.b_format.width
    return (
        column["multiplier"] < 1 << hardware.multiplier_width
        and column["shift"] <= hardware.max_shift
        and -limit <= zero < limit
        and (hardware.b_zero_points or not zero)
        and not any(column[name] for name in ("reserved0", "reserved1") if name in column)
    )
