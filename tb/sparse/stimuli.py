"""Arrays to verify the sparse blocks with when the user gives none."""

import numpy as np

from gemmule.gen.blocks.sparse.gemm import SparseGemmRun
from gemmule.gen.blocks.sparse.prune24 import Prune24Run
from gemmule.hw.sparse.params import Prune24Params, SparseGemmParams
from gemmule.tb.common.sampling import values
from gemmule.tb.systolic.stimuli import several

from .cases import sparse_matrix

__all__ = ["STIMULI", "prune24", "sparse_gemm"]


def prune24(
    params: Prune24Params, run: Prune24Run, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draw a matrix that fills no beat and no group, full of ties, with a metric."""
    shape = (4 * 9 + 1, 3 * params.lanes - 1 or 1)
    w = values(rng, params.w_format, shape)
    metric = np.minimum(rng.integers(0, 4, shape), params.metric_format.high)
    return {"w": w, "metric": metric}


def sparse_gemm(
    params: SparseGemmParams, run: SparseGemmRun, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draw what `gemm` is verified with, its second operand pruned unless the run is dense."""
    arrays = several(params, run, rng)
    if not run.dense:
        fmt, (batch, k, n) = params.b_format, arrays["b"].shape
        arrays["b"] = np.stack([
            sparse_matrix(rng, k, n, low=fmt.low, high=fmt.high, pattern=params.groups)
            for _ in range(batch)
        ])
    return arrays


STIMULI = {"prune24": prune24, "sparse_gemm": sparse_gemm}
