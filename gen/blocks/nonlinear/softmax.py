"""How arrays become the beats of softmax."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.block import Array, Arrays, Beats, Block, Job
from gemmule.gen.blocks.common.status import clean_status, expect_clean
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format, check_array, check_values
from gemmule.golden.common.lanes import from_words, to_words
from gemmule.golden.common.options import Options, option
from gemmule.golden.nonlinear.softmax import CODES, DELTA_FRAC, delta_code, softmax
from gemmule.hw.nonlinear.row.commands import ROWS_WIDTH
from gemmule.hw.nonlinear.softmax import Softmax
from gemmule.hw.nonlinear.softmax_params import SoftmaxParams

from .beats import check_rows, from_rows, to_rows
from .softmax_sheet import softmax_sheet

__all__ = ["SOFTMAX"]

FLAG = Format(signed=False, width=1)


@dataclass(frozen=True, kw_only=True)
class SoftmaxRun(Options):
    """What may differ from run to run."""

    delta: float = option(1.0, help="what the result is scaled by", low=0.0, high=1.0)
    log2: bool = option(False, help="4-bit codes of -log2 of the result; 15 where it is masked")


class SoftmaxAdapter:
    """A packet a row, ``lanes`` entries a beat; the lanes beyond its end are masked."""

    Run = SoftmaxRun
    inputs = (
        Array("x", "[rows, n]", "--in-format", "rows of at most --max-length"),
        Array("mask", "[rows, n] or [n]", "bool", "1 counts, 0 is left out", optional=True),
    )
    outputs = (
        Array(
            "y", "[rows, n]", "--out-format", "probabilities, 0 where masked; with --log2, u4 codes"
        ),
    )

    def check(self, params: SoftmaxParams, run: SoftmaxRun, arrays: Arrays) -> None:
        """Refuse wrong rows, and a mask that does not fit them."""
        check_rows(arrays["x"], params.in_format, params.max_length)
        rows, n = np.shape(arrays["x"])
        if "mask" in arrays:
            mask = arrays["mask"]
            if np.shape(mask) not in ((n,), (rows, n)):
                raise UsageError(
                    f"mask must have shape [{rows}, {n}] or [{n}], not {list(np.shape(mask))}"
                )
            check_values("mask", mask, FLAG)

    def plan(self, params: SoftmaxParams, run: SoftmaxRun, arrays: Arrays) -> Job:
        """Lay out one command and the rows."""
        self.check(params, run, arrays)
        x = check_array("x", arrays["x"], params.in_format)
        count, n = x.shape
        mask = _mask(arrays.get("mask"), count, n)
        code = delta_code(run.delta, log2=run.log2)
        fields = ([count], ROWS_WIDTH), ([code], DELTA_FRAC + 1), ([int(run.log2)], 1)
        beats, last = to_rows(x, params.lanes)
        kept, _ = to_rows(mask, params.lanes)
        out = params.out_format
        dtype = np.dtype(np.uint8) if run.log2 else out.dtype

        def decode(received: dict[str, Beats]) -> dict[str, NDArray]:
            expect_clean(received)
            signed = out.signed and not run.log2
            y = from_words(received["y"], 0, out.width, params.lanes, signed=signed)
            return {"y": from_rows(y, n, params.lanes).astype(dtype)}

        y = softmax(
            x,
            params.in_format,
            out,
            mask=mask.astype(bool),
            delta=run.delta,
            log2=run.log2,
            coefficients=params.coefficients,
        )

        def results() -> dict[str, Beats]:
            # What lies beyond the end of a row is masked.
            masked = CODES - 1 if run.log2 else 0
            return {
                "y": to_words(
                    (to_rows(y - masked, params.lanes)[0] + masked, out.width), (last, 1)
                ),
                **clean_status(Softmax, params),
            }

        return Job(
            send={
                "command": to_words(*fields),
                "x": to_words((beats, params.in_format.width), (kept, 1), (last, 1)),
            },
            receive={"y": len(beats), "status": 1},
            decode=decode,
            golden={"y": y.astype(dtype)},
            results=results,
            counters={"rows": count, "vectors": len(beats)},
        )


def _mask(mask: NDArray | None, rows: int, n: int) -> NDArray[np.int64]:
    if mask is None:
        return np.ones((rows, n), np.int64)
    return np.broadcast_to(np.asarray(mask).astype(np.int64), (rows, n))


SOFTMAX = Block(
    "softmax",
    "Compute the softmax of each row, masked entries left out.",
    SoftmaxParams,
    Softmax,
    SoftmaxAdapter(),
    sheet=softmax_sheet,
)
