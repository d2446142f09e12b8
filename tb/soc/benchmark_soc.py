"""Benchmark `soc`: whole products by driver, AXI, doorbell and interrupt, beside NNgen's."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gemmule.gen.simulation.roofline import Point, Roof, draw
from gemmule.gen.simulation.simulate import simulate
from gemmule.hw.soc.params import AcceleratorParams

__all__ = ["SUMMARY", "run"]

SUMMARY = "products through AXI, doorbell to interrupt: cycles, bytes, roofline, beside NNgen's"

ARRAYS = (4, 8, 16)
CUBES = (4, 64, 512)
LAYERS = {"ViT qkv": (197, 192, 192), "ViT mlp": (197, 768, 192), "vector": (1, 512, 512)}
"""M, N, K; on the largest array."""

NNGEN = {(4, 64): 17_042, (8, 64): 5_002}
"""Cycles of NNgen 1.3.4's whole accelerator for int8, with its DMA at 128 bits, simulated."""

BUS = 16
"""Bytes of a beat."""

Row = dict[str, Any]


def run(out: Path, quick: bool) -> list[Row]:
    """Return a row a product; the memory answers after 30 cycles, at the width of the bus."""
    rows = list(_rows(quick))
    _plot(rows, out / "soc.png")
    return rows


def _rows(quick: bool) -> Iterator[Row]:
    for size in ARRAYS[:1] if quick else ARRAYS:
        params = AcceleratorParams(rows=size, cols=size, data_width=8 * BUS)
        for edge in CUBES:
            if edge <= 64 or (size == ARRAYS[-1] and not quick):
                yield _row(params, f"cube {edge}", (edge, edge, edge))
    if not quick:
        for name, shape in LAYERS.items():
            yield _row(params, name, shape, each=True)


def _row(
    params: AcceleratorParams, name: str, shape: tuple[int, int, int], *, each: bool = False
) -> Row:
    """Measure a product to int8; ``each`` column has a bias and a scale of its own, or none has."""
    m, n, k = shape
    rng = np.random.default_rng(1)
    arrays = {"a": rng.integers(-128, 128, (m, k)), "b": rng.integers(-128, 128, (k, n))}
    if each:
        arrays |= {"bias": rng.integers(-1000, 1000, n), "shift": rng.integers(10, 30, n)}
        arrays["multiplier"] = rng.integers(1, 1 << 15, n)
    else:
        arrays |= {"multiplier": np.array([3]), "shift": np.array([12])}
    found = simulate("accelerator", params, arrays)
    peer = NNGEN.get((params.rows, m))
    return {
        "product": name,
        "array": f"{params.rows}x{params.cols}",
        "M": m,
        "N": n,
        "K": k,
        "cycles": found.cycles,
        "utilization": round(found.utilization, 4),
        "nngen_cycles": peer,
        "nngen / ours": peer and round(peer / found.cycles, 3),
        "bytes_read": found.counters["bytes_read"],
        "read / operands": round(found.counters["bytes_read"] / (m * k + k * n), 3),
        "bytes_written": found.counters["bytes_written"],
        "write_bursts": found.counters["write_bursts"],
        "register_writes": found.counters["register_writes"],
        "cycles_per_second": round(found.cycles / found.run_seconds),
    }


def _plot(rows: list[Row], path: Path) -> None:
    """Draw a roofline for each array."""
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(row["array"] for row in rows))
    figure = Figure(figsize=(6 * len(names), 4.5), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        those = [row for row in rows if row["array"] == name]
        size = int(name.split("x")[0])
        draw(axes, Roof(size * size, BUS), [_point(row) for row in those])
        axes.set_xlabel(f"{name}: {axes.get_xlabel()}")
    figure.savefig(path, dpi=120)


def _point(row: Row) -> Point:
    macs = row["M"] * row["N"] * row["K"]
    busier = max(row["bytes_read"], row["bytes_written"])
    return Point(row["product"], macs, row["cycles"], busier)
