"""Wrong traffic for the products on an array, and what their `status` says of it."""

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.catalog import find
from gemmule.golden.systolic.beats import DIM_WIDTH, Refusal
from gemmule.hw.systolic.params import ProductParams
from gemmule.tb.common.fault_table import KINDS, Fault, Rows
from gemmule.tb.systolic.stimuli import scaled, with_rows

__all__ = ["TABLE", "product_rows"]

LONGEST = (1 << DIM_WIDTH) - 1
ROUNDING, CLAMP = {"rounding": 3}, {"low": 1, "high": 0}


def product_rows(
    block: str, flow: str, *, by_row: bool = False, beside: bool = False, **how: object
) -> Rows:
    """Make the rows of a product in one dataflow: settings by column, by row, or ``beside``, both.

    ``how`` are further options of the run.
    """
    by_row_too = {"row_scales": True} if by_row or beside else {}
    params = find(block).params(rows=4, cols=4, acc_depth=16, **by_row_too)
    run = find(block).adapter.Run(run_dataflow=flow, **how)
    scales = ("scale", "row_scale") if beside else ("row_scale",) if by_row else ("scale",)
    streams = ("a", "b", *scales)

    def jobs(number: int) -> dict[str, NDArray]:
        shape = ((5, 6, 12), (6, 9, 32))[number]
        rng = np.random.default_rng(number)
        arrays = scaled(params, rng, shape)
        return with_rows(params, rng, arrays) if beside else arrays

    return Rows(block, params, run, jobs, (*_packets(streams), *_commands(params, streams)))


def _packets(streams: tuple[str, ...]) -> list[Fault]:
    return [
        Fault(stream, kind, {f"{stream}.{'early' if kind == 'early' else 'late'}": 1})
        for stream in streams
        for kind in KINDS
    ]


def _commands(params: ProductParams, streams: tuple[str, ...]) -> list[Fault]:
    empty, long = ({"refused": why} for why in (Refusal.ZERO_SIZE, Refusal.K_TOO_LARGE))
    faults = [Fault("command", "illegal", empty, {size: 0}, absent=streams) for size in "mnk"]
    if params.largest_k < LONGEST:
        faults.append(Fault("command", "illegal", long, {"k": LONGEST}))
    faults.append(Fault("command", "illegal", {"refused": Refusal.NO_SUCH_ROUNDING}, ROUNDING))
    faults.append(Fault("command", "illegal", {"refused": Refusal.CLAMP_ORDER}, CLAMP))
    return faults


TABLE = {
    "gemm-ws": product_rows("gemm", "ws", swap="never"),
    "gemm-os": product_rows("gemm", "os", swap="never"),
    "gemm-by-row": product_rows("gemm", "ws", by_row=True, swap="always"),
    "gemm-both": product_rows("gemm", "ws", beside=True),
    "gemm-both-os": product_rows("gemm", "os", beside=True),
}
