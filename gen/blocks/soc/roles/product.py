"""The accelerator as `gemm`."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.block import Array, Arrays
from gemmule.gen.blocks.systolic.gemm import GemmAdapter, GemmRun
from gemmule.gen.blocks.systolic.product_adapter import SCALING, ScaledRun, given
from gemmule.gen.driver.accelerator import Accelerator
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import check_values
from gemmule.golden.systolic.gemm import check_shapes, gemm
from gemmule.hw.soc.params import AcceleratorParams

__all__ = ["Product", "scale_of"]

SCALE = (*SCALING, "a_zero_point", "b_zero_point")
"""Arrays beside the operands; settings by row are `gemm`'s alone."""

OPTIONS = {"--a-format": "--x-format", "--b-format": "--w-format"}
"""What options of `gemm` are called here."""


@dataclass(frozen=True, kw_only=True)
class ProductRun(GemmRun):
    """The run options of `gemm`, less what this hardware cannot do."""

    def check(self) -> None:
        super().check()
        if self.run_dataflow == "os":
            raise UsageError("--run-dataflow: the accelerator's array is weight-stationary, not os")
        if self.swap == "always":
            raise UsageError("--swap always needs settings by row, which gemm alone has")


class Product:
    """A product of a batch is a command; one doorbell rings for all of them."""

    Run = ProductRun
    inputs: tuple[Array, ...] = tuple(
        replace(each, format=OPTIONS.get(each.format, each.format))
        for each in GemmAdapter.inputs
        if not each.name.startswith("row_")
    )
    outputs = GemmAdapter.outputs

    def result(self, run: ProductRun) -> str:
        """Return the name of the array that a run gives."""
        return self.outputs[0].name

    def check(self, params: AcceleratorParams, run: ProductRun, arrays: Arrays) -> None:
        """Refuse wrong shapes and values before anything is computed or built."""
        a, b = np.shape(arrays["a"]), np.shape(arrays["b"])
        check_shapes(a, b, params.x_format, params.w_format, params.acc_width)
        formats = {"a": params.x_format, "b": params.w_format}
        for name, fmt in formats.items():
            check_values(name, arrays[name], fmt)
        if not params.b_zero_points and np.any(arrays.get("b_zero_point", 0)):
            raise UsageError("b_zero_point needs hardware with --b-zero-points true, not false")

    def golden(self, params: AcceleratorParams, run: ProductRun, arrays: Arrays) -> NDArray:
        """Return the product."""
        return gemm(
            arrays["a"],
            arrays["b"],
            a_format=params.x_format,
            b_format=params.w_format,
            acc_width=params.acc_width,
            multiplier_width=params.multiplier_width,
            max_shift=params.max_shift,
            **scale_of(run, arrays, SCALE),
        )

    def compute(self, accelerator: Accelerator, run: ProductRun, arrays: Arrays) -> NDArray:
        """Return the product by the driver."""
        a, b = arrays["a"], arrays["b"]
        return accelerator.gemm(a, b, timeout=1e9, **scale_of(run, arrays, SCALE))

    def room(
        self, params: AcceleratorParams, run: ProductRun, arrays: Arrays, result: NDArray
    ) -> int:
        """Count the bytes of memory that operands, settings and results may take."""
        a, b = arrays["a"], arrays["b"]
        size = 2 * (a.size * params.a_octets + b.size * params.b_octets + 4 * result.size)
        return size + 64 * b.shape[-1] * max(1, len(result.reshape(-1, *result.shape[-2:])))

    def macs(
        self, params: AcceleratorParams, run: ProductRun, arrays: Arrays, result: NDArray
    ) -> int:
        """Count the products."""
        return result.size * arrays["a"].shape[-1]


def scale_of(run: ScaledRun, arrays: Arrays, names: tuple[str, ...]) -> dict[str, Any]:
    """Return what follows the operands: the arrays of these names, and the options of a run."""
    options = {"rounding": run.rounding, "c_format": run.c_format, "clamp": run.clamp}
    return given(arrays, names) | options
