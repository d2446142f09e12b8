"""How a product is put on the array: in which order of its operands, and in which dataflow."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.requantize import Requantization
from gemmule.golden.systolic.beats import DIM_WIDTH, Tiling
from gemmule.golden.systolic.cycles import cycles
from gemmule.hw.systolic.params import ProductParams

__all__ = ["Product", "fastest", "orders"]


@dataclass(frozen=True)
class Product:
    """One command: what to multiply, as the hardware takes it.

    ``offset`` is by output channel: a column of ``b``, or of a ``swapped`` product a row of ``a``,
    and then ``c`` leaves transposed.
    """

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    offset: NDArray[np.int64]
    swapped: bool = False

    @property
    def transposed(self) -> "Product":
        """``c^T = b^T @ a^T``."""
        return replace(self, a=self.b.T, b=self.a.T, swapped=not self.swapped)


def orders(
    params: ProductParams,
    swap: str,
    product: Product,
    scale: Requantization,
    b_zero: NDArray[np.int64],
) -> list[Product]:
    """The product as it is, swapped, or either, as ``--swap`` says."""

    def alike() -> bool:
        return all(len(np.unique(x)) == 1 for x in (product.offset, scale.multiplier, scale.shift))

    obstacles = {
        f"--a-format and --b-format alike, not {params.a_format} and {params.b_format}": (
            params.a_format != params.b_format
        ),
        "a b_zero_point of 0, or none": b_zero.any(),
        "hardware with --row-scales true, or the same bias, multiplier and shift for all"
        " columns, and an a_zero_point of 0": not (params.row_scales or alike()),
    }
    obstacle = next((text for text, there in obstacles.items() if there), None)
    if swap == "always" and obstacle:
        raise UsageError(f"--swap always needs {obstacle}")
    swaps = {"auto": (False, True), "never": (False,), "always": (True,)}[swap]
    return [product.transposed if each else product for each in swaps if not (each and obstacle)]


def fastest(
    params: ProductParams, run_dataflow: str, choices: Sequence[Product]
) -> tuple[Tiling, Product]:
    """The choice and the dataflow that take fewest cycles; the first of equals."""
    flows = params.dataflows if run_dataflow == "auto" else (run_dataflow,)
    if missing := set(flows) - set(params.dataflows):
        raise UsageError(
            f"--run-dataflow must be auto or {params.dataflow}, what the hardware has, not"
            f" {missing.pop()}"
        )
    pairs = [
        (_tiling(params, product, output_stationary=flow == "os"), product)
        for product in choices
        for flow in flows
    ]
    return min(pairs, key=lambda pair: _alone(pair[0], params.result_latency))


def _tiling(params: ProductParams, product: Product, *, output_stationary: bool) -> Tiling:
    (m, k), n = product.a.shape[:2], product.b.shape[1]
    names = "NMK" if product.swapped else "MNK"
    for name, size in zip(names, (m, n, k), strict=True):
        if size >= 1 << DIM_WIDTH:
            raise UsageError(f"{name} must be in 1..{(1 << DIM_WIDTH) - 1}, not {size}")
    return params.tiling(
        -(-m // params.m_lanes),
        n,
        k,
        output_stationary=output_stationary,
        by_row=product.swapped and params.row_scales,
    )


@lru_cache(maxsize=1024)
def _alone(tiling: Tiling, result_latency: int) -> int:
    """Cycles of a product by itself."""
    return cycles([tiling], result_latency=result_latency)
