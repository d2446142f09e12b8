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

__all__ = ["GemmCall", "check_order", "check_sizes", "fastest", "orders"]


@dataclass(frozen=True)
class GemmCall:
    """One command: what to multiply, as the hardware takes it.

    ``offset`` is by output channel: a column of ``b``, or of a ``swapped`` product a row of ``a``,
    and then ``c`` leaves transposed. ``rows`` are the multipliers and the shifts of the rows of
    ``c`` beside those of its columns, where there are any.
    """

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    offset: NDArray[np.int64]
    swapped: bool = False
    rows: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None

    @property
    def transposed(self) -> "GemmCall":
        """``c^T = b^T @ a^T``."""
        return replace(self, a=self.b.T, b=self.a.T, swapped=not self.swapped)


def check_sizes(params: ProductParams, run_dataflow: str, **sizes: int) -> None:
    """Refuse M, N and K that no command holds, and a dataflow that the hardware does not have."""
    for name, size in sizes.items():
        if size >= 1 << DIM_WIDTH:
            raise UsageError(f"{name} must be in 1..{(1 << DIM_WIDTH) - 1}, not {size}")
    if missing := set(_flows(params, run_dataflow)) - set(params.dataflows):
        raise UsageError(
            f"--run-dataflow must be auto or {params.dataflow}, what the hardware has, not"
            f" {missing.pop()}"
        )


def check_order(
    params: ProductParams,
    swap: str,
    scale: Requantization,
    b_zero: NDArray[np.int64],
    offset: NDArray[np.int64],
) -> bool:
    """Return whether the operands may be swapped; refuse ``--swap always`` where they may not.

    ``offset`` is by output channel.
    """

    def alike() -> bool:
        return all(len(np.unique(x)) == 1 for x in (offset, scale.multiplier, scale.shift))

    obstacles = {
        f"--a-format and --b-format alike, not {params.a_format} and {params.b_format}": (
            params.a_format != params.b_format
        ),
        "a b_zero_point of 0, or none": b_zero.any(),
        "hardware with --row-scales true, or the same bias, multiplier and shift for all"
        " columns, and an a_zero_point of 0": not (params.row_scales or alike()),
        "no row_multiplier: it counts beside the columns' multipliers": (
            scale.row_multiplier is not None
        ),
    }
    obstacle = next((text for text, there in obstacles.items() if there), None)
    if swap == "always" and obstacle:
        raise UsageError(f"--swap always needs {obstacle}")
    return not obstacle


def orders(
    params: ProductParams,
    swap: str,
    product: GemmCall,
    scale: Requantization,
    b_zero: NDArray[np.int64],
) -> list[GemmCall]:
    """Return the product as it is, swapped, or both, as ``--swap`` says."""
    can = check_order(params, swap, scale, b_zero, product.offset)
    swaps = {"auto": (False, True), "never": (False,), "always": (True,)}[swap]
    return [product.transposed if each else product for each in swaps if can or not each]


def fastest(
    params: ProductParams, run_dataflow: str, choices: Sequence[GemmCall]
) -> tuple[Tiling, GemmCall]:
    """Return the tiling and the choice that take fewest cycles; the first of equals."""
    pairs = [
        (_tiling(params, product, output_stationary=flow == "os"), product)
        for product in choices
        for flow in _flows(params, run_dataflow)
    ]
    return min(pairs, key=lambda pair: _alone(pair[0], params.result_latency))


def _flows(params: ProductParams, run_dataflow: str) -> tuple[str, ...]:
    return params.dataflows if run_dataflow == "auto" else (run_dataflow,)


def _tiling(params: ProductParams, product: GemmCall, *, output_stationary: bool) -> Tiling:
    (m, k), n = product.a.shape[:2], product.b.shape[1]
    return params.tiling(
        -(-m // params.m_lanes),
        n,
        k,
        output_stationary=output_stationary,
        by_row=(product.swapped and params.row_scales) or product.rows is not None,
    )


@lru_cache(maxsize=1024)
def _alone(tiling: Tiling, result_latency: int) -> int:
    """Return the cycles of a product by itself."""
    return cycles([tiling], result_latency=result_latency)
