"""Benchmark `sparse`: a 2:4 array against the dense one with as many multipliers."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from gemmule.gen.catalog import find
from gemmule.gen.simulation.simulate import Simulation, simulate
from gemmule.gen.synthesis.synth import synthesize
from gemmule.golden.prune import Pruned, prune, row_scales, to_codes
from gemmule.hw.sparse.params import SparseArrayParams, SparseGemmParams
from gemmule.hw.systolic.params import ArrayParams, GemmParams
from gemmule.tb.common import minilm

from .cases import sparse_matrix
from .encoder import calibrate, cosines, int8_linear, paragraphs

__all__ = ["SUMMARY", "run"]

SUMMARY = "2:4 against dense with as many multipliers: cycles, area, weight bytes, accuracy"

Row = dict[str, Any]

SIZES = (8, 16)
"""Rows and columns of the dense arrays; the sparse ones have half the rows."""

AREAS = {
    "zcu102": ("generic:ws", "generic:os", "generic:both", "dsp48e2:ws", "dsp48e2:both"),
    "vc709": ("generic:ws", "generic:os", "generic:both", "dsp48e1:ws", "dsp48e1:both"),
}
"""Board -> the cells and dataflows that are synthesized for it."""

SHAPE = (128, 256, 512)
"""M, N, K of the product that is timed."""

LAYER = "encoder.layer.0.intermediate.dense"
"""The layer of MiniLM that runs through both arrays."""


def run(out: Path, quick: bool) -> list[Row]:
    """Return rows of cycles and of area by array size, then, if installed, of MiniLM."""
    sizes, shape = ((4,), (8, 12, 32)) if quick else (SIZES, SHAPE)
    areas = [(16, 2)] if quick else [(size, size) for size in SIZES]
    rows = [*_cycles(sizes, shape), *_areas(areas, quick)]
    if minilm.available():
        rows += _encoder(sizes[-1], quick)
    _plot(rows, out)
    return rows


def _cycles(sizes: tuple[int, ...], shape: tuple[int, int, int]) -> Iterator[Row]:
    """Simulate products of a 2:4 matrix, and of a dense one on the sparse array."""
    m, n, k = shape
    rng = np.random.default_rng(1)
    a, b = rng.integers(-128, 128, (m, k)), sparse_matrix(rng, k, n)
    for size in sizes:
        for flow in ("ws", "os"):
            yield _pair(size, f"M{m} N{n} K{k}", a, b, flow) | {
                "cycles_dense_on_sparse": _simulate(
                    "sparse_gemm", size, a, rng.integers(-128, 128, (k, n)), flow, dense=True
                ).cycles
            }


def _pair(size: int, what: str, a: np.ndarray, b: np.ndarray, flow: str) -> Row:
    dense = _simulate("gemm", size, a, b, flow)
    sparse = _simulate("sparse_gemm", size, a, b, flow)
    return {
        "figure": "cycles",
        "product": what,
        "multipliers": size * size,
        "dataflow": flow,
        "cycles_dense": dense.cycles,
        "cycles_sparse": sparse.cycles,
        "cycles_ratio": sparse.cycles / dense.cycles,
        "weight_bytes_dense": sparse.counters["dense_weight_bits"] / 8,
        "weight_bytes_sparse": sparse.counters["weight_bits"] / 8,
        "weight_ratio": sparse.counters["weight_bits"] / sparse.counters["dense_weight_bits"],
    }


def _simulate(
    block: str, size: int, a: np.ndarray, b: np.ndarray, flow: str, **run: bool
) -> Simulation:
    found = find(block)
    params = (
        GemmParams(rows=size, cols=size)
        if block == "gemm"
        else SparseGemmParams(rows=size // 2, cols=size)
    )
    options = found.adapter.Run(run_dataflow=flow, **run)
    return simulate(found, params, {"a": a, "b": b}, run=options)


def _areas(sizes: list[tuple[int, int]], quick: bool) -> Iterator[Row]:
    """Synthesize the bare arrays, skew included, per multiplier; if quick, of one kind of cell."""
    found = [
        (size, board, *kind.split(":"))
        for size, (board, kinds) in product(sizes, AREAS.items())
        for kind in kinds
        if not quick or kind == "generic:both"
    ]
    with ThreadPoolExecutor(2) as pool:
        yield from pool.map(lambda case: _area(*case), found)


def _area(size: tuple[int, int], board: str, cell: str, flow: str) -> Row:
    rows, cols = size
    kind = {"cols": cols, "cell": cell, "dataflow": flow}
    dense, sparse = (
        synthesize(block, params, board, parts=False)
        for block, params in (
            ("array", ArrayParams(rows=rows, **kind)),
            ("sparse_array", SparseArrayParams(rows=rows // 2, **kind)),
        )
    )
    row: Row = {
        "figure": "area",
        "board": board,
        "cell": cell,
        "multipliers": rows * cols,
        "dataflow": flow,
        "dsp_dense": dense.dsp,
        "dsp_sparse": sparse.dsp,
    }
    for part in ("lut", "ff"):
        shares = [getattr(report, part) / (rows * cols) for report in (dense, sparse)]
        row |= {
            f"{part}_dense": shares[0],
            f"{part}_sparse": shares[1],
            f"{part}_added": shares[1] - shares[0],
            f"{part}_ratio": shares[1] / shares[0],
        }
    return row


def _encoder(size: int, quick: bool) -> Iterator[Row]:
    model = minilm.load()
    grams = calibrate(model, paragraphs(8 if quick else 64))
    variants = {"dense": None, "magnitude": "mul", "wanda": "mul", "hwpq": "mul", "hwpq div": "div"}
    for name, form in variants.items():
        layers = {
            layer: _layer(model, layer, grams[layer], name.split()[0], form)
            for layer in model.linear_names()
        }
        found = list(cosines(model, int8_linear(layers)))
        yield {
            "figure": "encoder",
            "weights": f"int8, {name if form is None else f'2:4 by {name}'}",
            "cosine_mean": float(np.mean(found)),
            "cosine_least": min(found),
        }
    x = model.encode(minilm.SENTENCES[0])
    codes = np.clip(np.rint(x / (np.abs(x).max() / 127)), -127, 127).astype(np.int8)
    layer = _layer(model, LAYER, grams[LAYER], "hwpq", "mul")
    yield _pair(size, f"MiniLM {LAYER}", codes, layer.codes.T, "ws")


def _layer(
    model: minilm.MiniLM, name: str, gram: np.ndarray, method: str, form: str | None
) -> Pruned:
    w = model.weights[f"{name}.weight"]
    if form is None:
        scales = row_scales(w, "int8")
        return Pruned(np.ones(w.shape, bool), to_codes(w / scales[:, None], "int8"), scales)
    return prune(w, method, energy=np.diag(gram), form=form, target="int8")


def _plot(rows: list[Row], out: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 5.5))
    timed = [row for row in rows if row["figure"] == "cycles"]
    labels = [f"{r['product'].split('.')[0]}\n{r['multipliers']} {r['dataflow']}" for r in timed]
    place = np.arange(len(timed))
    for offset, kind in ((-0.2, "dense"), (0.2, "sparse")):
        left.bar(place + offset, [row[f"cycles_{kind}"] for row in timed], 0.4, label=kind)
    left.set_xticks(place, labels, fontsize=6)
    left.set(yscale="log", ylabel="cycles")
    left.legend()
    areas = [row for row in rows if row["figure"] == "area"]
    place = np.arange(len(areas))
    for offset, part in ((-0.2, "lut"), (0.2, "ff")):
        right.barh(place + offset, [row[f"{part}_added"] for row in areas], 0.4, label=part.upper())
    labels = [f"{r['board']}, {r['cell']}, {r['dataflow']}, {r['multipliers']}" for r in areas]
    right.set_yticks(place, labels, fontsize=6)
    right.invert_yaxis()
    right.set(xlabel="added to a dense array, per multiplier")
    right.legend()
    figure.tight_layout()
    out.mkdir(parents=True, exist_ok=True)
    figure.savefig(out / "sparse.png", dpi=120)
    plt.close(figure)
