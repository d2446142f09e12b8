"""Average pooling as commands: exact sums axis by axis, then one scale for each count of cells."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import groupby, product
from math import prod
from typing import Any

from numpy.typing import NDArray

from gemmule.gen.driver.device import Device
from gemmule.gen.driver.job import Job
from gemmule.gen.driver.vector.chain import apart, unit_of
from gemmule.gen.driver.vector.stored import Given
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format
from gemmule.golden.pool.pooling import window_scale
from gemmule.golden.pool.window import Side
from gemmule.golden.soc.commands import Combine

from .pool import Window
from .reduction import Pass, Reduction, planned, reduced
from .stages import Stages

__all__ = ["average_pool"]

S16 = Format(signed=True, width=16)
"""Of sums: what a command can add to others."""

SPLIT = 256
"""What the high part of a sum counts."""


def average_pool(
    device: Device,
    x: Given,
    window: Window,
    out: Any,
    options: Mapping[str, Any],
    *,
    count_padding: bool,
) -> Job:
    """Begin :func:`golden.pool.pooling.average_pool`, channels last."""
    unit_of(device.hardware, "average_pool", "none")
    order, scale = apart(options)
    with Stages.begin(device) as stages:
        array, sides, fmt, end, c = window.opened(stages, x, out, scale)
        zero = end.record["a_zero_point"]
        sums = Reduction(stages, Combine.ADD, S16, 0, zero)
        seen, passes = planned(array, sides, idempotent=False)
        before, split, after = _parted(passes, max(fmt.high - zero, zero - fmt.low), len(sides))
        parts = [reduced(sums, seen, before)]
        zero = 0 if before else zero
        if split:
            halves = _split(stages, parts[0], zero)
            parts = [reduced(replace(sums, zero=0), each, after) for each in halves]
            zero = 0
        said: dict[str, Any] = {"c_format": end.format}
        said |= {name: value for name, value in scale.items() if value is not None}
        said |= {"x_zero_point": zero} | ({"a_multiplier": SPLIT} if split else {})
        hardware = device.hardware
        stages.stage()
        for place, count in _regions(sides, padding=count_padding):
            factor, shift = window_scale(
                end.record["multiplier"],
                end.record["shift"],
                count,
                multiplier_width=hardware.multiplier_width,
                max_shift=hardware.max_shift,
            )
            last = said | {"multiplier": factor, "shift": shift}
            chain = stages.chain(Combine.ADD if split else Combine.NONE, **last)
            stages.step(chain, c[place], *(each[place] for each in parts))
        return stages.launch(order)


def _parted(passes: list[Pass], bound: int, axis: int) -> tuple[list[Pass], bool, list[Pass]]:
    """Return the passes before and after sums are split in two, and whether they are at all.

    ``bound`` is the greatest magnitude of what is summed; ``axis`` that of columns.
    """
    before: list[Pass] = []
    after: list[Pass] = []
    split = False
    for each in passes:
        cells = int(each.side.real.sum(1).max())
        if not split and bound * cells > S16.high:
            bound = max(bound // SPLIT + 1, SPLIT // 2)
            if each.padded:
                after.append(Pass(axis, Side(size=each.side.size, kernel=1), padded=False))
            split = True
        bound *= cells
        if bound > S16.high:
            raise UsageError(
                "average_pool: windows of so many elements have sums that are too large; pool in"
                " two steps"
            )
        (after if split else before).append(each)
    return before, split, after


def _split(stages: Stages, array: NDArray, zero: int) -> tuple[NDArray, NDArray]:
    """Make two of sums less ``zero``: ``high * 256 + low``."""
    high, low = (stages.scratch.take(array.shape, S16.dtype) for _ in range(2))
    less: dict[str, Any] = {"x_zero_point": zero, "c_format": S16}
    stages.stage()
    stages.step(stages.chain(multiplier=1, shift=SPLIT.bit_length() - 1, **less), high, array)
    stages.stage()
    stages.step(stages.chain(Combine.ADD, b_multiplier=-SPLIT, **less), low, array, high)
    stages.scratch.give(array)
    return high, low


def _regions(sides: tuple[Side, ...], *, padding: bool) -> Iterator[tuple[tuple[slice, ...], int]]:
    """Yield places of the result, all of whose windows count as many cells, and how many."""
    runs = []
    for side in sides:
        places = groupby(enumerate(side.counts(padding=padding).tolist()), lambda each: each[1])
        cut = [(count, [at for at, _ in group]) for count, group in places]
        runs.append([(slice(each[0], each[-1] + 1), count) for count, each in cut])
    for parts in product(*runs):
        yield (slice(None), *(part for part, _ in parts)), prod(n for _, n in parts)
