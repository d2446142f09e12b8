"""Arrays to verify the `gemm` block with when the user gives none."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gemmule.gen.blocks.systolic.gemm import GemmRun
from gemmule.gen.blocks.systolic.product_adapter import ProductRun
from gemmule.golden.common.formats import Format
from gemmule.hw.systolic.params import GemmParams, ProductParams
from gemmule.tb.common.sampling import values

__all__ = ["STIMULI", "gemm", "product", "requantizations", "scaled", "several", "with_rows"]

Case = tuple[GemmRun, dict[str, np.ndarray]]


def product(
    params: ProductParams, rng: np.random.Generator, shape: tuple[int, ...], *, batch: int = 0
) -> dict[str, np.ndarray]:
    """Draw ``a`` and ``b`` of ``shape`` (M, N, K), extremes first, perhaps a batch of them."""
    m, n, k = shape
    many = (batch,) if batch else ()
    return {
        "a": values(rng, params.a_format, (*many, m, k)),
        "b": values(rng, params.b_format, (*many, k, n)),
    }


def scaled(
    params: ProductParams,
    rng: np.random.Generator,
    shape: tuple[int, ...],
    *,
    batch: int = 0,
) -> dict[str, np.ndarray]:
    """Draw a :func:`product` with a bias, a multiplier and a shift of its own for each column."""
    n = shape[1]
    return product(params, rng, shape, batch=batch) | {
        "bias": rng.integers(-1000, 1000, n),
        "multiplier": rng.integers(1, 1 << params.multiplier_width, n),
        "shift": rng.integers(0, min(params.max_shift, 30) + 1, n),
    }


def with_rows(
    params: ProductParams, rng: np.random.Generator, arrays: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Add to ``arrays`` a multiplier and a shift of its own for each row, perhaps by batch.

    Both shifts leave room for each other; most results stay within their format.
    """
    *batch, m, _ = arrays["a"].shape
    shape = (*batch, m) if rng.integers(2) else (m,)
    room = params.max_shift // 2
    by_column = {"shift": np.minimum(arrays["shift"], room)} if "shift" in arrays else {}
    return (
        arrays
        | by_column
        | {
            "row_multiplier": rng.integers(0, 1 << params.multiplier_width, shape),
            "row_shift": rng.integers(max(room - 8, 0), room + 1, shape),
        }
    )


def several(
    params: ProductParams, run: ProductRun, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draw a batch of three products whose edges no tile divides, requantized, with zero points."""
    rows, cols = params.rows, params.cols
    shape = (rows + 3, 2 * cols + 1, min(2 * rows + 1, params.largest_k))
    arrays = scaled(params, rng, shape, batch=3) | {
        "zero_point": values(rng, run.c_format or "s8", (1,)),
        "a_zero_point": values(rng, params.a_format, (1,)),
    }
    if params.b_zero_points:
        arrays["b_zero_point"] = values(rng, params.b_format, shape[1:2])
    return arrays


def gemm(params: GemmParams, run: GemmRun, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Draw :func:`several`; half without zero points of ``b`` where a swap is possible."""
    arrays = several(params, run, rng)
    if run.swap == "always" or (params.row_scales and rng.integers(2)):
        arrays.pop("b_zero_point", None)
    return arrays


def requantizations(params: GemmParams, run: GemmRun, rng: np.random.Generator) -> Iterator[Case]:
    """Yield every rounding, format and clamp: a run as ``run`` is, and arrays for it."""
    for rounding, fmt, clamp in (
        ("half_even", None, None),
        ("half_up", "u8", (0, 200)),
        ("half_even", "s4", (-3, 7)),
        ("half_away", "s32", None),
        ("half_even", "u16", None),
    ):
        case = replace(run, rounding=rounding, c_format=fmt and Format.parse(fmt), clamp=clamp)
        yield case, gemm(params, case, rng)


STIMULI = {"gemm": gemm}
