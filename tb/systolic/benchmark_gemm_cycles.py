"""Benchmark `gemm-cycles`: the cycles of whole products, beside SCALE-Sim's and the bound."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gemmule.gen.blocks.systolic.gemm import GemmRun
from gemmule.gen.simulation.simulate import simulate
from gemmule.hw.systolic.params import GemmParams
from gemmule.tb.systolic.stimuli import product

__all__ = ["SUMMARY", "run", "scale_sim"]

SUMMARY = "cycles of matrix products on 16x16 int8, RTL, beside SCALE-Sim's formulas and the bound"

SHAPES = {
    "cube 16": (16, 16, 16),
    "cube 64": (64, 64, 64),
    "cube 100": (100, 100, 100),
    "cube 128": (128, 128, 128),
    "ViT qkv": (197, 192, 192),
    "ViT mlp": (197, 768, 192),
    "vector": (1, 512, 512),
    "8 x cube 64": (64, 64, 64),
}
"""M, N, K."""

BATCHES = {"8 x cube 64": 8}


def scale_sim(m: int, n: int, k: int, rows: int, cols: int) -> dict[str, int]:
    """Return the cycles of SCALE-Sim 3.0.0 for its three dataflows.

    The formulas reproduce its output exactly (they were checked against it once); it does not
    overlap filling and draining of the array between folds. IS streams what WS keeps.
    """

    def folds(x: int, y: int) -> int:
        return -(-x // rows) * -(-y // cols)

    return {
        "scale_sim_os": folds(m, n) * (rows + cols + k - 2) - 1,
        "scale_sim_ws": folds(k, n) * (2 * rows + cols + m - 2) - 1,
        "scale_sim_is": folds(k, m) * (2 * rows + cols + n - 2) - 1,
    }


def run(out: Path, quick: bool) -> list[dict[str, Any]]:
    """Return a row a shape: both dataflows in RTL, SCALE-Sim's three, and MNK / (R C)."""
    rows = list(_rows(GemmParams(), quick))
    _plot(rows, out / "gemm-cycles.png")
    return rows


def _rows(params: GemmParams, quick: bool) -> Iterator[dict[str, Any]]:
    for name, (m, n, k) in SHAPES.items():
        if quick and m * n * k > 64**3:
            continue
        batch = BATCHES.get(name, 0)
        arrays = product(params, np.random.default_rng(1), (m, n, k), batch=batch)
        ours = {
            flow: simulate("gemm", params, arrays, run=GemmRun(run_dataflow=flow)).cycles
            for flow in params.dataflows
        }
        peers = scale_sim(m, n, k, params.rows, params.cols)
        # It has no notion of a batch: one product after the other.
        peers = {peer: cycles * max(batch, 1) for peer, cycles in peers.items()}
        bound = m * n * k * max(batch, 1) / (params.rows * params.cols)
        best = min(ours.values())
        yield {
            "product": name,
            "M": m,
            "N": n,
            "K": k,
            **ours,
            "bound": round(bound, 1),
            "utilization": round(bound / best, 4),
            **peers,
            "scale_sim_best / ours": round(min(peers.values()) / best, 3),
        }


def _plot(rows: list[dict[str, Any]], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 4.5))
    kinds = ("ws", "os", "scale_sim_ws", "scale_sim_os", "scale_sim_is")
    places = np.arange(len(rows))
    for index, kind in enumerate(kinds):
        shares = [row["bound"] / row[kind] for row in rows]
        axes.bar(places + 0.16 * (index - 2), shares, 0.16, label=kind)
    axes.set_xticks(places, [row["product"] for row in rows], rotation=20)
    axes.set_ylabel("utilization of the array")
    axes.set_title("Matrix products on 16x16 int8: RTL (ws, os) and SCALE-Sim's formulas")
    axes.axhline(1, color="black", linewidth=0.8)
    axes.legend(ncols=5, fontsize="small", loc="lower center")
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)
