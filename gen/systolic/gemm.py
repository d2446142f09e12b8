"""The `gemm` block's arrays as beats, and its beats as arrays."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial

import numpy as np
from amaranth import Shape
from amaranth.lib.data import ArrayLayout
from numpy.typing import NDArray

from gemmule.gen.block import Array, Arrays, Beats, Job
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format
from gemmule.golden.common.lanes import pack, unpack, words
from gemmule.golden.common.options import Options, option
from gemmule.golden.common.requantize import ROUNDINGS, Requantization
from gemmule.golden.systolic.beats import DIM_WIDTH, Tiling
from gemmule.golden.systolic.cycles import cycles
from gemmule.golden.systolic.gemm import check_operands, corrections, gemm, zero_points
from gemmule.hw.systolic.params import GemmParams, ProductParams

__all__ = ["GemmAdapter", "GemmRun", "Product", "ProductRun", "batched", "packet"]


@dataclass(frozen=True, kw_only=True)
class ProductRun(Options):
    """The run options of a product on an array."""

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


@dataclass(frozen=True, kw_only=True)
class GemmRun(ProductRun):
    """The run options of the `gemm` block."""

    swap: str = option(
        "auto",
        choices=("auto", "never", "always"),
        help="send b transposed as operand a, and a as b, so that weights take the port of the"
        " rows; auto does it where it takes fewer cycles",
    )


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
    def swap(self) -> "Product":
        """``c^T = b^T @ a^T``."""
        return replace(self, a=self.b.T, b=self.a.T, swapped=not self.swapped)


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
        choices = [
            self._choices(params, run, product, requantization, b_zero) for product in products
        ]
        return self.job(params, run, choices, requantization, b_zero, golden)

    def _choices(
        self,
        params: GemmParams,
        run: GemmRun,
        product: Product,
        scale: Requantization,
        b_zero: NDArray[np.int64],
    ) -> list[Product]:
        """The product as it is, swapped, or either."""
        alike = all(len(np.unique(x)) == 1 for x in (product.offset, scale.multiplier, scale.shift))
        obstacles = {
            f"--a-format and --b-format alike, not {params.a_format} and {params.b_format}": (
                params.a_format != params.b_format
            ),
            "a b_zero_point of 0, or none": b_zero.any(),
            "hardware with --row-scales true, or the same bias, multiplier and shift for all"
            " columns, and an a_zero_point of 0": not (params.row_scales or alike),
        }
        obstacle = next((text for text, there in obstacles.items() if there), None)
        if run.swap == "always" and obstacle:
            raise UsageError(f"--swap always needs {obstacle}")
        swaps = {"auto": (False, True), "never": (False,), "always": (True,)}[run.swap]
        return [product.swap if swap else product for swap in swaps if not (swap and obstacle)]

    def job(
        self,
        params: ProductParams,
        run: ProductRun,
        choices: Sequence[Sequence[Product]],
        requantization: Requantization,
        b_zero: NDArray[np.int64],
        golden: NDArray[np.int64],
    ) -> Job:
        """The beats of one command each for ``choices``, of which the fastest is taken.

        ``golden`` is what they give.
        """
        pairs = [self._fastest(params, run, each) for each in choices]
        tilings = [tiling for tiling, _ in pairs]
        packets = [
            {
                "command": self._command(params, tiling, requantization),
                "a": self._a_packet(params, tiling, product),
                "b": self._b_packet(params, tiling, product),
                **self._scales(params, tiling, product, requantization, b_zero),
            }
            for tiling, product in pairs
        ]
        send = {name: np.concatenate([each[name] for each in packets]) for name in packets[0]}
        edges = np.cumsum([0, *(tiling.c_count for tiling in tilings)])

        def decode(received: dict[str, Beats]) -> dict[str, NDArray]:
            fmt = requantization.format
            lanes = [
                unpack(received["c"], lane * params.out_width, fmt.width, 1, signed=fmt.signed)
                for lane in range(params.cols * params.m_lanes)
            ]
            values = np.concatenate(lanes, axis=1)
            items = [
                _apart(params, *pair, values[low:high])
                for pair, low, high in zip(pairs, edges[:-1], edges[1:], strict=True)
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
                "swapped_commands": sum(product.swapped for _, product in pairs),
                "modeled_cycles": cycles(tilings, result_latency=params.result_latency),
            },
        )

    def _a_packet(self, params: ProductParams, tiling: Tiling, product: Product) -> Beats:
        lanes = params.m_lanes
        rows = np.pad(product.a, ((0, -len(product.a) % lanes), (0, 0)))
        beats = [tiling.a_beats(rows[lane::lanes]) for lane in range(lanes)]
        return packet(np.concatenate(beats, axis=1), Shape.cast(params.a_shape).width)

    def _b_packet(self, params: ProductParams, tiling: Tiling, product: Product) -> Beats:
        return packet(tiling.b_beats(product.b), Shape.cast(params.b_shape).width)

    def _settings(self, params: ProductParams, run: GemmRun) -> dict[str, object]:
        return {
            "rounding": run.rounding,
            "c_format": run.c_format,
            "clamp": run.clamp,
            "out_width": params.out_width,
            "multiplier_width": params.multiplier_width,
            "max_shift": params.max_shift,
        }

    def _fastest(
        self, params: ProductParams, run: ProductRun, choices: Sequence[Product]
    ) -> tuple[Tiling, Product]:
        """The choice and the dataflow that take fewest cycles; the first of equals."""
        flows = params.dataflows if run.run_dataflow == "auto" else (run.run_dataflow,)
        if missing := set(flows) - set(params.dataflows):
            raise UsageError(
                f"--run-dataflow must be auto or {params.dataflow}, what the hardware has, not"
                f" {missing.pop()}"
            )
        pairs = [
            (self._tiling(params, product, output_stationary=flow == "os"), product)
            for product in choices
            for flow in flows
        ]
        return min(pairs, key=lambda pair: _alone(pair[0], params.result_latency))

    def _tiling(
        self, params: ProductParams, product: Product, *, output_stationary: bool
    ) -> Tiling:
        (m, k), n = product.a.shape[:2], product.b.shape[1]
        for name, size in (("M", m), ("N", n), ("K", k)):
            if size >= 1 << DIM_WIDTH:
                raise UsageError(f"{name} must be in 1..{(1 << DIM_WIDTH) - 1}, not {size}")
        return Tiling(
            m=-(-m // params.m_lanes), n=n, k=k,
            rows=params.rows, cols=params.cols, acc_depth=params.acc_depth,
            output_stationary=output_stationary, cascade=params.drains_down,
            by_row=product.swapped and params.row_scales,
        )  # fmt: skip

    def _command(self, params: ProductParams, tiling: Tiling, scale: Requantization) -> Beats:
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
            *([([tiling.by_row], 1)] if params.row_scales else []),
        )

    def _scales(
        self,
        params: ProductParams,
        tiling: Tiling,
        product: Product,
        scale: Requantization,
        b_zero: NDArray[np.int64],
    ) -> dict[str, Beats]:
        """The settings by column of ``c``, or, where the hardware can, of a swapped one by row."""
        multiplier, drop = scale.folded()
        by_channel = {
            "offset": product.offset,
            "multiplier": multiplier,
            "drop": drop,
            "b_zero_point": b_zero,
        }
        layouts = {"scale": ArrayLayout(params.requantizer.lane_layout, params.cols)}
        if params.row_scales:
            layouts["row_scale"] = ArrayLayout(params.requantizer.row_layout, params.m_lanes)
        if tiling.by_row:
            used, place = "row_scale", partial(_row_beats, params, tiling)
        else:
            used, place = "scale", tiling.column_beats
            if product.swapped:
                # All channels have the same, and so do all columns.
                by_channel = {name: np.full(tiling.n, x[0]) for name, x in by_channel.items()}
        none = {
            name: np.zeros((0, words(each.size + 1)), np.uint32) for name, each in layouts.items()
        }
        return none | {used: _settings_packet(layouts[used], by_channel, place)}


def _row_beats(
    params: ProductParams, tiling: Tiling, values: NDArray[np.int64]
) -> NDArray[np.int64]:
    rows = np.pad(values, (0, -len(values) % params.m_lanes))
    return tiling.row_beats(rows.reshape(-1, params.m_lanes))


def _settings_packet(
    layout: ArrayLayout,
    by_channel: Mapping[str, NDArray[np.int64]],
    place: Callable[[NDArray[np.int64]], NDArray[np.int64]],
) -> Beats:
    """One packet of requantization settings, which ``place`` deals out to beats and lanes."""
    fields = {name: (place(by_channel[name]), field.width) for name, field in layout.elem_shape}
    lanes = [
        (beats[:, lane], width) for lane in range(layout.length) for beats, width in fields.values()
    ]
    return pack(*lanes, (_last(len(lanes[0][0])), 1))


def packet(lanes: NDArray[np.int64], width: int) -> Beats:
    """One packet of beats ``[beats, lanes]`` whose lanes take ``width`` bits."""
    return pack((lanes, width), (_last(len(lanes)), 1))


def _apart(
    params: ProductParams, tiling: Tiling, product: Product, beats: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The rows of c from beats that hold several."""
    rows = [
        tiling.c_array(beats[:, lane * params.cols :][:, : params.cols])
        for lane in range(params.m_lanes)
    ]
    c = np.stack(rows, axis=1).reshape(-1, tiling.n)[: len(product.a)]
    return c.T if product.swapped else c


@lru_cache(maxsize=1024)
def _alone(tiling: Tiling, result_latency: int) -> int:
    """Cycles of a product by itself."""
    return cycles([tiling], result_latency=result_latency)


def _last(count: int) -> NDArray[np.int64]:
    return (np.arange(count) == count - 1).astype(np.int64)


def batched(
    a: NDArray[np.int64], b: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """``a`` and ``b`` as equally many matrices, broadcast as `numpy.matmul` does."""
    count = max(x.shape[0] if x.ndim == 3 else 1 for x in (a, b))
    return tuple(np.broadcast_to(x, (count, *x.shape[-2:])) for x in (a, b))
