"""HeatViT's multi-head token classifier in int8: which part of each head says "keep"."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..common.errors import UsageError
from ..common.formats import Format, check_array
from ..nonlinear.elementwise import build_unit
from ..nonlinear.softmax import softmax
from ..systolic.gemm import gemm

__all__ = ["ARRAYS", "LAYERS", "SUM", "TOKEN", "UNIT", "Ops", "Selector", "mean_scale"]

TOKEN = Format(signed=True, width=8)
SUM = Format.parse("sq4.12")
"""What a layer's sums are requantized to, before its nonlinearity."""
UNIT = Format.parse("sq3.5")
"""What GELU gives, and what the next layer takes."""
S32 = Format(signed=True, width=32)
SCALE = Format(signed=False, width=16)
MAX_SHIFT = 47

LAYERS = {
    "feature": ("[heads, d, d]", "[heads, d]"),
    "mlp1": ("[heads, d, d/2]", "[heads, d/2]"),
    "mlp2": ("[heads, d/2, d/4]", "[heads, d/4]"),
    "mlp3": ("[heads, d/4, 2]", "[heads, 2]"),
    "head1": ("[heads, hidden]", "[hidden]"),
    "head2": ("[hidden, heads]", "[heads]"),
}
"""Shapes of weights and biases: the heads' classifiers, D = heads * d, then the heads' weights."""

ARRAYS = tuple(
    entry
    for name, (weight, bias) in LAYERS.items()
    for entry in (
        (f"{name}_weight", weight, "s8", f"weights of layer {name}"),
        (f"{name}_bias", bias, "s32", "its bias"),
        (f"{name}_multiplier", "[1]", "u16", f"its requantization to {SUM}"),
        (f"{name}_shift", "[1]", f"0..{MAX_SHIFT}", "its requantization"),
    )
)
"""Name, shape, format and meaning of each array but the tokens."""

Integers = NDArray[np.int64]


def _gelu(x: Integers) -> Integers:
    return build_unit("gelu", SUM, UNIT)(x)


def _sigmoid(x: Integers, out: Format) -> Integers:
    return build_unit("sigmoid", SUM, out)(x)


def _softmax(x: Integers, out: Format) -> Integers:
    return softmax(x, SUM, out)


@dataclass(frozen=True)
class Ops:
    """What the classifier computes with: the golden models of blocks, or the blocks themselves.

    ``gemm`` takes ``a``, ``b``, the arrays of requantization and, where it is not s8, ``c_format``.
    """

    gemm: Callable[..., Integers] = gemm
    gelu: Callable[[Integers], Integers] = _gelu
    sigmoid: Callable[[Integers, Format], Integers] = _sigmoid
    softmax: Callable[[Integers, Format], Integers] = _softmax


@dataclass(frozen=True)
class Layer:
    """``requantize(x @ weight + bias)``."""

    weight: Integers
    bias: Integers
    multiplier: Integers
    shift: Integers

    def __call__(self, ops: Ops, x: Integers) -> Integers:
        scale = {"multiplier": self.multiplier, "shift": self.shift, "c_format": f"s{SUM.width}"}
        if self.weight.ndim == 2:
            return ops.gemm(x, self.weight, bias=self.bias, **scale)
        heads = zip(x, self.weight, self.bias, strict=True)
        return np.stack([ops.gemm(part, w, bias=b, **scale) for part, w, b in heads])


def mean_scale(count: int) -> dict[str, Integers]:
    """The requantization that divides by ``count``, to 16 bits.

    Examples
    --------
    >>> mean_scale(64)
    {'multiplier': array([32768]), 'shift': array([21])}
    """
    shift = 14 + count.bit_length()
    multiplier = min(round((1 << shift) / count), SCALE.high)
    return {"multiplier": np.array([multiplier]), "shift": np.array([shift])}


