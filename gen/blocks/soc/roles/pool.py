"""The accelerator as `pool`, no block of its own: the vector unit goes over windows."""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.block import Array, Arrays
from gemmule.gen.blocks.systolic.product_adapter import ScaledRun
from gemmule.gen.driver.accelerator import Accelerator
from gemmule.gen.driver.buses.golden import GoldenBus
from gemmule.gen.driver.job import Job
from gemmule.gen.driver.vector.stored import smallest
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.options import option
from gemmule.golden.pool.pooling import average_pool, max_pool
from gemmule.golden.pool.window import Side, sides_of
from gemmule.hw.soc.params import AcceleratorParams

from .product import scale_of
from .role import VectorRole, check_unit

__all__ = ["Pool"]

SPARE = 1 << 16
"""Bytes beyond what maps take: rings, settings."""

MAPS = 32
"""Bytes of memory that an element of a padded map may need: it, its sums in two parts of two bytes,
each of them before and after a pass, the result and the settings' columns."""

SCALE = tuple(
    Array(name, "[1]", fmt, text, optional=True)
    for name, fmt, text in (
        ("multiplier", "u(--multiplier-width)", "of requantization; 1 if left out"),
        ("shift", "0..--max-shift", "of requantization"),
        ("x_zero_point", "s17", "value that stands for 0 in x, and in its padding"),
        ("zero_point", "--c-format", "added after scaling"),
    )
)


NUMBERS = ("multiplier", "shift", "x_zero_point")
"""What golden takes as numbers."""


@dataclass(frozen=True, kw_only=True)
class PoolRun(ScaledRun):
    """The run options of pooling; numbers are one, or one for each axis of space."""

    kind: str = option(
        "max", choices=("max", "average", "global"), help="what of each window; global: its mean"
    )
    kernel: tuple[int, ...] | None = option(None, low=1, help="size of windows; not of global")
    stride: tuple[int, ...] = option((1,), low=1, help="one number or one per axis")
    padding: tuple[int, ...] = option((0,), low=0, help="begins first, then ends: t,l,b,r")
    dilation: tuple[int, ...] = option((1,), low=1, help="one number or one per axis")
    ceil_mode: bool = option(False, help="a last window may reach beyond the padding")
    count_padding: bool = option(False, help="of average: the padding counts, as zeros")

    def check(self) -> None:
        """Refuse windows of whole maps that are told more, and others that are not told enough."""
        if self.kind != "global" and self.kernel is None:
            raise UsageError(f"--kind {self.kind} needs --kernel, for example --kernel 2")
        if self.kind == "global" and self.window != {**PoolRun(kernel=(1,)).window, "kernel": None}:
            raise UsageError("--kind global takes whole maps: no --kernel and what goes with it")
        if self.kind != "average" and self.count_padding:
            raise UsageError(f"--count-padding true is of --kind average, not of {self.kind}")

    @property
    def window(self) -> dict[str, Any]:
        """The options that say where windows are."""
        names = ("kernel", "stride", "padding", "dilation", "ceil_mode")
        return {name: getattr(self, name) for name in names}


class Pool(VectorRole):
    """The greatest element or the mean of each window of feature maps."""

    Run = PoolRun
    inputs = (
        Array("x", "[N, C, W], [N, C, H, W] or [N, C, D, H, W]", "s8, u8, s16, u16", "maps"),
        *SCALE,
    )
    outputs = (Array("y", "[N, C, ...]", "--c-format", "the pooled maps"),)

    def check(self, params: AcceleratorParams, run: PoolRun, arrays: Arrays) -> None:
        """Refuse what the driver refuses: it is asked, without any hardware."""
        check_unit(params, "pool")
        bus = GoldenBus(params.hardware, size=SPARE + self._octets(run, arrays))
        with Accelerator(bus) as accelerator:
            self._begin(accelerator, run, arrays)

    def golden(self, params: AcceleratorParams, run: PoolRun, arrays: Arrays) -> NDArray:
        """Return the formula's result."""
        x = np.asarray(arrays["x"])
        options: dict[str, Any] = run.window | {"kernel": run.kernel or x.shape[2:]}
        options |= self._scale(run, arrays)
        options |= {name: int(np.asarray(arrays[name]).item()) for name in {*NUMBERS} & {*arrays}}
        options["c_format"] = run.c_format or ("s8" if "multiplier" in arrays else smallest(x))
        if run.kind == "max":
            return max_pool(x, **options)
        options |= {"multiplier_width": params.multiplier_width, "max_shift": params.max_shift}
        return average_pool(x, count_padding=run.count_padding, **options)

    def compute(self, accelerator: Accelerator, run: PoolRun, arrays: Arrays) -> NDArray:
        """Return the driver's result, channels second."""
        return np.moveaxis(super().compute(accelerator, run, arrays), -1, 1)

    def room(self, params: AcceleratorParams, run: PoolRun, arrays: Arrays, result: NDArray) -> int:
        """Count the bytes of memory that maps may take."""
        return self._octets(run, arrays)

    def _begin(self, accelerator: Accelerator, run: PoolRun, arrays: Arrays) -> Job:
        x = np.moveaxis(np.asarray(arrays["x"]), 1, -1)
        scale = self._scale(run, arrays)
        if run.kind == "global":
            return accelerator.jobs.global_average_pool(x, **scale)
        if run.kind == "max":
            return accelerator.jobs.max_pool(x, **run.window, **scale)
        padding = run.count_padding
        return accelerator.jobs.average_pool(x, **run.window, count_padding=padding, **scale)

    def _scale(self, run: PoolRun, arrays: Arrays) -> dict[str, Any]:
        return scale_of(run, arrays, tuple(each.name for each in SCALE))

    def _octets(self, run: PoolRun, arrays: Arrays) -> int:
        shape = np.shape(arrays["x"])
        if not 3 <= len(shape) <= 5:
            raise UsageError(
                f"x must have shape [N, C, W], [N, C, H, W] or [N, C, D, H, W], not {list(shape)}"
            )
        window = run.window | {"kernel": run.kernel or shape[2:]}
        sides: tuple[Side, ...] = sides_of(shape[2:], **window)
        return MAPS * prod(shape[:2]) * prod(each.padded + each.stride for each in sides)
