"""Arrays to verify the `gemm` block with when the user gives none."""

import numpy as np

from gemmule.gen.systolic.gemm import GemmRun, ProductRun
from gemmule.golden.common.formats import Format
from gemmule.hw.systolic.params import GemmParams, ProductParams
from gemmule.tb.common.stimulus import values

__all__ = ["gemm", "product", "scaled"]


def product(
    params: ProductParams, rng: np.random.Generator, shape: tuple[int, ...], *, batch: int = 0
) -> dict[str, np.ndarray]:
    """``a`` and ``b`` of ``shape`` (M, N, K), extremes first, perhaps a batch of them."""
    m, n, k = shape
    many = (batch,) if batch else ()
    return {
        "a": values(rng, params.a_format, (*many, m, k)),
        "b": values(rng, params.b_format, (*many, k, n)),
    }


def scaled(
    params: ProductParams, run: ProductRun, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Three products back to back whose edges no tile divides, requantized, with zero points."""
    rows, cols = params.rows, params.cols
    arrays = product(params, rng, (rows + 3, 2 * cols + 1, 2 * rows + 1), batch=3)
    n = arrays["b"].shape[-1]
    fmt = run.c_format or Format.parse("s8")
    arrays |= {
        "bias": rng.integers(-1000, 1000, n),
        "multiplier": rng.integers(1, 1 << params.multiplier_width, n),
        "shift": rng.integers(0, min(params.max_shift, 30) + 1, n),
        "zero_point": values(rng, fmt, (1,)),
        "a_zero_point": values(rng, params.a_format, (1,)),
    }
    if params.b_zero_points:
        arrays["b_zero_point"] = values(rng, params.b_format, (n,))
    return arrays


def gemm(params: GemmParams, run: GemmRun, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """:func:`scaled`; zero points of ``b`` forbid a swap: where it is possible, half have none."""
    arrays = scaled(params, run, rng)
    if run.swap == "always" or (params.row_scales and rng.integers(2)):
        arrays.pop("b_zero_point", None)
    return arrays