@dataclass(frozen=True)
class Selector:
    """The weights of one stage's classifier.

    For each head, of its ``d`` channels: ``e = gelu(x @ feature)``; the first half of ``e`` is
    local, the second half's mean over the valid tokens is global; three layers on both, GELU
    between them, and a softmax of two give the score. The heads' weights: the mean of each head's
    channels, two layers, GELU between them, a sigmoid. P. Dong et al., "HeatViT", HPCA 2023 (arXiv
    2211.08110); layer widths as in SPViT's code, the width of the heads' hidden layer is free.
    """

    layers: Mapping[str, Layer]

    @classmethod
    def check(cls, arrays: Mapping[str, ArrayLike]) -> "Selector":
        """The classifier of ``arrays``, named as in :data:`ARRAYS`."""
        missing = [name for name, *_ in ARRAYS if name not in arrays]
        if missing:
            raise UsageError(f"--score heatvit needs the arrays {', '.join(missing)}")
        feature = np.asarray(arrays["feature_weight"])
        if feature.ndim != 3 or feature.shape[1] % 4:
            raise UsageError(
                "feature_weight must have shape [heads, d, d] with d a multiple of 4,"
                f" not {list(feature.shape)}"
            )
        heads, d, _ = feature.shape
        hidden = np.asarray(arrays["head1_weight"]).shape[-1]
        shapes = {
            "feature": (heads, d, d),
            "mlp1": (heads, d, d // 2),
            "mlp2": (heads, d // 2, d // 4),
            "mlp3": (heads, d // 4, 2),
            "head1": (heads, hidden),
            "head2": (hidden, heads),
        }
        return cls({name: _layer(name, shape, arrays) for name, shape in shapes.items()})

    @property
    def heads(self) -> int:
        """How many heads."""
        return self.layers["feature"].weight.shape[0]

    def check_tokens(self, arrays: Mapping[str, ArrayLike]) -> Integers:
        """The tokens ``[N, heads * d]`` of ``arrays``."""
        if "tokens" not in arrays:
            raise UsageError("--score heatvit needs the array tokens")
        heads, d, _ = self.layers["feature"].weight.shape
        tokens = check_array("tokens", arrays["tokens"], TOKEN, shape=(None, heads * d))
        if not len(tokens):
            raise UsageError("tokens must be at least 1, not 0")
        return tokens

    def heads_of(
        self, tokens: Integers, valid: NDArray[np.bool_], fmt: Format, ops: Ops | None = None
    ) -> tuple[Integers, Integers]:
        """Each head's score ``[N, heads]`` and its weight, in the bits of ``fmt`` as UQ(1, ..)."""
        ops = ops or Ops()
        unit = Format(signed=False, width=fmt.width, frac=fmt.width - 1)
        count, heads = len(tokens), self.heads
        split = tokens.reshape(count, heads, -1).swapaxes(0, 1)
        logits = self._logits(ops, split, valid)
        parts = ops.softmax(logits.reshape(-1, 2), unit)[:, 0].reshape(heads, count).T
        return parts, self._weights(ops, tokens, unit)

    def _logits(self, ops: Ops, split: Integers, valid: NDArray[np.bool_]) -> Integers:
        """``[heads, N, 2]``: keep and drop."""
        feature = ops.gelu(self.layers["feature"](ops, split))
        half = feature.shape[2] // 2
        number = max(int(valid.sum()), 1)
        ones = valid.astype(np.int64)[None]
        shared = [ops.gemm(ones, part[:, half:], **mean_scale(number)) for part in feature]
        spread = np.broadcast_to(np.stack(shared), (*feature.shape[:2], feature.shape[2] - half))
        hidden = np.concatenate([feature[:, :, :half], spread], axis=2)
        for name in ("mlp1", "mlp2"):
            hidden = ops.gelu(self.layers[name](ops, hidden))
        return self.layers["mlp3"](ops, hidden)

    def _weights(self, ops: Ops, tokens: Integers, unit: Format) -> Integers:
        """``[N, heads]``; the first layer sums the channels, its multiplier holds their ``1/d``."""
        first = self.layers["head1"]
        repeated = np.repeat(first.weight, tokens.shape[1] // self.heads, axis=0)
        hidden = ops.gelu(replace(first, weight=repeated)(ops, tokens))
        return ops.sigmoid(self.layers["head2"](ops, hidden), unit)


def _layer(name: str, shape: tuple[int, ...], arrays: Mapping[str, ArrayLike]) -> Layer:
    bias = (*shape[:-2], shape[-1])
    shift = Format(signed=False, width=MAX_SHIFT.bit_length())
    return Layer(
        check_array(f"{name}_weight", arrays[f"{name}_weight"], TOKEN, shape=shape),
        check_array(f"{name}_bias", arrays[f"{name}_bias"], S32, shape=bias),
        check_array(f"{name}_multiplier", arrays[f"{name}_multiplier"], SCALE, shape=(1,)),
        check_array(f"{name}_shift", arrays[f"{name}_shift"], shift, shape=(1,)),
    )
