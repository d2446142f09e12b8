"""Benchmark `hwpq`: pruning without sorting and without a Hessian, in time and in error."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.prune import (
    FORMS,
    dequantize,
    keep_share,
    metric_of,
    prune_stream,
    row_scales,
    to_codes,
)
from gemmule.tb.common import minilm

from .encoder import calibrate, paragraphs
from .hessian import second_order

__all__ = ["PAPER", "SUMMARY", "run"]

SUMMARY = "HWPQ's pruning and quantization against sorting and against a Hessian method"

PAPER = {"prune": 12.29, "quantize": 5.97}
"""HWPQ's mean factors over its baselines, on LLaMA2 (arXiv 2501.16376, abstract)."""

LIMIT = 300.0
"""Seconds that the Hessian method may take."""

SHORT = 3.0
"""Seconds below which a call is timed three times: other work on the machine disturbs it."""

Row = dict[str, Any]
Case = tuple[str, NDArray, NDArray]


def run(out: Path, quick: bool) -> list[Row]:
    """Return rows of a Gaussian matrix and, if installed, of MiniLM's 36 matrices together."""
    size = 512 if quick else 4096
    rows = list(_measure(f"gaussian {size}x{size}", [_gaussian(size)], sorting=True))
    if minilm.available():
        model = minilm.load()
        grams = calibrate(model, paragraphs(8 if quick else 64))
        names = [name for name in model.linear_names() if not quick or ".0." in name]
        cases = [(name, model.weights[f"{name}.weight"], grams[name]) for name in names]
        rows += _measure(f"MiniLM, {len(cases)} matrices", cases, sorting=False)
    _plot(rows, out)
    return rows


