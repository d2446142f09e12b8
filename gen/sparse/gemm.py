"""How arrays become the beats of `sparse_gemm`."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.block import Array, Arrays, Beats, Job
from gemmule.gen.systolic.gemm import GemmAdapter, ProductRun, batched, packet
from gemmule.gen.systolic.product import Product
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.lanes import last_of, pack
from gemmule.golden.common.options import option
from gemmule.golden.common.requantize import Requantization
from gemmule.golden.systolic.beats import Tiling
from gemmule.golden.systolic.gemm import corrections, gemm, zero_points
from gemmule.hw.sparse.params import SparseGemmParams

from .operands import ANY, Operands, check_corrections, groups_of, operands, weight_groups

__all__ = ["SparseGemmAdapter", "SparseGemmRun"]


@dataclass(frozen=True, kw_only=True)
class SparseGemmRun(ProductRun):
    """The run options of the `sparse_gemm` block."""

    dense: bool = option(False, help="b is dense: the array runs at the rate of a dense one")


class SparseGemmAdapter(GemmAdapter):
    """Arrays of the `sparse_gemm` block: the beats of `gemm`, with a group in place of each K.

    A lane of ``a`` is a group of activations, a lane of ``b`` a group of weights, bit by bit as
    `golden.sparse.format` has it.
    """

    Run = SparseGemmRun
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
        *GemmAdapter.inputs[2:],
    )

    def plan(self, params: SparseGemmParams, run: SparseGemmRun, arrays: Arrays) -> Job:
        """Compress ``b`` if need be and multiply; each item of a batch is one command."""
        ops = operands(params, arrays, dense=run.dense)
        scaling = {
            name: arrays[name]
            for name in ("bias", "multiplier", "shift", "zero_point")
            if name in arrays
        }
        zeros = {n: arrays[n] for n in ("a_zero_point", "b_zero_point") if n in arrays}
        formats = {"a_format": params.a_format, "b_format": params.b_format, "acc_width": ANY}
        settings = self._settings(params, run)
        golden = gemm(ops.a, ops.b, **formats, **zeros, **scaling, **settings)
        k, n = ops.b.shape[-2:]
        requantization = Requantization.check(n, **scaling, **settings)
        a_zero, b_zero = (
            zero_points(f"{name}_zero_point", zeros.get(f"{name}_zero_point"), fmt, columns)
            for name, fmt, columns in (("a", params.a_format, 1), ("b", params.b_format, n))
        )
        if b_zero.any() and not params.b_zero_points:
            raise UsageError("b_zero_point needs hardware with --b-zero-points true, not false")
        offset = corrections(ops.b, bias=requantization.bias, **zeros)[0]
        if zeros:
            check_corrections(params, ops, offset, a_zero, b_zero)
        products = self._products(params, ops, offset)
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
    ) -> list[Product]:
        """One command each: ``a`` as ``[M, groups, size]``, ``b`` as its `weight_groups`."""
        pattern = params.groups
        spread, values = batched(ops.spread, ops.values)
        indices = np.broadcast_to(ops.indices, values.shape)
        offset = np.broadcast_to(offset, (len(spread), offset.shape[-1]))
        return [
            Product(groups_of(a, pattern.size), weight_groups(*b, pattern), each)
            for a, *b, each in zip(spread, values, indices, offset, strict=True)
        ]

    def _a_packet(self, params: SparseGemmParams, tiling: Tiling, product: Product) -> Beats:
        count = params.m_lanes
        rows = np.pad(product.a, ((0, -len(product.a) % count), (0, 0), (0, 0)))
        beats = [_placed(rows[lane::count], tiling.a_beats) for lane in range(count)]
        lanes = np.concatenate(beats, axis=1).reshape(len(beats[0]), -1)
        return packet(lanes, params.a_format.width)

    def _b_packet(self, params: SparseGemmParams, tiling: Tiling, product: Product) -> Beats:
        groups = _placed(product.b, tiling.b_beats)
        kept = params.groups.kept
        widths = [params.b_format.width] * kept + [params.groups.index_width] * kept
        fields = [
            (groups[:, lane, place], width)
            for lane in range(params.cols)
            for place, width in enumerate(widths)
        ]
        return pack(*fields, (last_of(len(groups)), 1))


def _placed(
    groups: NDArray[np.int64], beats: Callable[[NDArray[np.int64]], NDArray[np.int64]]
) -> NDArray[np.int64]:
    """``groups`` ``[x, y, parts]`` where ``beats`` puts an ``[x, y]`` matrix; zeros elsewhere."""
    x, y, parts = groups.shape
    numbers = beats(1 + np.arange(x * y).reshape(x, y))
    return np.concatenate([np.zeros((1, parts), np.int64), groups.reshape(-1, parts)])[numbers]
