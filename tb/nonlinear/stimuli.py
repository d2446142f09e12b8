"""Arrays to verify the blocks with when the user gives none, and rows that are hard."""

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.blocks.nonlinear.elementwise import ELEMENTWISE
from gemmule.golden.common.formats import Format
from gemmule.golden.common.options import Options
from gemmule.golden.nonlinear.units import every
from gemmule.hw.nonlinear.layernorm_params import LayernormParams
from gemmule.hw.nonlinear.params import ElementwiseParams
from gemmule.hw.nonlinear.softmax_params import SoftmaxParams
from gemmule.tb.common.sampling import values

__all__ = ["STIMULI", "elementwise", "exhaustive", "hard_rows", "layernorm", "softmax"]

Integers = NDArray[np.int64]


def hard_rows(fmt: Format, n: int, rng: np.random.Generator) -> Integers:
    """Draw rows all equal, all least, all greatest, one hot, of alternating extremes, of any value.

    In some the entries are near each other, so that no result is 0.
    """
    low, high = fmt.low, fmt.high
    place = np.arange(n)
    spread = 1 << min(fmt.frac + 1, fmt.width - 2)
    near = rng.integers(-spread, spread, (3, n), endpoint=True)
    return np.concatenate([
        np.zeros((1, n), np.int64),
        np.full((1, n), low),
        np.full((1, n), high),
        np.where(place == n // 2, high, low)[None],
        np.where(place == 0, low, high)[None],
        np.where(place % 2 == 0, low, high)[None],
        (place % 2)[None],
        np.clip(near, low, high),
        rng.integers(low, high, (2, n), endpoint=True),
    ])


def exhaustive(params: ElementwiseParams) -> Integers:
    """List every input of a unit, the extremes first."""
    x = every(params.in_format)
    return np.concatenate([[params.in_format.low, params.in_format.high], x])


def elementwise(
    params: ElementwiseParams, run: Options, rng: np.random.Generator
) -> dict[str, Integers]:
    """Draw a few vectors and a part of one, the extremes first."""
    return {"x": values(rng, params.in_format, (20 * params.lanes + 1,))}


def softmax(params: SoftmaxParams, run: Options, rng: np.random.Generator) -> dict[str, Integers]:
    """Draw hard rows that no vector divides, a third of the entries masked, one row wholly."""
    x = hard_rows(params.in_format, min(params.max_length, 3 * params.lanes + 1), rng)
    mask = rng.random(x.shape) < 2 / 3
    mask[3] = False
    return {"x": x, "mask": mask}


def layernorm(
    params: LayernormParams, run: Options, rng: np.random.Generator
) -> dict[str, Integers]:
    """Draw hard rows that no vector divides, any gamma and beta."""
    n = min(params.max_length, 3 * params.lanes + 1)
    return {
        "x": hard_rows(params.in_format, n, rng),
        "gamma": values(rng, params.gamma_format, (n,)),
        "beta": values(rng, params.beta_format, (n,)),
    }


STIMULI = {
    "softmax": softmax,
    "layernorm": layernorm,
    **dict.fromkeys((block.name for block in ELEMENTWISE), elementwise),
}
