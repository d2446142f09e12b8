"""Arrays for `gemmule verify`: one stage of moderate size for each token block."""

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.common.options import Options
from gemmule.hw.tokens.params import TokenPackParams, TokenSelectParams
from gemmule.hw.tokens.score_params import TokenScoreParams
from gemmule.tb.common.sampling import values

from .heatvit.classifier import FloatSelector, quantized

__all__ = ["STIMULI", "selector", "token_pack", "token_score", "token_select"]

COUNT, LENGTH, HEADS = 29, 40, 3


def token_score(
    params: TokenScoreParams, run: Options, rng: np.random.Generator
) -> dict[str, NDArray]:
    """Draw attention of three heads, or a small classifier; less where the hardware has less."""
    heads, count = min(HEADS, params.max_heads), min(COUNT, params.max_tokens)
    if run.score == "heatvit":
        classifier = FloatSelector.random(heads, 8, heads, rng)
        return quantized(classifier, rng.normal(0, 1, (count, heads * 8)))
    shape = (heads, count) if run.score == "class_attention" else (heads, count, count)
    return {"attention": values(rng, params.attention_format, shape)}


def token_select(
    params: TokenSelectParams, run: Options, rng: np.random.Generator
) -> dict[str, NDArray]:
    """Draw scores with ties, some of tokens that are not valid."""
    count = min(COUNT, params.max_tokens)
    return {
        "scores": values(rng, params.score_format, (count,)),
        "valid": rng.random(count) < 0.8,
    }


def selector(params: TokenPackParams, run: Options, rng: np.random.Generator) -> dict[str, NDArray]:
    """Draw what :func:`token_select` has, with tokens and an earlier package."""
    arrays = token_select(params, run, rng)
    count, length = len(arrays["scores"]), min(LENGTH, params.max_length)
    arrays["tokens"] = values(rng, params.token_format, (count, length))
    arrays["previous_package"] = values(rng, params.token_format, (length,))
    arrays["previous_weight"] = rng.integers(1 << params.weight_width, size=1)
    return arrays


def token_pack(
    params: TokenPackParams, run: Options, rng: np.random.Generator
) -> dict[str, NDArray]:
    """Draw what :func:`selector` has, with a mask."""
    arrays = selector(params, run, rng)
    return arrays | {"mask": rng.random(len(arrays["scores"])) < 0.5}


STIMULI = {
    "token_score": token_score,
    "token_select": token_select,
    "token_pack": token_pack,
    "selector": selector,
}
