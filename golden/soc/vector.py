"""Element by element or row by row, from memory to memory: what a VECTOR command does."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.common.formats import Format
from gemmule.golden.common.requantize import ROUNDINGS, Requantization

from .check import operands
from .commands import AFFINE, SIGNS, TRANSPOSED, VECTOR, Cause, Combine, VectorFunction
from .failure import Failure
from .functions import NORMS, WHOLE, VectorHardware
from .hardware import Hardware
from .memory import BusError, MemoryImage

__all__ = ["LOG2", "SMALL", "legal", "vector"]

SMALL = Format(signed=True, width=17)
"""Of zero points and of the factors of a sum."""

LOG2 = 1 << len(SIGNS)
"""The bit of ``signs`` that asks for logarithms."""

Integers = NDArray[np.int64]


def vector(command: Mapping[str, int], memory: MemoryImage, hardware: Hardware) -> None:
    """Carry out a VECTOR command that passed :func:`~.check.refusal`.

    ``c = clamp(round(y * result_multiplier / 2**result_shift) + zero_point)`` with
    ``y = function(t)``, ``t = clamp(round(z * multiplier / 2**shift) + offset)`` to what the
    function takes, 32 bits without one, and ``z`` as :class:`~.commands.Combine` says. Without a
    function, ``result_multiplier`` of 1 and ``result_shift`` of 0 leave a single rounding. Of ``c``
    the low bytes are written that ``c_size`` asks for.

    Raises
    ------
    Failure
        As of :func:`~.product.product`.
    """
    unit = hardware.vector
    assert unit is not None
    matrices = operands(command, hardware)
    try:
        record = VECTOR.decode(memory.read(command["settings"], VECTOR.size))
        sizes = {name: each.octets for name, each in matrices.items() if name in SIGNS}
        turned = bool(command["sizes"] & TRANSPOSED)
        if not legal(record, sizes, command["n"], hardware, turned=turned):
            raise Failure(Cause.SETTINGS, 0)
        name = unit.name(record["function"])
        affine = _affine(command, memory, unit) if name in NORMS else {}
        arrays = {
            each: memory.read_matrix(
                matrices[each],
                signed=bool(record["signs"] >> n & 1),
                width=8 * matrices[each].octets,
            )
            for n, each in enumerate(SIGNS)
            if each in matrices
        }
        z = _combine(record, arrays)
        t = _scale(record, hardware, unit.formats(name)[0])(z)
        y = _function(name, t, record, unit, arrays, affine)
        c = _result(record)(y)
        memory.write_matrix(matrices["c"], c.T if turned else c)
    except BusError as error:
        raise Failure(error.cause, error.address) from error


def legal(
    record: Mapping[str, int],
    sizes: Mapping[str, int],
    columns: int,
    hardware: Hardware,
    *,
    turned: bool = False,
) -> bool:
    """Return whether the unit can do what a record asks for, with elements of these sizes.

    ``turned``: the command says that c is [N, M].
    """
    unit, combine, function = hardware.vector, record["combine"], record["function"]
    assert unit is not None
    if combine not in set(Combine) or not unit.has(function):
        return False
    name = unit.name(function)
    two = combine not in (Combine.NONE, Combine.MASK)
    small = ("a_zero_point", "b_zero_point", "a_multiplier", "b_multiplier")
    return (
        ("b" in sizes) == (combine != Combine.NONE)
        and turned == (function == VectorFunction.TRANSPOSE)
        and not (turned and "b" in sizes)
        and not (two and sizes["a"] > 2)
        and sizes.get("b", 1) <= 2
        and (combine != Combine.MASK or name == "softmax")
        and record["rounding"] < len(ROUNDINGS)
        and record["signs"] <= (2 * LOG2 - 1 if name == "softmax" else LOG2 - 1)
        and not any(record[each.name] for each in VECTOR.entries if each.reserved)
        and all(SMALL.low <= record[each] <= SMALL.high for each in small)
        and max(record["multiplier"], record["result_multiplier"]) < 1 << hardware.multiplier_width
        and max(record["shift"], record["result_shift"]) <= hardware.max_shift
        and record["low"] <= record["high"]
        and unit.legal(name, record, columns)
    )


def _affine(
    command: Mapping[str, int], memory: MemoryImage, unit: VectorHardware
) -> dict[str, Integers]:
    """Return gamma and beta, which stand behind the settings."""
    columns, size = command["n"], AFFINE.size
    octets = memory.read(command["settings"] + VECTOR.size, columns * size)
    each = [AFFINE.decode(octets[at : at + size]) for at in range(0, len(octets), size)]
    return {
        "gamma": unit.gamma_format.wrapped([one["gamma"] for one in each]),
        "beta": unit.beta_format.wrapped([one["beta"] for one in each]),
    }


def _combine(record: Mapping[str, int], arrays: Mapping[str, Integers]) -> Integers:
    """Return z."""
    combine, a = record["combine"], arrays["a"] - record["a_zero_point"]
    if combine in (Combine.NONE, Combine.MASK):
        return a
    b = arrays["b"] - record["b_zero_point"]
    if combine == Combine.ADD:
        return a * record["a_multiplier"] + b * record["b_multiplier"]
    joined = {Combine.MULTIPLY: np.multiply, Combine.MAXIMUM: np.maximum}
    return joined.get(Combine.of(combine), np.minimum)(a, b)


def _scale(record: Mapping[str, int], hardware: Hardware, fmt: Format) -> Requantization:
    """Return how z becomes what the function takes."""
    return _requantization(record, "multiplier", "shift", record["offset"], fmt.low, fmt.high, fmt)


def _result(record: Mapping[str, int]) -> Requantization:
    """Return how what the function gives becomes the result."""
    names = "result_multiplier", "result_shift"
    return _requantization(
        record, *names, record["zero_point"], record["low"], record["high"], WHOLE
    )


def _requantization(
    record: Mapping[str, int],
    multiplier: str,
    shift: str,
    zero_point: int,
    low: int,
    high: int,
    fmt: Format,
) -> Requantization:
    return Requantization(
        bias=np.zeros(1, np.int64),
        multiplier=np.array([record[multiplier]], np.int64),
        shift=np.array([record[shift]], np.int64),
        zero_point=zero_point,
        rounding=ROUNDINGS[record["rounding"]],
        format=fmt,
        low=low,
        high=high,
    )


def _function(
    name: str,
    x: Integers,
    record: Mapping[str, int],
    unit: VectorHardware,
    arrays: Mapping[str, Integers],
    affine: Mapping[str, Integers],
) -> Integers:
    """Return y."""
    if name in ("none", "transpose"):
        return x
    if name == "softmax":
        mask = arrays["b"] != 0 if record["combine"] == Combine.MASK else None
        log2 = bool(record["signs"] & LOG2)
        return unit.softmax(x, mask=mask, code=record["delta"], log2=log2)
    if name in NORMS:
        return unit.normalize(name, x, affine, record["epsilon"])
    return unit.elementwise(name)(x)