def _gaussian(size: int) -> Case:
    """Draw Gaussian weights, and inputs of unequal energy that share a common part."""
    rng = np.random.default_rng(1)
    w = rng.normal(size=(size, size)).astype(np.float32)
    common = rng.normal(size=(size, size // 4)).astype(np.float32) / np.sqrt(size / 4)
    gram = common @ common.T + np.diag(rng.lognormal(size=size)).astype(np.float32)
    return f"gaussian {size}", w, gram


def _measure(matrix: str, cases: list[Case], *, sorting: bool) -> Iterator[Row]:
    weights, grams = [w for _, w, _ in cases], [gram for _, _, gram in cases]
    energies = [np.diag(gram).astype(np.float32) for gram in grams]
    metrics = {
        form: [metric_of(w, "hwpq", e, form) for w, e in zip(weights, energies, strict=True)]
        for form in FORMS
    }

    def row(method: str, step: str, seconds: float, done: list[NDArray] | None = None) -> Row:
        made: Row = {"matrix": matrix, "method": method, "step": step, "seconds": seconds}
        if done is not None:
            kept = [each != 0 for each in done]
            made["sparsity"] = 1 - int(sum(k.sum() for k in kept)) / sum(k.size for k in kept)
            made["error"] = _error(weights, done, grams)
        return made

    if sorting:
        for name, call in _sorts().items():
            yield row(f"np.{name}(abs(w), axis=None)", "sort", _timed(call, weights)[0])
    seconds, keeps = _timed(lambda w: keep_share(np.abs(w)), weights)
    yield row("magnitude, exact half of a row", "prune", seconds, _masked(weights, keeps))
    seconds, keeps = _timed(lambda w, e: keep_share(metric_of(w, "wanda", e)), weights, energies)
    yield row("Wanda, exact half of a row", "prune", seconds, _masked(weights, keeps))
    ours = {}
    for form in FORMS:
        seconds, pruned = _timed(
            lambda w, e, form=form: prune_stream(w, energy=e, form=form), weights, energies
        )
        ours[form] = seconds
        keeps = [each.keep for each in pruned]
        made = row(f"HWPQ {form}, EWMA", "prune", seconds, _masked(weights, keeps))
        yield made | {"kept_metric": _kept(metrics[form], keeps)}
    yield from _quantized(row, weights, energies)
    yield from _second_order(row, weights, grams, ours["mul"])


def _quantized(row: Callable[..., Row], weights: list, energies: list) -> Iterator[Row]:
    for target in ("int8", "fp8"):
        seconds, done = _timed(
            lambda w, e, target=target: prune_stream(w, energy=e, target=target), weights, energies
        )
        back = [dequantize(each.codes, each.scales, target) for each in done]
        yield row(f"HWPQ mul, EWMA, {target}", "prune and quantize", seconds, back)
    seconds, back = _timed(_round_int8, weights)
    yield row("int8 alone", "quantize", seconds, back)


def _second_order(
    row: Callable[..., Row], weights: list, grams: list, ours: float
) -> Iterator[Row]:
    # Cubic in the number of inputs: a quarter of them tells whether the whole would end in time.
    size = weights[0].shape[1]
    while len(weights) == 1 and size > 256 and _projected(weights[0], grams[0], size) > LIMIT:
        size //= 2
    weights = [w[:size, :size] if len(weights) == 1 else w for w in weights]
    grams = [gram[:size, :size] if len(weights) == 1 else gram for gram in grams]
    shown = f" at {size}x{size}" if len(weights) == 1 else ""
    baseline = {"prune": _timed(lambda w: prune_stream(w), weights)[0] if shown else ours}
    baseline["quantize"] = _timed(_round_int8, weights)[0]
    for step, options in (("prune", {"sparsity": 0.5}), ("quantize", {"levels": 127})):
        seconds, done = _timed(
            lambda w, gram, options=options: second_order(w, gram, **options), weights, grams
        )
        yield {
            **row(f"Hessian{shown}", step, seconds),
            "sparsity": options.get("sparsity", 0.0),
            "error": _error(weights, done, grams),
            "hwpq_is_faster_by": seconds / baseline[step],
            "paper": PAPER[step],
        }


def _projected(w: NDArray, gram: NDArray, size: int) -> float:
    part = size // 4
    return (
        64
        * _timed(
            lambda w, gram: second_order(w, gram, sparsity=0.5),
            [w[:part, :part]],
            [gram[:part, :part]],
        )[0]
    )


def _sorts() -> dict[str, Callable[[NDArray], NDArray]]:
    return {
        "sort": lambda w: np.sort(np.abs(w), axis=None),
        "argsort": lambda w: np.argsort(np.abs(w), axis=None),
        "partition": lambda w: np.partition(np.abs(w), w.size // 2, axis=None),
    }


def _round_int8(w: NDArray) -> NDArray:
    scales = row_scales(w, "int8")
    return dequantize(to_codes(w / scales[:, None], "int8"), scales, "int8")


def _timed(call: Callable[..., Any], *arrays: list) -> tuple[float, list]:
    """Time a call, the least of three where it is short; return the seconds and what it gives."""
    least = float("inf")
    for _ in range(3):
        begun = time.perf_counter()
        done = [call(*each) for each in zip(*arrays, strict=True)]
        least = min(least, time.perf_counter() - begun)
        if least > SHORT:
            break
    return least, done


def _masked(weights: list[NDArray], keeps: list[NDArray]) -> list[NDArray]:
    return [w * keep for w, keep in zip(weights, keeps, strict=True)]


def _kept(metrics: list[NDArray], keeps: list[NDArray]) -> float:
    """Return the share of the metric that is kept, of what the exact half of each row keeps."""
    pairs = list(zip(metrics, keeps, strict=True))
    best = sum(float((metric * keep_share(metric)).sum()) for metric, _ in pairs)
    return sum(float((metric * keep).sum()) for metric, keep in pairs) / best


def _error(weights: list[NDArray], done: list[NDArray], grams: list[NDArray]) -> float:
    """Compute the root of the mean over matrices of ``|X (W' - W)'|**2 / |X W'|**2``."""
    parts = [
        float(np.vdot((new - w) @ gram, new - w) / np.vdot(w @ gram, w))
        for w, new, gram in zip(weights, done, grams, strict=True)
    ]
    return float(np.sqrt(np.mean(parts)))


def _plot(rows: list[Row], out: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    shown = [row for row in rows if "error" in row]
    figure, axes = plt.subplots(figsize=(8, 5))
    for matrix in dict.fromkeys(row["matrix"] for row in shown):
        part = [row for row in shown if row["matrix"] == matrix]
        axes.scatter([r["seconds"] for r in part], [r["error"] for r in part], label=matrix)
        for each in part:
            axes.annotate(each["method"], (each["seconds"], each["error"]), fontsize=6)
    axes.set(xscale="log", xlabel="seconds", ylabel="relative error of the layer's output")
    axes.legend()
    out.mkdir(parents=True, exist_ok=True)
    figure.savefig(out / "hwpq.png", dpi=120)
    plt.close(figure)
