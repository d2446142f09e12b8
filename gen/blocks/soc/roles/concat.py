"""The accelerator as `concat`, no block of its own: each part goes to its place, scaled."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.block import Array, Arrays
from gemmule.gen.blocks.systolic.product_adapter import ScaledRun
from gemmule.gen.driver.accelerator import Accelerator
from gemmule.gen.driver.buses.golden import GoldenBus
from gemmule.gen.driver.job import Job
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.options import option
from gemmule.golden.soc.elements import concat
from gemmule.hw.soc.params import AcceleratorParams

from .product import scale_of
from .role import ROOM, VectorRole, check_unit

__all__ = ["Concat"]

SPARE = 1 << 16
"""Bytes beyond what arrays take: rings, settings."""

PARTS = 8

SCALE = tuple(
    Array(name, shape, fmt, text, optional=True)
    for name, shape, fmt, text in (
        ("multiplier", "[1] or [parts]", "u(--multiplier-width)", "of each part"),
        ("shift", "[1] or [parts]", "0..--max-shift", "of each part"),
        ("x_zero_point", "[1] or [parts]", "s17", "value that stands for 0 in each part"),
        ("zero_point", "[1]", "--c-format", "added after scaling"),
    )
)


@dataclass(frozen=True, kw_only=True)
class ConcatRun(ScaledRun):
    """The run options of a concatenation."""

    axis: int = option(1, low=-8, high=7, help="along which parts stand side by side")


class Concat(VectorRole):
    """Arrays side by side along an axis, each scaled to the result's."""

    Run = ConcatRun
    inputs = (
        *(
            Array(f"x{n}", "alike but for --axis", "s32, u32", f"part {n}", optional=n > 0)
            for n in range(PARTS)
        ),
        *SCALE,
    )
    outputs = (Array("c", "as the parts together", "--c-format", "the parts, requantized"),)

    def check(self, params: AcceleratorParams, run: ConcatRun, arrays: Arrays) -> None:
        """Refuse what the driver refuses: it is asked, without any hardware."""
        check_unit(params, "concat")
        size = SPARE + ROOM * sum(each.size for each in self._parts(arrays))
        with Accelerator(GoldenBus(params.hardware, size=size)) as accelerator:
            self._begin(accelerator, run, arrays)

    def golden(self, params: AcceleratorParams, run: ConcatRun, arrays: Arrays) -> NDArray:
        """Return the formula's result."""
        return concat(self._parts(arrays), run.axis, **self._scale(run, arrays))

    def _begin(self, accelerator: Accelerator, run: ConcatRun, arrays: Arrays) -> Job:
        return accelerator.jobs.concat(self._parts(arrays), run.axis, **self._scale(run, arrays))

    def _scale(self, run: ConcatRun, arrays: Arrays) -> dict[str, Any]:
        """Return what scales parts; without a scale they are s32, as everywhere."""
        scale = scale_of(run, arrays, tuple(each.name for each in SCALE))
        scale["c_format"] = run.c_format or ("s8" if "multiplier" in arrays else "s32")
        return scale

    def _parts(self, arrays: Arrays) -> list[NDArray]:
        there = [f"x{n}" in arrays for n in range(PARTS)]
        count = sum(there)
        if not all(there[:count]):
            raise UsageError(f"x{there.index(False)} is missing: parts are x0, x1 and so on")
        return [np.asarray(arrays[f"x{n}"]) for n in range(count)]
