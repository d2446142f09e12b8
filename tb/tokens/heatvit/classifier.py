"""HeatViT's multi-head classifier in floating point, with random weights, and its int8 twin."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.nonlinear.functions import FUNCTIONS
from gemmule.golden.tokens.heatvit import SUM, UNIT, layer_shapes

__all__ = ["FloatSelector", "quantized"]

Real = NDArray[np.float64]


@dataclass(frozen=True)
class FloatSelector:
    """Weights ``[..., in, out]`` and biases by layer, as `golden.tokens.heatvit` names them."""

    weights: Mapping[str, Real]
    biases: Mapping[str, Real]

    @classmethod
    def random(cls, heads: int, d: int, hidden: int, rng: np.random.Generator) -> "FloatSelector":
        """Draw normal weights that keep the size of a layer's sums near 1, and small biases."""
        shapes = layer_shapes(heads, d, hidden)
        weights = {
            name: rng.normal(0, math.sqrt((1 if name == "feature" else 2) / shape[-2]), shape)
            for name, shape in shapes.items()
        }
        # The mean of d channels is smaller than they are by the root of d.
        weights["head1"] *= math.sqrt(d)
        biases = {
            name: rng.normal(0, 0.1, (*shape[:-2], shape[-1])) for name, shape in shapes.items()
        }
        return cls(weights, biases)

    def __call__(self, tokens: Real) -> Real:
        """Return the score of each token ``[N]``, all of them valid."""
        heads, d, _ = self.weights["feature"].shape
        gelu, sigmoid = FUNCTIONS["gelu"].true, FUNCTIONS["sigmoid"].true
        split = tokens.reshape(len(tokens), heads, d).swapaxes(0, 1)
        feature = gelu(self._linear("feature", split))
        shared = np.broadcast_to(
            feature[:, :, d // 2 :].mean(axis=1, keepdims=True), (heads, len(tokens), d - d // 2)
        )
        hidden = np.concatenate([feature[:, :, : d // 2], shared], axis=2)
        for name in ("mlp1", "mlp2"):
            hidden = gelu(self._linear(name, hidden))
        keep, drop = np.moveaxis(self._linear("mlp3", hidden), 2, 0)
        means = split.mean(axis=2).T
        weights = sigmoid(self._linear("head2", gelu(self._linear("head1", means))))
        return (weights * sigmoid(keep - drop).T).sum(axis=1) / weights.sum(axis=1)

    def _linear(self, name: str, x: Real) -> Real:
        return x @ self.weights[name] + self.biases[name][..., None, :]


def quantized(selector: FloatSelector, tokens: Real) -> dict[str, NDArray[np.int64]]:
    """Quantize tokens and weights to int8, one scale a layer: the arrays of ``--score heatvit``."""
    step = np.abs(tokens).max() / 127
    arrays = {"tokens": np.rint(tokens / step).astype(np.int64)}
    d = selector.weights["feature"].shape[1]
    incoming = {"feature": step, "head1": step / d}
    for name, weight in selector.weights.items():
        scale = np.abs(weight).max() / 127
        unit = scale * incoming.get(name, 2.0**-UNIT.frac)
        # multiplier / 2**shift turns a sum, in steps of `unit`, into steps of the sums' format.
        ratio = unit * 2.0**SUM.frac
        shift = 15 - math.floor(math.log2(ratio))
        arrays[f"{name}_weight"] = np.rint(weight / scale).astype(np.int64)
        arrays[f"{name}_bias"] = np.rint(selector.biases[name] / unit).astype(np.int64)
        arrays[f"{name}_multiplier"] = np.array([min(round(ratio * 2.0**shift), 65535)])
        arrays[f"{name}_shift"] = np.array([shift])
    return arrays
