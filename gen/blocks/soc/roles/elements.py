"""The accelerator as `add`, `mul`, `requantize` and `transpose`, no blocks of their own."""

from contextlib import suppress
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.block import Array, Arrays
from gemmule.gen.blocks.systolic.product_adapter import ScaledRun
from gemmule.gen.driver.accelerator import Accelerator
from gemmule.gen.driver.buses.golden import GoldenBus
from gemmule.gen.driver.job import Job
from gemmule.golden.soc import elements
from gemmule.hw.soc.params import AcceleratorParams

from .product import scale_of
from .role import ROOM, VectorRole, check_unit

__all__ = ["Add", "Multiply", "Requantize", "Transpose"]

SPARE = 1 << 16
"""Bytes beyond what the arrays take: rings, settings."""

A, B = (
    Array(name, "any", "s8, u8, s16, u16", "operand; both broadcast as NumPy's do")
    for name in ("a", "b")
)
ZERO_A, ZERO_B = (
    Array(f"{name}_zero_point", "[1]", "s17", f"value that stands for 0 in {name}", optional=True)
    for name in ("a", "b")
)
FACTOR_A, FACTOR_B = (
    Array(f"{name}_multiplier", "[1]", "s17", f"factor of {name}; 1 if left out", optional=True)
    for name in ("a", "b")
)
MULTIPLIER = Array("multiplier", "[1]", "u(--multiplier-width)", "of requantization", optional=True)
SHIFT = Array("shift", "[1]", "0..--max-shift", "of requantization", optional=True)
ZERO = Array("zero_point", "[1]", "--c-format", "added after scaling", optional=True)


SCALES = ("a_multiplier", "b_multiplier", "multiplier", "shift")
"""Where one of them is given, results are s8 if nothing else is said, else s32."""


class Elements(VectorRole):
    """What is computed of each element by itself, without a function."""

    Run = ScaledRun
    outputs = (Array("c", "as the operands broadcast", "--c-format", "the result, requantized"),)
    name: ClassVar[str]
    method: ClassVar[str]
    function: ClassVar[str] = "none"
    wide: ClassVar[str] = "s32"
    operands: ClassVar[tuple[Array, ...]]
    scale: ClassVar[tuple[Array, ...]]

    @property
    def inputs(self) -> tuple[Array, ...]:
        """The operands, and what scales them."""
        return (*self.operands, *self.scale)

    def check(self, params: AcceleratorParams, run: ScaledRun, arrays: Arrays) -> None:
        """Refuse what the driver refuses: it is asked, without any hardware."""
        check_unit(params, self.name, self.function)
        bus = GoldenBus(params.hardware, size=_dry(self._given(arrays)))
        with Accelerator(bus) as accelerator:
            self._begin(accelerator, run, arrays)

    def golden(self, params: AcceleratorParams, run: ScaledRun, arrays: Arrays) -> NDArray:
        """Return the formula's result."""
        scale = self._options(run, arrays)
        scale["c_format"] = run.c_format or ("s8" if {*SCALES} & {*arrays} else self.wide)
        formula = getattr(elements, self.method)
        return formula(*self._given(arrays), **scale)

    def _begin(self, accelerator: Accelerator, run: ScaledRun, arrays: Arrays) -> Job:
        method = getattr(accelerator.jobs, self.method)
        return method(*self._given(arrays), **self._options(run, arrays))

    def _given(self, arrays: Arrays) -> list[NDArray]:
        return [np.asarray(arrays[each.name]) for each in self.operands]

    def _options(self, run: ScaledRun, arrays: Arrays) -> dict[str, Any]:
        return scale_of(run, arrays, tuple(each.name for each in self.scale))


class Add(Elements):
    """The scaled sum of two arrays."""

    name, method = "add", "add"
    operands = A, B
    scale = FACTOR_A, FACTOR_B, SHIFT, ZERO_A, ZERO_B, ZERO


class Multiply(Elements):
    """The scaled product of two arrays."""

    name, method = "mul", "multiply"
    operands = A, B
    scale = MULTIPLIER, SHIFT, ZERO_A, ZERO_B, ZERO


class Requantize(Elements):
    """An array scaled anew, such as sums of products."""

    name, method = "requantize", "requantize"
    operands = (replace(A, format="s32, u32", text="numbers of up to 32 bits"),)
    scale = MULTIPLIER, SHIFT, ZERO_A, ZERO


class Transpose(Requantize):
    """Matrices with rows and columns exchanged, of bytes."""

    name, method, function = "transpose", "transpose", "transpose"
    operands = (replace(A, shape="[..., M, N]", format="s32, u32", text="up to 32 bits"),)
    outputs = (Array("c", "[..., N, M]", "--c-format", "transposed, of at most 8 bits"),)
    wide = "s8"


def _dry(given: list[NDArray]) -> int:
    """Count the bytes that the driver's check needs, if the arrays broadcast at all."""
    with suppress(ValueError):
        return SPARE + ROOM * int(np.prod(np.broadcast_shapes(*(each.shape for each in given))))
    return SPARE
