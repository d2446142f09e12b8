"""Wrong traffic for the sparse product and for pruning, and what their `status` says of it."""

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.blocks.sparse.prune24 import Prune24Run
from gemmule.hw.sparse.params import Prune24Params
from gemmule.tb.common.fault_table import KINDS, Fault, Rows
from gemmule.tb.systolic.faults import product_rows

__all__ = ["TABLE"]

EARLY, LATE = {"metric.early": 1}, {"metric.late": 1}


def _ranked(number: int) -> dict[str, NDArray]:
    """Draw weights of either sign, and a metric for them."""
    rng = np.random.default_rng(number)
    shape = ((20, 8), (9, 5))[number]
    return {"w": rng.integers(-128, 128, shape), "metric": rng.integers(9, size=shape)}


PRUNE24 = Rows(
    "prune24",
    Prune24Params(lanes=4),
    Prune24Run(),
    _ranked,
    (
        *(Fault("metric", kind, EARLY if kind == "early" else LATE) for kind in KINDS),
        # A packet of weights may have any length: it is its metrics that end late, or early.
        *(Fault("w", kind, LATE if kind == "early" else EARLY) for kind in KINDS),
    ),
)

TABLE = {
    "sparse_gemm-ws": product_rows("sparse_gemm", "ws", dense=True),
    "sparse_gemm-os": product_rows("sparse_gemm", "os", dense=True),
    "prune24": PRUNE24,
}
