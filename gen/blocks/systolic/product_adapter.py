"""What the adapters of products share: the options of a run, packets, commands, results."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from amaranth import Shape
from numpy.typing import NDArray

from gemmule.gen.block import Arrays, Beats, Job, Repeated
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format
from gemmule.golden.common.lanes import from_words, last_of, to_words
from gemmule.golden.common.options import Options, option
from gemmule.golden.common.requantize import ROUNDINGS, Requantization, Rounding
from gemmule.golden.systolic.beats import DIM_WIDTH, Tiling
from gemmule.golden.systolic.cycles import cycles
from gemmule.golden.systolic.gemm import zero_points
from gemmule.hw.systolic.command import product_status
from gemmule.hw.systolic.params import ProductParams

from .product import GemmCall, fastest
from .settings import settings_packets

__all__ = [
    "BY_ROW",
    "SCALING",
    "ProductAdapter",
    "ProductRun",
    "ScaledRun",
    "batched",
    "batched_rows",
    "given",
    "packet",
]


@dataclass(frozen=True, kw_only=True)
class ScaledRun(Options):
    """The run options of whatever requantizes."""

    rounding: str = option("half_even", choices=ROUNDINGS, help="how requantization rounds ties")
    c_format: Format | None = option(
        None, widths=(1, 48), help="format of the result; by default s32, or s8 with a multiplier"
    )
    clamp: tuple[int, ...] | None = option(
        None, help="limits LOW,HIGH of the result after the zero point; a ReLU is a clamp"
    )


@dataclass(frozen=True, kw_only=True)
class ProductRun(ScaledRun):
    """The run options of a product on an array."""

    run_dataflow: str = option(
        "auto",
        choices=("auto", "ws", "os"),
        help="weight-stationary, output-stationary, or whichever takes fewer cycles (auto)",
    )


SCALING = ("bias", "multiplier", "shift", "zero_point")
"""Arrays of what follows the sums."""

BY_ROW = ("row_multiplier", "row_shift")
"""Those that count beside them, row by row."""


class ProductAdapter:
    """What the adapters of products share: settings, commands, packets."""

    def _scaling(
        self, params: ProductParams, run: ProductRun, arrays: Arrays, shape: tuple[int, ...]
    ) -> tuple[Requantization, dict[str, Any], NDArray[np.int64]]:
        """Return what follows the sums, the zero points as given, and those of ``b`` in full.

        ``shape`` is that of ``c``.
        """
        *rows, columns = shape
        zeros = given(arrays, ("a_zero_point", "b_zero_point"))
        if not params.row_scales and (scales := given(arrays, BY_ROW)):
            raise UsageError(
                f"{next(iter(scales))} needs hardware with --row-scales true, not false"
            )
        requantization = Requantization.check(
            columns,
            rows=tuple(rows),
            **given(arrays, (*SCALING, *BY_ROW)),
            **self._settings(params, run),
        )
        zero_points("a_zero_point", zeros.get("a_zero_point"), params.a_format, 1)
        b_zero = zero_points("b_zero_point", zeros.get("b_zero_point"), params.b_format, columns)
        if b_zero.any() and not params.b_zero_points:
            raise UsageError("b_zero_point needs hardware with --b-zero-points true, not false")
        return requantization, zeros, b_zero

    def job(
        self,
        params: ProductParams,
        run: ProductRun,
        choices: Sequence[Sequence[GemmCall]],
        requantization: Requantization,
        b_zero: NDArray[np.int64],
        golden: NDArray[np.int64],
    ) -> Job:
        """Return a job of one command for each of ``choices``, of which the fastest is taken.

        ``golden`` is what they give.
        """
        pairs = [fastest(params, run.run_dataflow, each) for each in choices]
        tilings = [tiling for tiling, _ in pairs]
        once = _Once()
        packets = [
            {
                "command": self._command(
                    params, tiling, requantization, beside=product.rows is not None
                ),
                "a": once(self._a_packet, params, tiling, product.a),
                "b": once(self._b_packet, params, tiling, product.b),
                **settings_packets(params, tiling, product, requantization, b_zero),
            }
            for tiling, product in pairs
        ]
        send = {name: Repeated.joined([each[name] for each in packets]) for name in packets[0]}
        edges = np.cumsum([0, *(tiling.c_count for tiling in tilings)])

        def decode(received: dict[str, Beats]) -> dict[str, NDArray]:
            fmt = requantization.format
            lanes = [
                from_words(received["c"], lane * params.out_width, fmt.width, 1, signed=fmt.signed)
                for lane in range(params.cols * params.m_lanes)
            ]
            values = np.concatenate(lanes, axis=1)
            items = [
                _apart(params, *pair, values[low:high])
                for pair, low, high in zip(pairs, edges[:-1], edges[1:], strict=True)
            ]
            return {"c": np.stack(items).reshape(golden.shape).astype(fmt.dtype)}

        def results() -> dict[str, Beats]:
            items = golden.reshape(-1, *golden.shape[-2:])
            packets = [_together(params, *pair, c) for pair, c in zip(pairs, items, strict=True)]
            status = Shape.cast(product_status(params)).width
            return {
                "c": np.concatenate([packet(each, params.out_width) for each in packets]),
                "status": to_words(([0] * len(pairs), status)),
            }

        return Job(
            send=send,
            receive={"c": int(edges[-1]), "status": len(tilings)},
            decode=decode,
            golden={"c": golden.astype(requantization.format.dtype)},
            results=results,
            macs=sum(len(product.a) * tiling.n * tiling.k for tiling, product in pairs),
            peak_macs_per_cycle=params.rows * params.cols * params.m_lanes,
            counters={
                "commands": len(tilings),
                "output_stationary_commands": sum(t.output_stationary for t in tilings),
                "swapped_commands": sum(product.swapped for _, product in pairs),
                "modeled_cycles": cycles(tilings, result_latency=params.result_latency),
            },
        )

    def _a_packet(self, params: Any, tiling: Tiling, a: NDArray[np.int64]) -> Repeated:
        """Lay out all of ``a`` for each tile of N."""
        lanes, width = params.m_lanes, Shape.cast(params.a_shape).width
        rows = np.pad(a, ((0, -len(a) % lanes), (0, 0)))
        tile = np.concatenate([tiling.a_tile(rows[lane::lanes]) for lane in range(lanes)], axis=1)
        beats = to_words((tile, width), (np.zeros(len(tile), bool), 1))
        return Repeated.packet([(beats, tiling.n_tiles)], tile.shape[1] * width)

    def _b_packet(self, params: Any, tiling: Tiling, b: NDArray[np.int64]) -> Repeated:
        """Lay out each tile of ``b`` for each stretch of M."""
        width, none = Shape.cast(params.b_shape).width, np.zeros(tiling.k, bool)
        tiles = [to_words((tile, width), (none, 1)) for tile in tiling.b_tiles(b)]
        times = len(tiling.stretches)
        return Repeated.packet([(tile, times) for tile in tiles], params.cols * width)

    def _settings(self, params: ProductParams, run: ProductRun) -> dict[str, Any]:
        return {
            "rounding": run.rounding,
            "c_format": run.c_format,
            "clamp": run.clamp,
            "out_width": params.out_width,
            "multiplier_width": params.multiplier_width,
            "max_shift": params.max_shift,
        }

    def _command(
        self, params: ProductParams, tiling: Tiling, scale: Requantization, *, beside: bool
    ) -> Beats:
        bound = params.out_width + 1
        return to_words(
            ([tiling.m], DIM_WIDTH),
            ([tiling.n], DIM_WIDTH),
            ([tiling.k], DIM_WIDTH),
            ([tiling.output_stationary], 1),
            ([Rounding[scale.rounding.upper()]], Shape.cast(Rounding).width),
            ([scale.zero_point], bound),
            ([scale.low], bound),
            ([scale.high], bound),
            *([([tiling.by_row], 1), ([beside], 1)] if params.row_scales else []),
        )


class _Once:
    """Packets of operands, made once for all commands of a batch that take the same one."""

    def __init__(self) -> None:
        self._made: dict[tuple, Repeated] = {}

    def __call__(
        self, make: Callable[..., Repeated], params: ProductParams, tiling: Tiling, operand: NDArray
    ) -> Repeated:
        place = operand.__array_interface__["data"][0], operand.shape, operand.strides
        key = (make.__name__, tiling, *place)
        if key not in self._made:
            self._made[key] = make(params, tiling, operand)
        return self._made[key]


def packet(lanes: NDArray[np.int64], width: int) -> Beats:
    """Return one packet of beats ``[beats, lanes]`` whose lanes take ``width`` bits."""
    return to_words((lanes, width), (last_of(len(lanes)), 1))


def _apart(
    params: ProductParams, tiling: Tiling, product: GemmCall, beats: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the rows of c from beats that hold several."""
    rows = [
        tiling.c_array(beats[:, lane * params.cols :][:, : params.cols])
        for lane in range(params.m_lanes)
    ]
    c = np.stack(rows, axis=1).reshape(-1, tiling.n)[: len(product.a)]
    return c.T if product.swapped else c


