"""The `gemm` block's arrays as beats, and its beats as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from amaranth import Shape
from numpy.typing import NDArray

from gemmule.gen.block import Array, Arrays, Beats, Job
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format
from gemmule.golden.common.lanes import pack, unpack
from gemmule.golden.common.options import Options, option
from gemmule.golden.common.requantize import ROUNDINGS, Requantization
from gemmule.golden.systolic.beats import DIM_WIDTH, Tiling
from gemmule.golden.systolic.cycles import cycles
from gemmule.golden.systolic.gemm import check_operands, corrections, gemm, zero_points
from gemmule.hw.systolic.params import GemmParams

__all__ = ["GemmAdapter", "GemmRun", "batched", "packet"]


@dataclass(frozen=True, kw_only=True)
class GemmRun(Options):
    """The run options of the `gemm` block."""

    run_dataflow: str = option(
        "auto",
        choices=("auto", "ws", "os"),
        help="weight- or output-stationary; auto takes the one with fewer cycles",
    )
    rounding: str = option("half_even", choices=ROUNDINGS, help="what happens to ties")
    c_format: Format | None = option(
        None, widths=(1, 48), help="format of the result: s32, or s8 with a multiplier"
    )
    clamp: tuple[int, ...] | None = option(
        None, help="LOW,HIGH of the result, after the zero point; a ReLU is a clamp"
    )


@dataclass(frozen=True)
class Product:
    """One command: what to multiply, as the hardware takes it."""

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    offset: NDArray[np.int64]


class GemmAdapter:
    """Arrays of the `gemm` block; `golden.systolic.beats.Tiling` has the order of beats."""

    Run = GemmRun
    inputs = (
        Array("a", "[M, K] or [batch, M, K]", "--a-format", "left operand"),
        Array("b", "[K, N] or [batch, K, N]", "--b-format", "right operand"),
        Array("bias", "[N]", "s32", "added to the sums", optional=True),
        Array("multiplier", "[1] or [N]", "u(--multiplier-width)", "requantization", optional=True),
        Array("shift", "[1] or [N]", "0..--max-shift", "requantization", optional=True),
        Array("zero_point", "[1]", "--c-format", "added after scaling", optional=True),
        Array("a_zero_point", "[1]", "--a-format", "what stands for 0 in a", optional=True),
        Array("b_zero_point", "[1] or [N]", "--b-format", "what stands for 0 in b", optional=True),
    )
    outputs = (Array("c", "[M, N] or [batch, M, N]", "--c-format", "the product, requantized"),)

    def plan(self, params: GemmParams, run: GemmRun, arrays: Arrays) -> Job:
        """Multiply ``a`` and ``b``; each item of a batch is one command, back to back."""
        scaling = {
            name: arrays[name]
            for name in ("bias", "multiplier", "shift", "zero_point")
            if name in arrays
        }
        zeros = {n: arrays[n] for n in ("a_zero_point", "b_zero_point") if n in arrays}
        formats = {
            "a_format": params.a_format,
            "b_format": params.b_format,
            "acc_width": params.acc_width,
        }
        a, b = check_operands(arrays["a"], arrays["b"], **formats)
        requantization = Requantization.check(b.shape[-1], **scaling, **self._settings(params, run))
        golden = gemm(a, b, **formats, **zeros, **scaling, **self._settings(params, run))
        b_zero = zero_points(
            "b_zero_point", zeros.get("b_zero_point"), params.b_format, b.shape[-1]
        )
        if b_zero.any() and not params.b_zero_points:
            raise UsageError("b_zero_point needs hardware with --b-zero-points true, not false")
        products = [
            Product(left, right, corrections(right, bias=requantization.bias, **zeros)[0])
            for left, right in zip(*batched(a, b), strict=True)
        ]
        return self.job(params, run, products, requantization, b_zero, golden)

    def job(
        self,
        params: GemmParams,
        run: GemmRun,
        products: Sequence[Product],
        requantization: Requantization,
        b_zero: NDArray[np.int64],
        golden: NDArray[np.int64],
    ) -> Job:
        """The beats of ``products``, one command each; ``golden`` is what they give."""
        tilings = [self._tiling(params, run, product) for product in products]
        pairs = list(zip(tilings, products, strict=True))
        scales = [
            self._scales(params, tiling, product.offset, requantization, b_zero)
            for tiling, product in pairs
        ]
        send = {
            "command": np.concatenate([self._command(params, t, requantization) for t in tilings]),
            "a": np.concatenate([self._a_packet(params, t, p) for t, p in pairs]),
            "b": np.concatenate([self._b_packet(params, t, p) for t, p in pairs]),
            "scale": np.concatenate(scales),
        }
        edges = np.cumsum([0, *(tiling.c_count for tiling in tilings)])

        def decode(received: dict[str, Beats]) -> dict[str, NDArray]:
            fmt = requantization.format
            lanes = [
                unpack(received["c"], lane * params.out_width, fmt.width, 1, signed=fmt.signed)
                for lane in range(params.cols * params.m_lanes)
            ]
            values = np.concatenate(lanes, axis=1)
            items = [
                _apart(params, tiling, values[low:high])[: golden.shape[-2]]
                for tiling, low, high in zip(tilings, edges[:-1], edges[1:], strict=True)
            ]
            return {"c": np.stack(items).reshape(golden.shape).astype(fmt.dtype)}

        return Job(
            send=send,
            receive={"c": int(edges[-1]), "status": len(tilings)},
            decode=decode,
            golden={"c": golden.astype(requantization.format.dtype)},
            macs=sum(len(product.a) * tiling.n * tiling.k for tiling, product in pairs),
            peak_macs_per_cycle=params.rows * params.cols * params.m_lanes,
            counters={
                "commands": len(tilings),
                "output_stationary_commands": sum(t.output_stationary for t in tilings),
                "modeled_cycles": cycles(tilings, result_latency=params.result_latency),
            },
        )

    def _a_packet(self, params: GemmParams, tiling: Tiling, product: Product) -> Beats:
        lanes = params.m_lanes
        rows = np.pad(product.a, ((0, -len(product.a) % lanes), (0, 0)))
        beats = [tiling.a_beats(rows[lane::lanes]) for lane in range(lanes)]
        return packet(np.concatenate(beats, axis=1), Shape.cast(params.a_shape).width)

    def _b_packet(self, params: GemmParams, tiling: Tiling, product: Product) -> Beats:
        return packet(tiling.b_beats(product.b), Shape.cast(params.b_shape).width)

    def _settings(self, params: GemmParams, run: GemmRun) -> dict[str, object]:
        return {
            "rounding": run.rounding,
            "c_format": run.c_format,
            "clamp": run.clamp,
            "out_width": params.out_width,
            "multiplier_width": params.multiplier_width,
            "max_shift": params.max_shift,
        }

    def _tiling(self, params: GemmParams, run: GemmRun, product: Product) -> Tiling:
        flows = params.dataflows if run.run_dataflow == "auto" else (run.run_dataflow,)
        if missing := set(flows) - set(params.dataflows):
            raise UsageError(
                f"--run-dataflow must be auto or {params.dataflow}, what the hardware has, not"
                f" {missing.pop()}"
            )
        (m, k), n = product.a.shape[:2], product.b.shape[1]
        for name, size in (("M", m), ("N", n), ("K", k)):
            if size >= 1 << DIM_WIDTH:
                raise UsageError(f"{name} must be in 1..{(1 << DIM_WIDTH) - 1}, not {size}")
        cut = {"rows": params.rows, "cols": params.cols, "acc_depth": params.acc_depth}
        cut["cascade"] = params.drains_down
        m = -(-m // params.m_lanes)
        tilings = [Tiling(m=m, n=n, k=k, **cut, output_stationary=flow == "os") for flow in flows]
        return min(tilings, key=lambda each: cycles([each], result_latency=params.result_latency))

    def _command(self, params: GemmParams, tiling: Tiling, scale: Requantization) -> Beats:
        bound = params.out_width + 1
        return pack(
            ([tiling.m], DIM_WIDTH),
            ([tiling.n], DIM_WIDTH),
            ([tiling.k], DIM_WIDTH),
            ([tiling.output_stationary], 1),
            ([scale.rounding == "half_up"], 1),
            ([scale.zero_point], bound),
            ([scale.low], bound),
            ([scale.high], bound),
        )

    def _scales(
        self,
        params: GemmParams,
        tiling: Tiling,
        offset: NDArray[np.int64],
        scale: Requantization,
        b_zero: NDArray[np.int64],
    ) -> Beats:
        layout = params.requantizer.lane_layout
        multiplier, drop = scale.folded()
        columns = {
            "offset": offset, "multiplier": multiplier, "drop": drop, "b_zero_point": b_zero
        }  # fmt: skip
        lanes = {name: tiling.column_beats(columns[name]) for name in layout.members}
        fields = [
            (lanes[name][:, lane], field.width)
            for lane in range(params.cols)
            for name, field in layout
        ]
        return pack(*fields, (_last(tiling.n_tiles), 1))


def packet(lanes: NDArray[np.int64], width: int) -> Beats:
    """One packet of beats ``[beats, lanes]`` whose lanes take ``width`` bits."""
    return pack((lanes, width), (_last(len(lanes)), 1))


def _apart(params: GemmParams, tiling: Tiling, beats: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows of c from beats that hold several."""
    rows = [
        tiling.c_array(beats[:, lane * params.cols :][:, : params.cols])
        for lane in range(params.m_lanes)
    ]
    return np.stack(rows, axis=1).reshape(-1, tiling.n)


def _last(count: int) -> NDArray[np.int64]:
    return (np.arange(count) == count - 1).astype(np.int64)


def batched(
    a: NDArray[np.int64], b: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """``a`` and ``b`` as equally many matrices, broadcast as `numpy.matmul` does."""
    count = max(x.shape[0] if x.ndim == 3 else 1 for x in (a, b))
    return tuple(np.broadcast_to(x, (count, *x.shape[-2:])) for x in (a, b))
