"""HeatViT's multi-head token classifier in int8: which part of each head says "keep"."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format, check_array, check_values
from gemmule.golden.nonlinear.elementwise import build_unit
from gemmule.golden.nonlinear.softmax import softmax
from gemmule.golden.systolic.gemm import gemm, largest_k

__all__ = [
    "ARRAYS",
    "LAYERS",
    "SUM",
    "TOKEN",
    "UNIT",
    "Ops",
    "Selector",
    "layer_shapes",
    "mean_scale",
]

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
    """Return the requantization that divides by ``count``, to 16 bits.

    Examples
    --------
    >>> mean_scale(64)
    {'multiplier': array([32768]), 'shift': array([21])}
    """
    shift = 14 + count.bit_length()
    multiplier = min(round((1 << shift) / count), SCALE.high)
    return {"multiplier": np.array([multiplier]), "shift": np.array([shift])}


def layer_shapes(heads: int, d: int, hidden: int) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the classifier's weights: ``heads`` of ``d`` channels.

    ``hidden`` is the width of the layer between the heads' means and their weights. The last two
    axes are inputs and outputs.
    """
    return {
        "feature": (heads, d, d),
        "mlp1": (heads, d, d // 2),
        "mlp2": (heads, d // 2, d // 4),
        "mlp3": (heads, d // 4, 2),
        "head1": (heads, hidden),
        "head2": (hidden, heads),
    }


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
    def shapes(cls, arrays: Mapping[str, NDArray]) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the weights of ``arrays``, if all are there.

        They are named as in :data:`ARRAYS`.
        """
        missing = [name for name, *_ in ARRAYS if name not in arrays]
        if missing:
            raise UsageError(f"--score heatvit needs the arrays {', '.join(missing)}")
        feature, head1 = (np.shape(arrays[f"{name}_weight"]) for name in ("feature", "head1"))
        if len(feature) != 3 or feature[1] % 4 or 0 in feature:
            raise UsageError(
                "feature_weight must have shape [heads, d, d] with d a multiple of 4,"
                f" not {list(feature)}"
            )
        heads, d, _ = feature
        hidden = head1[-1] if head1 else 0
        longest = largest_k(TOKEN, TOKEN, S32.width)
        if not 1 <= hidden <= longest or heads * d > longest:
            raise UsageError(
                f"head1_weight must have 1 to {longest} columns, and heads * d be at most as many,"
                f" not {hidden} and {heads * d}"
            )
        return layer_shapes(heads, d, hidden)

    @classmethod
    def refuse(cls, arrays: Mapping[str, NDArray]) -> None:
        """Refuse ``arrays`` that are no classifier, or no tokens of its width."""
        shapes = cls.shapes(arrays)
        heads, d, _ = shapes["feature"]
        _refuse_tokens(arrays, heads * d)
        for name, shape in shapes.items():
            for each, fmt, wanted in _fields(name, shape):
                check_values(each, arrays[each], fmt, shape=wanted)

    @classmethod
    def check(cls, arrays: Mapping[str, ArrayLike]) -> "Selector":
        """Return the classifier of ``arrays``, once they are checked."""
        return cls({
            name: Layer(
                *(check_array(n, arrays[n], f, shape=s) for n, f, s in _fields(name, shape))
            )
            for name, shape in cls.shapes({n: np.asarray(a) for n, a in arrays.items()}).items()
        })

    @property
    def heads(self) -> int:
        """How many heads."""
        return self.layers["feature"].weight.shape[0]

    def check_tokens(self, arrays: Mapping[str, ArrayLike]) -> Integers:
        """Return the tokens ``[N, heads * d]`` of ``arrays``, once they are checked."""
        heads, d, _ = self.layers["feature"].weight.shape
        _refuse_tokens(arrays, heads * d)
        return np.asarray(arrays["tokens"]).astype(np.int64)

    def heads_of(
        self, tokens: Integers, valid: NDArray[np.bool_], fmt: Format, ops: Ops | None = None
    ) -> tuple[Integers, Integers]:
        """Return each head's score ``[N, heads]`` and weight, in ``fmt``'s bits as UQ(1, ..)."""
        ops = ops or Ops()
        unit = Format(signed=False, width=fmt.width, frac=fmt.width - 1)
        count, heads = len(tokens), self.heads
        split = tokens.reshape(count, heads, -1).swapaxes(0, 1)
        logits = self._logits(ops, split, valid)
        parts = ops.softmax(logits.reshape(-1, 2), unit)[:, 0].reshape(heads, count).T
        return parts, self._weights(ops, tokens, unit)

    def _logits(self, ops: Ops, split: Integers, valid: NDArray[np.bool_]) -> Integers:
        """Return ``[heads, N, 2]``: keep and drop."""
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
        """Return the weights of the heads, ``[N, heads]``.

        The first layer sums the channels, its multiplier holds their ``1/d``.
        """
        first = self.layers["head1"]
        repeated = np.repeat(first.weight, tokens.shape[1] // self.heads, axis=0)
        hidden = ops.gelu(replace(first, weight=repeated)(ops, tokens))
        return ops.sigmoid(self.layers["head2"](ops, hidden), unit)


def _refuse_tokens(arrays: Mapping[str, ArrayLike], width: int) -> None:
    if "tokens" not in arrays:
        raise UsageError("--score heatvit needs the array tokens")
    check_values("tokens", arrays["tokens"], TOKEN, shape=(None, width))
    if not np.shape(arrays["tokens"])[0]:
        raise UsageError("tokens must be at least 1, not 0")


def _fields(name: str, shape: tuple[int, ...]) -> Iterator[tuple[str, Format, tuple[int, ...]]]:
    """Yield the arrays of a layer, in the order of its fields: names, formats, shapes."""
    yield f"{name}_weight", TOKEN, shape
    yield f"{name}_bias", S32, (*shape[:-2], shape[-1])
    yield f"{name}_multiplier", SCALE, (1,)
    yield f"{name}_shift", Format(signed=False, width=MAX_SHIFT.bit_length()), (1,)
