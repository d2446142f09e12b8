"""What softmax and layer normalization do about wrong traffic."""

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.blocks.nonlinear.layernorm import LayernormRun
from gemmule.gen.blocks.nonlinear.softmax import SoftmaxRun
from gemmule.golden.nonlinear import layernorm, softmax
from gemmule.hw.nonlinear.layernorm_params import LayernormParams
from gemmule.hw.nonlinear.softmax_params import SoftmaxParams
from gemmule.tb.common.fault_table import Fault, Rows
from gemmule.tb.common.sampling import values

__all__ = ["LAYERNORM", "SOFTMAX", "TABLE"]

SOFTMAX = SoftmaxParams(
    in_format="sq5.3", out_format="uq0.8", lanes=4, max_length=26, coefficients="heatvit"
)
LAYERNORM = LayernormParams(
    kind="rms",
    lanes=4,
    max_length=26,
    in_format="sq4.4",
    out_format="sq4.4",
    gamma_format="sq1.7",
    beta_format="sq2.14",
)


def _softmax(number: int) -> dict[str, NDArray]:
    """Draw rows of the greatest length, where alone one can be too long."""
    return {"x": np.random.default_rng(number).integers(-128, 128, (3, 26))}


def _layernorm(number: int) -> dict[str, NDArray]:
    """Draw rows shorter than the greatest length, the second job's longer than the first's."""
    rng, n = np.random.default_rng(number), (9, 17)[number]
    return {
        "x": values(rng, LAYERNORM.in_format, (3, n)),
        "gamma": values(rng, LAYERNORM.gamma_format, (n,)),
        "beta": values(rng, LAYERNORM.beta_format, (n,)),
    }


def _lengths(stream: str) -> tuple[Fault, ...]:
    """List the faults of a stream whose length the command states."""
    return (
        Fault(stream, "early", {f"{stream}.early": 1}),
        Fault(stream, "late", {f"{stream}.late": 1}),
        Fault(stream, "missing", {f"{stream}.late": 1}),
    )


def _illegal(status: int, *absent: str, **fields: int) -> Fault:
    return Fault("command", "illegal", {"refused": status}, fields, absent)


TABLE = {
    "softmax": Rows(
        "softmax",
        SOFTMAX,
        SoftmaxRun(),
        _softmax,
        (
            # A row may be of any length.
            Fault("x", "early", {}),
            Fault("x", "late", {"x.late": 1}),
            Fault("x", "missing", {"x.late": 1}),
            _illegal(softmax.Refusal.ZERO_ROWS, "x", rows=0),
            _illegal(softmax.Refusal.DELTA_TOO_LARGE, delta=4097),
            _illegal(softmax.Refusal.DELTA_TOO_LARGE, delta=8191, log2=1),
        ),
    ),
    "layernorm": Rows(
        "layernorm",
        LAYERNORM,
        LayernormRun(),
        _layernorm,
        (
            *_lengths("x"),
            *_lengths("affine"),
            _illegal(layernorm.Refusal.ZERO_SIZE, "affine", "x", rows=0),
            _illegal(layernorm.Refusal.ZERO_SIZE, "affine", "x", length=0),
            _illegal(layernorm.Refusal.LENGTH_TOO_LARGE, length=27),
            _illegal(layernorm.Refusal.LENGTH_TOO_LARGE, length=31),
        ),
    ),
}
