"""Benchmark `minilm-nonlinear`: MiniLM's first two layers, our nonlinear units in RTL in it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from gemmule.gen.blocks.nonlinear.layernorm import LayernormRun
from gemmule.gen.simulation.simulate import simulate
from gemmule.golden.common.formats import Format
from gemmule.hw.nonlinear.layernorm_params import LayernormParams
from gemmule.hw.nonlinear.params import PARAMS
from gemmule.hw.nonlinear.softmax_params import SoftmaxParams
from gemmule.tb.common.minilm import SENTENCES, Ops, cosine, load

mpl.use("Agg")
from matplotlib import pyplot as plt

__all__ = ["SUMMARY", "run"]

SUMMARY = "cosine of MiniLM's first two layers against float32, our nonlinear units in RTL"

LAYERS = 2
EPSILON = 1e-12


@dataclass(frozen=True)
class Ports:
    """The formats at the ports of the units; those of a norm are x, y, gamma and beta.

    ``inner`` follows the attention, ``outer`` the feed-forward part, whose residual reaches 222.
    """

    softmax: tuple[str, str]
    gelu: tuple[str, str]
    inner: tuple[str, str, str, str]
    outer: tuple[str, str, str, str]
    least: float | None


WIDE = ("sq9.7", "sq6.10", "sq3.13", "sq3.13")
PORTS = {
    "8 bits, norms 16": Ports(("sq6.2", "uq0.8"), ("sq4.4", "sq4.4"), WIDE, WIDE, 0.98),
    "12 bits": Ports(
        ("sq7.5", "uq0.12"),
        ("sq5.7", "sq5.7"),
        ("sq5.7", "sq6.6", "sq2.10", "sq2.10"),
        ("sq8.4", "sq5.7", "sq1.11", "sq1.11"),
        0.998,
    ),
    "16 bits": Ports(("sq7.9", "uq0.16"), ("sq5.11", "sq5.11"), WIDE, WIDE, 0.9999),
    "8 bits": Ports(
        ("sq6.2", "uq0.8"),
        ("sq5.3", "sq5.3"),
        ("sq5.3", "sq6.2", "sq2.6", "sq2.6"),
        ("s8", "sq4.4", "sq1.7", "sq1.7"),
        None,
    ),
}
"""Ranges met on the first half of the sentences; the second half measures."""


def run(out: Path, quick: bool) -> list[dict[str, Any]]:
    """Return a row a choice of widths: mean and least cosine over sentences, for each layer."""
    rows = [_row(name, ports, 1 if quick else 6) for name, ports in PORTS.items()]
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for layer in range(1, LAYERS + 1):
        loss = [1 - row[f"layer {layer}"] for row in rows]
        axes.plot([row["ports"] for row in rows], loss, "o-", label=f"layer {layer}")
    axes.set_yscale("log")
    axes.set_ylabel("1 - cosine")
    axes.legend()
    figure.savefig(out / "minilm-nonlinear.png", dpi=120)
    plt.close(figure)
    return rows


def _row(name: str, ports: Ports, sentences: int) -> dict[str, Any]:
    counted: dict[str, int] = {"elements": 0, "cycles": 0}
    ops = _ops(ports, counted)
    cosines = np.array([
        [cosine(model.encode(text), model.encode(text, ops)) for model in _models()]
        for text in SENTENCES[-sentences:]
    ])
    row = {"ports": name, "sentences": sentences}
    row |= {f"layer {n}": round(c, 6) for n, c in enumerate(cosines.mean(axis=0).tolist(), 1)}
    mean = float(cosines.mean())
    row |= {"mean": round(mean, 6), "least": round(float(cosines.min()), 6)}
    return row | {
        "wanted": ports.least,
        "reached": None if ports.least is None else mean >= ports.least,
        **counted,
    }


def _models() -> list[Any]:
    return [replace(load(), layers=count) for count in range(1, LAYERS + 1)]


def _ops(ports: Ports, counted: dict[str, int]) -> Ops:
    """Return operators that go through the RTL, which must agree with golden in every bit."""

    def through(block: str, params: Any, arrays: Mapping[str, NDArray], run=None) -> NDArray:
        ran = simulate(block, params, arrays, run=run)
        counted["elements"] += ran.outputs["y"].size
        counted["cycles"] += ran.cycles
        return params.out_format.real(ran.outputs["y"]).astype(np.float32)

    def softmax(name: str, x: NDArray) -> NDArray:
        params = SoftmaxParams(in_format=ports.softmax[0], out_format=ports.softmax[1])
        rows = x.reshape(-1, x.shape[-1])
        return through("softmax", params, {"x": _integers(rows, params.in_format)}).reshape(x.shape)

    def gelu(name: str, x: NDArray) -> NDArray:
        params = PARAMS["gelu"](in_format=ports.gelu[0], out_format=ports.gelu[1])
        return through("gelu", params, {"x": _integers(x, params.in_format)})

    def norm(name: str, x: NDArray, gamma: NDArray, beta: NDArray) -> NDArray:
        if name.startswith("embeddings"):
            return Ops().layer_norm(name, x, gamma, beta)
        formats = ports.inner if ".attention." in name else ports.outer
        names = ("in_format", "out_format", "gamma_format", "beta_format")
        params = LayernormParams(**dict(zip(names, formats, strict=True)))
        arrays = {
            "x": _integers(x, params.in_format),
            "gamma": _integers(gamma, params.gamma_format),
            "beta": _integers(beta, params.beta_format),
        }
        return through("layernorm", params, arrays, LayernormRun(epsilon=EPSILON))

    return Ops(softmax=softmax, gelu=gelu, layer_norm=norm)


def _integers(x: NDArray, fmt: Format) -> NDArray[np.int64]:
    """Round to the nearest integers of a format, saturated."""
    return np.clip(np.round(x * 2.0**fmt.frac), fmt.low, fmt.high).astype(np.int64)
