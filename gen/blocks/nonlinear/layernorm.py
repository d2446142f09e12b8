"""How arrays become the beats of layer normalization."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.block import Array, Arrays, Beats, Block, Job
from gemmule.gen.blocks.common.status import clean_status, expect_clean
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import check_array, check_values
from gemmule.golden.common.lanes import from_words, to_words
from gemmule.golden.common.options import Options, option
from gemmule.golden.nonlinear.layernorm import epsilon_code, layernorm
from gemmule.hw.nonlinear.layernorm import Layernorm
from gemmule.hw.nonlinear.layernorm_params import LayernormParams
from gemmule.hw.nonlinear.row.commands import ROWS_WIDTH

from .beats import check_rows, from_rows, to_rows
from .layernorm_sheet import layernorm_sheet

__all__ = ["LAYERNORM"]


@dataclass(frozen=True, kw_only=True)
class LayernormRun(Options):
    """What may differ from run to run."""

    epsilon: float = option(1e-5, help="added to the variance", low=0.0, high=1024.0)


class LayernormAdapter:
    """A packet a row, ``lanes`` entries a beat; the lanes beyond its end are 0."""

    Run = LayernormRun
    inputs = (
        Array("x", "[rows, n]", "--in-format", "rows of at most --max-length"),
        Array("gamma", "[n]", "--gamma-format", "factor of each entry"),
        Array("beta", "[n]", "--beta-format", "added to each entry; 0 if left out", optional=True),
    )
    outputs = (Array("y", "[rows, n]", "--out-format", "the normalized rows"),)

    def check(self, params: LayernormParams, run: LayernormRun, arrays: Arrays) -> None:
        """Refuse wrong rows, a gamma or beta that does not fit them, an epsilon without room."""
        check_rows(arrays["x"], params.in_format, params.max_length)
        n = np.shape(arrays["x"])[1]
        check_values("gamma", arrays["gamma"], params.gamma_format, shape=(n,))
        if "beta" in arrays:
            check_values("beta", arrays["beta"], params.beta_format, shape=(n,))
        code = epsilon_code(run.epsilon, n, params.in_format)
        if code >> params.epsilon_width:
            limit = run.epsilon * 2.0**params.epsilon_width / code
            raise UsageError(
                f"--epsilon must be below {limit:g} for rows of {n}, not {run.epsilon:g}"
            )

    def plan(self, params: LayernormParams, run: LayernormRun, arrays: Arrays) -> Job:
        """Lay out one command, gamma and beta, and the rows."""
        self.check(params, run, arrays)
        x = check_array("x", arrays["x"], params.in_format)
        count, n = x.shape
        gamma = check_array("gamma", arrays["gamma"], params.gamma_format, shape=(n,))
        beta = arrays.get("beta", np.zeros(n, np.int64))
        beta = check_array("beta", beta, params.beta_format, shape=(n,))
        code = epsilon_code(run.epsilon, n, params.in_format)
        weights = [to_rows(each[None], params.lanes) for each in (gamma, beta)]
        beats, last = to_rows(x, params.lanes)
        out = params.out_format
        command = ([count], ROWS_WIDTH), ([n], params.length_width), ([code], params.epsilon_width)

        def decode(received: dict[str, Beats]) -> dict[str, NDArray]:
            expect_clean(received)
            y = from_words(received["y"], 0, out.width, params.lanes, signed=out.signed)
            return {"y": from_rows(y, n, params.lanes).astype(out.dtype)}

        y = layernorm(x, gamma, beta, params.formats, epsilon=run.epsilon, kind=params.kind)
        return Job(
            send={
                "command": to_words(*command),
                "affine": to_words(
                    (weights[0][0], params.gamma_format.width),
                    (weights[1][0], params.beta_format.width),
                    (weights[0][1], 1),
                ),
                "x": to_words((beats, params.in_format.width), (last, 1)),
            },
            receive={"y": len(beats), "status": 1},
            decode=decode,
            golden={"y": y.astype(out.dtype)},
            results=lambda: {
                "y": to_words((to_rows(y, params.lanes)[0], out.width), (last, 1)),
                **clean_status(Layernorm, params),
            },
            counters={"rows": count, "vectors": len(beats)},
        )


LAYERNORM = Block(
    "layernorm",
    "Normalize each row to mean 0 and variance 1, then scale and shift each entry.",
    LayernormParams,
    Layernorm,
    LayernormAdapter(),
    sheet=layernorm_sheet,
)
