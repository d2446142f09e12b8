"""Turns at the one array: what one product left in it, or met before its turn, harms no other."""

import numpy as np

from gemmule.golden.systolic.gemm import gemm

from .rtl import CONFIGURATIONS, opened
from .test_rtl import SMALL, is_right, made


def some(rng: np.random.Generator, *shape: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the operands of a product of M x K x N."""
    m, k, n = shape
    return rng.integers(-128, 128, (m, k)), rng.integers(-128, 128, (k, n))


def test_a_gradient_after_products():
    """Sums that a product leaves in the cells do not enter those of output-stationary tiles."""
    params, rng = CONFIGURATIONS["4x4"].layer, np.random.default_rng(1)
    layer = made(params, SMALL, op="weight_grad", scaling="column")
    with opened("4x4") as acc:
        is_right(acc, layer)
        for _ in range(4):
            a, b = some(rng, *rng.integers(1, 20, 3))
            np.testing.assert_array_equal(acc.gemm(a, b), gemm(a, b))
            is_right(acc, layer)
