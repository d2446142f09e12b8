"""MiniLM's linear layers on an int8 array: calibration, compressed weights, and what is lost."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.prune import Pruned, dequantize
from gemmule.tb.common.minilm import SENTENCES, MiniLM, Ops, cosine

__all__ = ["MODULES", "calibrate", "cosines", "int8_linear", "paragraphs"]

MODULES = (
    "argparse",
    "asyncio",
    "collections",
    "copy",
    "csv",
    "datetime",
    "decimal",
    "difflib",
    "enum",
    "fractions",
    "heapq",
    "inspect",
    "json",
    "logging",
    "pickle",
    "random",
    "shelve",
    "statistics",
    "tarfile",
    "textwrap",
    "threading",
    "timeit",
    "tokenize",
    "turtle",
    "typing",
    "zipfile",
)
"""Python's own modules, whose documentation is the calibration text: English, and always there."""


def paragraphs(count: int) -> list[str]:
    """Return the first ``count`` paragraphs of the documentation of :data:`MODULES`."""
    found = [
        " ".join(part.split())
        for name in MODULES
        for part in (import_module(name).__doc__ or "").split("\n\n")
        if len(part.split()) > 8
    ]
    return found[:count]


def calibrate(model: MiniLM, texts: list[str]) -> dict[str, NDArray[np.float64]]:
    """Compute ``X' X / tokens`` ``[in, in]`` of each linear layer; the diagonal is the energy."""
    grams: dict[str, NDArray] = {}
    tokens = 0

    def linear(name: str, x: NDArray, w: NDArray, b: NDArray) -> NDArray:
        grams[name] = grams.get(name, 0) + x.T.astype(np.float64) @ x
        return x @ w.T + b

    for text in texts:
        tokens += len(model.encode(text, replace(Ops(), linear=linear)))
    return {name: gram / tokens for name, gram in grams.items()}


def int8_linear(layers: dict[str, Pruned]) -> Ops:
    """Return operators with linear layers in int8: weights as given, one scale for the inputs."""
    weights = {
        name: dequantize(layer.codes, layer.scales, "int8").T for name, layer in layers.items()
    }

    def linear(name: str, x: NDArray, w: NDArray, b: NDArray) -> NDArray:
        scale = np.float32(np.abs(x).max() / 127)
        codes = np.clip(np.rint(x / scale), -127, 127)
        return codes * scale @ weights[name] + b

    return replace(Ops(), linear=linear)


def cosines(model: MiniLM, ops: Ops) -> Iterator[float]:
    """Yield the cosine of the hidden states against float32, sentence by sentence."""
    for text, want in zip(SENTENCES, _references(model), strict=True):
        yield cosine(want, model.encode(text, ops))


@cache
def _references(model: MiniLM) -> list[NDArray[np.float32]]:
    return [model.encode(text) for text in SENTENCES]
