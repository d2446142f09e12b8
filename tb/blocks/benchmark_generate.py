"""`bench generate`: Verilog with equal cells elaborated once, beside Amaranth's own."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib

from gemmule.gen.catalog import find
from gemmule.gen.verilog.emit import emit
from gemmule.tb.verilog.plain import plain_verilog

NAME = "generate"
SUMMARY = "time and size of the Verilog, beside amaranth.back.verilog's, in the same run"

SIZES = (8, 16, 32)


def run(out: Path, quick: bool) -> list[dict[str, Any]]:
    """Emit arrays of growing size, and the block around them, in both ways."""
    sizes = SIZES[:1] if quick else SIZES
    emit("array", find("array").params(rows=2, cols=2))  # imports Yosys, which is nobody's cost
    rows = [_row(block, size) for block in ("array", "gemm") for size in sizes]
    _plot(rows, out / f"{NAME}.png")
    return rows


def _row(name: str, size: int) -> dict[str, Any]:
    block = find(name)
    params = block.params(rows=size, cols=size)
    seconds, ours = _timed(lambda: emit(block, params).verilog)
    plain_seconds, plain = _timed(lambda: plain_verilog(block, params))
    return {
        "block": name,
        "cells": size * size,
        "seconds": round(seconds, 2),
        "plain_seconds": round(plain_seconds, 2),
        "times_faster": round(plain_seconds / seconds, 1),
        "ms_per_cell": round(1e3 * seconds / size**2, 2),
        "megabytes": round(len(ours) / 1e6, 3),
        "plain_megabytes": round(len(plain) / 1e6, 3),
    }


def _timed(make: Callable[[], str]) -> tuple[float, str]:
    began = time.perf_counter()
    text = make()
    return time.perf_counter() - began, text


def _plot(rows: list[dict[str, Any]], path: Path) -> None:
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 4), layout="constrained")
    for block, style in (("array", "-"), ("gemm", "--")):
        mine = [row for row in rows if row["block"] == block]
        cells = [row["cells"] for row in mine]
        axes.loglog(cells, [row["seconds"] for row in mine], f"C0o{style}", label=block)
        plain = [row["plain_seconds"] for row in mine]
        axes.loglog(cells, plain, f"C1s{style}", label=f"{block}, plain")
    axes.set(xlabel="cells", ylabel="seconds", title="Time to generate the Verilog")
    axes.legend()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
