"""The `gemm` block's arrays as beats, and its beats as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.block import Array, Arrays, Job
from gemmule.golden.common.formats import check_values
from gemmule.golden.common.options import option
from gemmule.golden.common.requantize import Requantization
from gemmule.golden.systolic.gemm import check_shapes, corrections, gemm
from gemmule.hw.systolic.params import GemmParams

from .product import GemmCall, check_order, check_sizes, orders
from .product_adapter import (
    BY_ROW,
    SCALING,
    ProductAdapter,
    ProductRun,
    batched,
    batched_rows,
    given,
)

__all__ = ["GemmAdapter", "GemmRun"]


@dataclass(frozen=True, kw_only=True)
class GemmRun(ProductRun):
    """The run options of the `gemm` block."""

    swap: str = option(
        "auto",
        choices=("auto", "never", "always"),
        help="swap the operands: send b transposed as operand a, and a as b, always, never, or"
        " where it takes fewer cycles (auto)",
    )


class GemmAdapter(ProductAdapter):
    """Arrays of the `gemm` block; :class:`golden.systolic.beats.Tiling` has the order of beats."""

    Run = GemmRun
    inputs = (
        Array("a", "[M, K] or [batch, M, K]", "--a-format", "left operand"),
        Array("b", "[K, N] or [batch, K, N]", "--b-format", "right operand"),
        Array("bias", "[N]", "s32", "added to the sums", optional=True),
        Array(
            "multiplier", "[1] or [N]", "u(--multiplier-width)", "of requantization", optional=True
        ),
        Array("shift", "[1] or [N]", "0..--max-shift", "of requantization", optional=True),
        Array("zero_point", "[1]", "--c-format", "added after scaling", optional=True),
        *(
            Array(name, "[M] or [batch, M]", fmt, help, optional=True)
            for name, fmt, help in (
                (
                    "row_multiplier",
                    "u(--multiplier-width)",
                    "factor of multiplier by row of c; needs --row-scales true",
                ),
                ("row_shift", "0..--max-shift", "added to shift by row of c"),
            )
        ),
        Array("a_zero_point", "[1]", "--a-format", "value that stands for 0 in a", optional=True),
        Array(
            "b_zero_point",
            "[1] or [N]",
            "--b-format",
            "value that stands for 0 in b",
            optional=True,
        ),
    )
    outputs = (Array("c", "[M, N] or [batch, M, N]", "--c-format", "the product, requantized"),)

    def check(self, params: GemmParams, run: GemmRun, arrays: Arrays) -> None:
        """Refuse wrong shapes, sizes, settings and swaps; then wrong values of the operands."""
        formats = params.a_format, params.b_format
        a, b = np.shape(arrays["a"]), np.shape(arrays["b"])
        check_shapes(a, b, *formats, params.acc_width)
        check_sizes(params, run.run_dataflow, M=a[-2], N=b[-1], K=a[-1])
        requantization, _, b_zero = self._scaling(params, run, arrays, _c_shape(a, b))
        check_order(params, run.swap, requantization, b_zero, requantization.bias)
        for name, fmt in zip(("a", "b"), formats, strict=True):
            check_values(name, arrays[name], fmt)

    def plan(self, params: GemmParams, run: GemmRun, arrays: Arrays) -> Job:
        """Multiply ``a`` and ``b``; each item of a batch is one command, back to back."""
        self.check(params, run, arrays)
        a, b = (np.asarray(arrays[name]).astype(np.int64) for name in ("a", "b"))
        shape = _c_shape(a.shape, b.shape)
        requantization, zeros, b_zero = self._scaling(params, run, arrays, shape)
        offset = corrections(b, bias=requantization.bias, **zeros)[0]
        lefts, rights = batched(a, b)
        offsets = batched_rows(offset, len(lefts))
        products = [
            GemmCall(left, right, channels, rows=rows)
            for left, right, channels, rows in zip(
                lefts, rights, offsets, _by_row(requantization, len(lefts)), strict=True
            )
        ]
        choices = [
            orders(params, run.swap, product, requantization, b_zero) for product in products
        ]
        golden = gemm(
            a,
            b,
            a_format=params.a_format,
            b_format=params.b_format,
            acc_width=params.acc_width,
            **zeros,
            **given(arrays, (*SCALING, *BY_ROW)),
            **self._settings(params, run),
        )
        return self.job(params, run, choices, requantization, b_zero, golden)


def _c_shape(a: Sequence[int], b: Sequence[int]) -> tuple[int, ...]:
    return (*np.broadcast_shapes(a[:-2], b[:-2]), a[-2], b[-1])


def _by_row(
    scale: Requantization, count: int
) -> Sequence[tuple[NDArray[np.int64], NDArray[np.int64]] | None]:
    """Return the settings by row of each of ``count`` products, if there are any."""
    if scale.row_multiplier is None or scale.row_shift is None:
        return [None] * count
    rows = (scale.row_multiplier, scale.row_shift)
    return list(zip(*(np.reshape(each, (count, -1)) for each in rows), strict=True))
