"""How arrays become the beats of `sparse_gemm`."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.block import Array, Arrays, Job, Repeated
from gemmule.gen.blocks.systolic.gemm import GemmAdapter
from gemmule.gen.blocks.systolic.product import GemmCall, check_sizes
from gemmule.gen.blocks.systolic.product_adapter import (
    BY_ROW,
    SCALING,
    ProductAdapter,
    ProductRun,
    batched,
    batched_rows,
    given,
)
from gemmule.golden.common.formats import check_values
from gemmule.golden.common.lanes import to_words
from gemmule.golden.common.options import option
from gemmule.golden.systolic.beats import Tiling
from gemmule.golden.systolic.gemm import corrections, gemm, zero_points
from gemmule.hw.sparse.params import SparseGemmParams

from .operands import (
    ANY,
    Operands,
    check_corrections,
    check_operand_shapes,
    groups_of,
    operands,
    weight_groups,
)

__all__ = ["SparseGemmAdapter", "SparseGemmRun"]


@dataclass(frozen=True, kw_only=True)
class SparseGemmRun(ProductRun):
    """The run options of the `sparse_gemm` block."""

    dense: bool = option(False, help="multiply a dense b, at the rate of a dense array")


class SparseGemmAdapter(ProductAdapter):
    """Arrays of the `sparse_gemm` block: the beats of `gemm`, with a group in place of each K.

    A lane of ``a`` is a group of activations, a lane of ``b`` a group of weights, bit by bit as
    :mod:`golden.sparse.format` has it.
    """

    Run = SparseGemmRun
    outputs = GemmAdapter.outputs
    inputs = (
        Array("a", "[M, K] or [batch, M, K]", "--a-format", "left operand"),
        Array(
            "b",
            "[K, N] or [batch, K, N]",
            "--b-format",
            "weights, at most two non-zeros in each four of K; any, with --dense",
            optional=True,
        ),
        Array(
            "values",
            "[ceil(K/4)*2, N]",
            "--b-format",
            "in place of b: the weights that are kept",
            optional=True,
        ),
        Array(
            "indices",
            "[ceil(K/4)*2, N]",
            "u2",
            "with values: their places in their groups, in any order",
            optional=True,
        ),
        *(each for each in GemmAdapter.inputs[2:] if each.name not in BY_ROW),
    )

    def check(self, params: SparseGemmParams, run: SparseGemmRun, arrays: Arrays) -> None:
        """Refuse wrong shapes, sizes and settings; then wrong values of the operands."""
        m, k, n = check_operand_shapes(params, arrays, dense=run.dense)
        check_sizes(params, run.run_dataflow, M=m, N=n, K=k)
        self._scaling(params, run, arrays, (n,))
        for name, fmt in (
            ("a", params.a_format),
            ("b", params.b_format),
            ("values", params.b_format),
        ):
            if name in arrays:
                check_values(name, arrays[name], fmt)

    def plan(self, params: SparseGemmParams, run: SparseGemmRun, arrays: Arrays) -> Job:
        """Compress ``b`` if need be and multiply; each item of a batch is one command."""
        self.check(params, run, arrays)
        ops = operands(params, arrays, dense=run.dense)
        k, n = ops.b.shape[-2:]
        requantization, zeros, b_zero = self._scaling(params, run, arrays, (n,))
        offset = corrections(ops.b, bias=requantization.bias, **zeros)[0]
        if zeros:
            a_zero = zero_points("a_zero_point", zeros.get("a_zero_point"), params.a_format, 1)
            check_corrections(params, ops, offset, a_zero, b_zero)
        products = self._products(params, ops, offset)
        golden = gemm(
            ops.a,
            ops.b,
            a_format=params.a_format,
            b_format=params.b_format,
            acc_width=ANY,
            **zeros,
            **given(arrays, SCALING),
            **self._settings(params, run),
        )
        choices = [[product] for product in products]
        job = self.job(params, run, choices, requantization, b_zero, golden)
        job.macs = len(products) * ops.a.shape[-2] * k * n
        job.peak_macs_per_cycle = params.rows * params.cols * params.groups.kept * params.m_lanes
        moved = len(job.send["b"]) * params.cols
        job.counters["weight_bits"] = moved * params.groups.group_width(params.b_format.width)
        job.counters["dense_weight_bits"] = moved // len(products[0].b) * k * params.b_format.width
        return job

    def _products(
        self, params: SparseGemmParams, ops: Operands, offset: NDArray[np.int64]
    ) -> list[GemmCall]:
        """Return a call a command: ``a`` as ``[M, groups, size]``, ``b`` as `weight_groups`."""
        pattern = params.groups
        spread = batched(ops.spread, ops.values)[0]
        count = len(spread)
        if ops.values.ndim == 2:
            weights = [weight_groups(ops.values, ops.indices, pattern)] * count
        else:
            weights = [
                weight_groups(*each, pattern) for each in zip(ops.values, ops.indices, strict=True)
            ]
            weights *= count // len(weights)
        offsets = batched_rows(offset, count)
        return [
            GemmCall(groups_of(a, pattern.size), *each)
            for a, *each in zip(spread, weights, offsets, strict=True)
        ]

    def _a_packet(self, params: SparseGemmParams, tiling: Tiling, a: NDArray[np.int64]) -> Repeated:
        """Lay out all of ``a`` for each tile of N."""
        count, width = params.m_lanes, params.a_format.width
        rows = np.pad(a, ((0, -len(a) % count), (0, 0), (0, 0)))
        tiles = [_placed(rows[lane::count], tiling.a_tile) for lane in range(count)]
        tile = np.concatenate(tiles, axis=1).reshape(len(tiles[0]), -1)
        beats = to_words((tile, width), (np.zeros(len(tile), bool), 1))
        return Repeated.packet([(beats, tiling.n_tiles)], tile.shape[1] * width)

    def _b_packet(self, params: SparseGemmParams, tiling: Tiling, b: NDArray[np.int64]) -> Repeated:
        """Lay out each tile of ``b`` for each stretch of M."""
        kept = params.groups.kept
        widths = [params.b_format.width] * kept + [params.groups.index_width] * kept
        times, parts = len(tiling.stretches), []
        for tile in _placed(b, tiling.b_tiles):
            fields = [
                (tile[:, lane, place], width)
                for lane in range(params.cols)
                for place, width in enumerate(widths)
            ]
            parts.append((to_words(*fields, (np.zeros(len(tile), bool), 1)), times))
        return Repeated.packet(parts, params.cols * sum(widths))


def _placed(
    groups: NDArray[np.int64], beats: Callable[[NDArray[np.integer]], NDArray[np.integer]]
) -> NDArray[np.int64]:
    """Put ``groups`` ``[x, y, parts]`` where ``beats`` puts an ``[x, y]`` matrix; else 0."""
    x, y, parts = groups.shape
    numbers = beats(1 + np.arange(x * y).reshape(x, y))
    return np.concatenate([np.zeros((1, parts), np.int64), groups.reshape(-1, parts)])[numbers]
