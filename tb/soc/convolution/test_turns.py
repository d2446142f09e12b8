"""Turns at the one array: what one product left in it, or met before its turn, harms no other."""

import numpy as np
import pytest

from gemmule.gen.catalog import find
from gemmule.gen.driver.accelerator import Accelerator
from gemmule.gen.simulation.axi import SimulatedBus, build_axi
from gemmule.gen.verilog.emit import emit
from gemmule.golden.systolic.gemm import gemm
from gemmule.hw.conv import counters
from gemmule.tb.soc.driver.test_convolution import asked, golden

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


@pytest.mark.full
def test_time_before_a_turn_is_not_the_programs(monkeypatch):
    """A product that takes longer than a program may does not end the layer behind it."""
    monkeypatch.setattr(counters, "WIDTH", 14)
    params, rng = CONFIGURATIONS["4x4"], np.random.default_rng(2)
    emitted = emit(find("accelerator"), params)
    layer = made(params.layer, SMALL, op="forward", scaling="tensor")
    options, arrays = layer
    a, b = some(rng, 300, 60, 24)
    with Accelerator(SimulatedBus(build_axi(emitted), 1 << 20)) as acc:
        product = acc.submit(a, b)
        layers = [acc.jobs.conv2d(**arrays, **asked(options)) for _ in range(2)]
        np.testing.assert_array_equal(product.result(), gemm(a, b))
        for each in layers:
            np.testing.assert_array_equal(each.result(), golden(options, SMALL, arrays))