def _together(
    params: ProductParams, tiling: Tiling, product: GemmCall, c: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the lanes of the beats that bring ``c``, the inverse of :func:`_apart`."""
    rows = c.T if product.swapped else c
    rows = np.pad(rows, ((0, -len(rows) % params.m_lanes), (0, -tiling.n % params.cols)))
    lanes = [
        part.reshape(len(part), tiling.n_tiles, params.cols).swapaxes(0, 1).reshape(-1, params.cols)
        for part in (rows[lane :: params.m_lanes] for lane in range(params.m_lanes))
    ]
    return np.concatenate(lanes, axis=1)


def batched(
    a: NDArray[np.int64], b: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return ``a`` and ``b`` as equally many matrices, broadcast as `numpy.matmul` does."""
    count = max(x.shape[0] if x.ndim == 3 else 1 for x in (a, b))
    left, right = (np.broadcast_to(x, (count, *x.shape[-2:])) for x in (a, b))
    return left, right


def batched_rows(rows: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Broadcast ``rows``, ``[columns]`` or ``[count, columns]``, to each of ``count`` products."""
    return np.broadcast_to(rows, (count, rows.shape[-1]))


def given(arrays: Arrays, names: Sequence[str]) -> dict[str, Any]:
    """Return those of the arrays ``names`` that there are."""
    return {name: arrays[name] for name in names if name in arrays}
