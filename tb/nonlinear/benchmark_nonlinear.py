"""Benchmark `nonlinear`: error, size and latency of every unit and set of coefficients."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

from gemmule.gen.block import Block
from gemmule.gen.blocks.nonlinear.elementwise import ELEMENTWISE
from gemmule.gen.catalog import find
from gemmule.gen.synthesis.synth import synthesize
from gemmule.gen.verilog.emit import emit
from gemmule.golden.common.formats import Format
from gemmule.golden.common.options import Options
from gemmule.golden.nonlinear.elementwise import domain, truth
from gemmule.golden.nonlinear.error import Error, measure
from gemmule.golden.nonlinear.layernorm import RootReciprocal, layernorm
from gemmule.golden.nonlinear.softmax import exp_unit, softmax
from gemmule.hw.nonlinear.layernorm_params import LayernormParams
from gemmule.hw.nonlinear.params import ElementwiseParams
from gemmule.hw.nonlinear.softmax_params import SoftmaxParams

from .golden.truth import true_layernorm, true_softmax

mpl.use("Agg")
from matplotlib import pyplot as plt

__all__ = ["SUMMARY", "plot", "row", "run"]

SUMMARY = "error over the whole domain, latency, and size a lane of each nonlinear unit"

BOARDS = ("zcu102", "vc709")
LANES = 4
EIGHT = {"in_format": "sq4.4", "out_format": "sq4.4"}
ITA = (
    {"unit": "ITA i-GELU (cited)", "lut_zcu102": 132, "ff_zcu102": 76, "dsp_zcu102": 2},
    {"unit": "ITA requantizer (cited)", "lut_zcu102": 272, "ff_zcu102": 50, "dsp_zcu102": 1},
    {"unit": "ITA softmax, 16 lanes (cited, whole)", "lut_zcu102": 5635, "ff_zcu102": 663},
)
"""Islamoglu et al. (arXiv 2307.03493), their public RTL through Yosys; a lane each."""


def run(out: Path, quick: bool) -> list[dict[str, Any]]:
    """Return a row a unit and set, in 16 and in 8 bits; ``quick`` leaves out the synthesis."""
    rows = []
    for block in ELEMENTWISE:
        cases = list(_cases(block))
        plot(block.name, cases, out / f"nonlinear-{block.name}.png")
        for params in cases:
            rows.append(row(block, params, params.error, quick))
    for block, params, error in _rows_of_rows():
        rows.append(row(block, params, error, quick))
    return rows + ([] if quick else [dict(each) for each in ITA])


def _cases(block: Block) -> Iterator[ElementwiseParams]:
    sets = block.params.__dataclass_fields__["coefficients"].metadata["choices"]
    for formats in ({}, EIGHT):
        for each in sets:
            yield block.params(coefficients=each, lanes=LANES, **formats)
        if block.name == "gelu":
            yield block.params(coefficients="heatvit", delta1=1.0, lanes=LANES, **formats)


def _rows_of_rows() -> Iterator[tuple[Block, Options, Error]]:
    """Yield softmax and normalization of normally distributed rows of 197."""
    rng = np.random.default_rng(1)
    for coefficients in ("exact", "heatvit"):
        params = SoftmaxParams(coefficients=coefficients)
        x = rng.normal(0, 4, (200, 197)) * 2.0**params.in_format.frac
        x = np.clip(np.round(x), params.in_format.low, params.in_format.high).astype(np.int64)
        y = softmax(x, params.in_format, params.out_format, coefficients=coefficients)
        true = true_softmax(params.in_format.real(x))
        yield find("softmax"), params, measure(y, true, params.out_format)
    for kind in ("layer", "rms"):
        params = LayernormParams(kind=kind)
        x = np.round(rng.normal(0.5, 2, (200, 197)) * 2.0**params.in_format.frac).astype(np.int64)
        one = np.full(197, 1 << params.gamma_format.frac)
        y = layernorm(x, one, one * 0, params.formats, kind=kind)
        true = true_layernorm(params.in_format.real(x), 1.0, 0.0, 1e-5, kind)
        yield find("layernorm"), params, measure(y, true, params.out_format)


def row(block: Block, params: Any, error: Error, quick: bool) -> dict[str, Any]:
    """Return the figures of one unit."""
    made = _made(params)
    figures = {
        "unit": block.name,
        "set": getattr(params, "coefficients", None) or params.kind,
        "delta1": params.delta1
        if getattr(params, "coefficients", "") == "heatvit" and hasattr(params, "delta1")
        else None,
        "in": str(params.in_format),
        "out": str(params.out_format),
        "made of": made,
        "latency": emit(block, params).manifest.latency,
        "max": float(f"{error.maximum:.3g}"),
        "mean": float(f"{error.mean:.3g}"),
        "rms": float(f"{error.rms:.3g}"),
    }
    names = ("max_ulp", "mean_ulp", "rms_ulp")
    figures |= {name: round(steps, 3) for name, steps in zip(names, error.steps, strict=True)}
    for board in () if quick else BOARDS:
        report = synthesize(block, params, board)
        for kind in ("lut", "ff", "dsp"):
            figures[f"{kind}_{board}"] = round(getattr(report, kind) / params.lanes, 1)
    return figures


def _made(params: Any) -> str:
    """Say in words what computes."""
    if isinstance(params, ElementwiseParams):
        return params.unit.made_of
    if isinstance(params, SoftmaxParams):
        return exp_unit(params.in_format, params.coefficients).made_of
    return RootReciprocal().pieces.made_of


def plot(name: str, cases: list[ElementwiseParams], path: Path) -> None:
    """Plot the true curve and ours above, our error below."""
    figure, (above, below) = plt.subplots(2, 1, sharex=True, figsize=(8, 7), layout="constrained")
    first = cases[0]
    x = domain(name, first.in_format)
    real = first.in_format.real(x)
    above.plot(real, _clipped(truth(name, x, first.in_format), first.out_format), "k", label="true")
    for params in cases:
        if params.in_format != first.in_format:
            continue
        x = domain(name, params.in_format, params.coefficients)
        y = params.out_format.real(params.unit(x))
        label = params.coefficients
        if label == "heatvit" and hasattr(params, "delta1"):
            label += f", delta1 {params.delta1:g}"
        above.plot(params.in_format.real(x), y, "--", label=label)
        true = _clipped(truth(name, x, params.in_format), params.out_format)
        below.plot(params.in_format.real(x), y - true, linewidth=0.5, label=label)
    above.set_title(f"{name}, {first.in_format} to {first.out_format}")
    above.legend()
    below.legend()
    below.set_yscale("symlog", linthresh=2.0**-first.out_format.frac)
    below.set_ylabel("error")
    below.set_xlabel("x")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _clipped(true: np.ndarray, fmt: Format) -> np.ndarray:
    return np.clip(true, *fmt.real([fmt.low, fmt.high]))
