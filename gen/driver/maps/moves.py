"""Maps that are joined, cut and made larger: elements that go elsewhere, scaled on the way."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.driver.device import Device
from gemmule.gen.driver.job import Job
from gemmule.gen.driver.vector.chain import apart, unit_of
from gemmule.gen.driver.vector.stored import Given, smallest
from gemmule.golden.common.errors import UsageError

from .stages import Stages

__all__ = ["concat", "cut", "resize"]

OWN = ("multiplier", "shift", "x_zero_point")
"""Options that each part of a concatenation may have for itself."""


def concat(
    device: Device, parts: Sequence[Given], axis: int, out: Any, options: Mapping[str, Any]
) -> Job:
    """Begin :func:`golden.soc.elements.concat`: a command for each part."""
    unit_of(device.hardware, "concat", "none")
    order, scale = apart(options)
    with Stages.begin(device) as stages:
        arrays = [stages.operand(f"x{n}", each, width=32) for n, each in enumerate(parts)]
        axis, shape = _joined(arrays, axis)
        own = [_own(scale, n, len(arrays)) for n in range(len(arrays))]
        formats = {smallest(each) for each in arrays}
        fmt = formats.pop() if len(formats) == 1 else None
        chains = [stages.chain(fmt=fmt, **each) for each in own]
        c = stages.target(out, shape, chains[0].format.dtype)
        at = 0
        for chain, each in zip(chains, arrays, strict=True):
            place = (slice(None),) * axis + (slice(at, at + each.shape[axis]),)
            stages.step(chain, c[place], each)
            at += each.shape[axis]
        return stages.launch(order)


def cut(device: Device, x: Given, index: Any, out: Any, options: Mapping[str, Any]) -> Job:
    """Begin ``x[index]``, scaled: one command where its rows are as far apart as each other."""
    unit_of(device.hardware, "slice", "none")
    order, scale = apart(options)
    with Stages.begin(device) as stages:
        array = stages.operand("x", x, width=32)
        try:
            seen = array[index]
        except IndexError as error:
            raise UsageError(f"slice: {error}") from None
        if not seen.size or not np.shares_memory(seen, array):
            raise UsageError("slice takes numbers and slices that leave at least an element")
        chain = stages.chain(fmt=smallest(array), **scale)
        c = stages.target(out, seen.shape, chain.format.dtype)
        stages.step(chain, c, seen)
        return stages.launch(order)


def resize(
    device: Device, x: Given, factors: Sequence[int], out: Any, options: Mapping[str, Any]
) -> Job:
    """Begin :func:`golden.soc.elements.resize`, channels last: a command for each repetition."""
    unit_of(device.hardware, "resize", "none")
    order, scale = apart(options)
    with Stages.begin(device) as stages:
        array = stages.operand("x", x, width=32)
        axes = array.ndim - 2
        factors = tuple(factors)
        if axes < 1 or len(factors) != axes or min(factors) < 1:
            raise UsageError(
                f"factors must be a number of at least 1 for each axis of space of x"
                f" {list(array.shape)}, not {list(factors)}"
            )
        chain = stages.chain(fmt=smallest(array), **scale)
        sides = [size * factor for size, factor in zip(array.shape[1:-1], factors, strict=True)]
        c = stages.target(out, (array.shape[0], *sides, array.shape[-1]), chain.format.dtype)
        for axis in reversed([n for n, factor in enumerate(factors, 1) if factor > 1]):
            factor = factors[axis - 1]
            shape = list(array.shape)
            shape[axis : axis + 1] = [shape[axis], factor]
            first = all(each == 1 for each in factors[: axis - 1])
            whole = first and c.flags.c_contiguous
            made = c.reshape(shape) if whole else stages.scratch.take(tuple(shape), c.dtype)
            stages.stage()
            for n in range(factor):
                stages.step(chain, made[(slice(None),) * (axis + 1) + (n,)], array)
            shape[axis : axis + 2] = [shape[axis] * factor]
            stages.scratch.give(array)
            array = c if whole else made.reshape(shape)
            chain = stages.chain(c_format=chain.format)
        if array is not c:
            stages.stage()
            stages.step(chain, c, array)
        return stages.launch(order)


def _joined(arrays: Sequence[NDArray], axis: int) -> tuple[int, tuple[int, ...]]:
    """Return the axis, counted from the first one, and the shape of all parts together."""
    if not arrays:
        raise UsageError("concat needs at least one part")
    first = arrays[0].shape
    if not -len(first) <= axis < len(first):
        raise UsageError(f"axis must be in {-len(first)}..{len(first) - 1}, not {axis}")
    axis %= len(first)
    for n, each in enumerate(arrays):
        if each.ndim != len(first) or any(
            a != b for at, (a, b) in enumerate(zip(each.shape, first, strict=True)) if at != axis
        ):
            raise UsageError(
                f"x{n} must have the shape of x0 {list(first)} but for axis {axis}, not"
                f" {list(each.shape)}"
            )
    whole = sum(each.shape[axis] for each in arrays)
    return axis, (*first[:axis], whole, *first[axis + 1 :])


def _own(scale: Mapping[str, Any], part: int, parts: int) -> dict[str, Any]:
    """Return the options of a part, each a number of its own or one for all."""
    found = dict(scale)
    for name in OWN:
        given = np.asarray(scale.get(name, 0)).reshape(-1)
        if scale.get(name) is not None and given.size not in (1, parts):
            raise UsageError(f"{name} must be 1 number or {parts}, not {given.size}")
        if scale.get(name) is not None:
            found[name] = given[part if given.size > 1 else 0]
    return found
