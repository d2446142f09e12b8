"""Benchmark `networks`: each layer of networks through driver, AXI, doorbell and interrupt."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from gemmule.gen.blocks.soc.run import AcceleratorRun
from gemmule.gen.simulation.roofline import Point, Roof, draw
from gemmule.gen.simulation.simulate import simulate
from gemmule.golden.conv.geometry import Geometry
from gemmule.hw.soc.params import AcceleratorParams

from .layers import DEIT_S, MOBILENET_V2, RESNET50, VIT_TI_BLOCK, Product, label

__all__ = ["BOARDS", "SIZE", "SUMMARY", "hardware", "measured", "run"]

SUMMARY = "layers of ResNet-50, MobileNetV2, DeiT-S and a ViT block: cycles, bytes, roofline"

NETWORKS = {
    "ResNet-50": RESNET50,
    "MobileNetV2": MOBILENET_V2,
    "DeiT-S": DEIT_S,
    "ViT-Ti block": VIT_TI_BLOCK,
}

BOARDS = {"zcu102": (128, 30), "vc709": (512, 60)}
"""Bits of the bus and cycles of latency: a high-performance port, and a whole DDR3 module."""

SIZE = 16
"""Rows and columns of the array."""

BANK = 16_384
"""Vectors of a bank: two of each operand are 1 MB."""

SMALL: Counter[Geometry | Product] = Counter([
    Geometry(batch=1, channels=8, filters=8, size=(12, 12), kernel=(3, 3), padding=1),
    Product(20, 12, 30),
])
"""What is run where it must be quick."""

Row = dict[str, Any]


def run(out: Path, quick: bool) -> list[Row]:
    """Return a row a layer and one a network, for memories as two boards have them."""
    boards = {"zcu102": BOARDS["zcu102"]} if quick else BOARDS
    networks = {"small": SMALL} if quick else NETWORKS
    rows = []
    for board, (width, latency) in boards.items():
        params = hardware(4 if quick else SIZE, width)
        for name, network in networks.items():
            layers = [measured(params, latency, each) for each in network]
            own = {"board": board, "network": name}
            rows += [
                own | {"times": network[each]} | row
                for each, row in zip(network, layers, strict=True)
            ]
            rows.append(own | _sum(layers, list(network.values()), params))
        _plot(
            [row for row in rows if row["board"] == board and "pass" not in row],
            params,
            out / f"{board}.png",
        )
    return rows


def hardware(size: int, width: int) -> AcceleratorParams:
    depth = BANK if size == SIZE else 256
    return AcceleratorParams(
        rows=size,
        cols=size,
        data_width=width,
        bank_bytes=depth * size,
        cell="dsp48e2",
        convolution="conv2d",
        x_depth=depth,
        w_depth=depth,
        acc_depth=1024,
        c_depth=1024,
    )


def measured(params: AcceleratorParams, latency: int, layer: Geometry | Product) -> Row:
    """Return what a layer costs, to int8 with one scale; its result equals golden's."""
    rng = np.random.default_rng(1)
    scale = {"multiplier": np.array([3]), "shift": np.array([12])}
    run = None
    if isinstance(layer, Product):
        arrays = {"a": (layer.m, layer.k), "b": (layer.k, layer.n)}
        macs = layer.m * layer.n * layer.k
    else:
        arrays = {
            "x": (layer.batch, layer.channels, *layer.size),
            "w": (layer.filters, layer.group_channels, *layer.kernel),
        }
        macs = layer.macs
        shape = {name: getattr(layer, name) for name in ("stride", "padding", "groups")}
        run = AcceleratorRun(as_="conv2d", **shape)
    operands = {name: rng.integers(-128, 128, shape) for name, shape in arrays.items()}
    found = simulate("accelerator", params, operands | scale, run=run, memory_latency=latency)
    octets = sum(each.size for each in operands.values())
    read, written = (found.counters[f"bytes_{way}"] for way in ("read", "written"))
    return {
        "layer": label(layer),
        "macs": macs,
        "cycles": found.cycles,
        "utilization": round(macs / found.cycles / params.rows / params.cols, 4),
        "operands": octets,
        "bytes_read": read,
        "read / operands": round(read / octets, 3),
        "bytes_written": written,
    }


def _sum(layers: list[Row], times: list[int], params: AcceleratorParams) -> Row:
    names = ("macs", "cycles", "operands", "bytes_read", "bytes_written")
    sums = {
        name: sum(n * row[name] for n, row in zip(times, layers, strict=True)) for name in names
    }
    cells = params.rows * params.cols
    return {
        "layer": "all",
        "times": 1,
        **sums,
        "utilization": round(sums["macs"] / sums["cycles"] / cells, 4),
        "read / operands": round(sums["bytes_read"] / sums["operands"], 3),
    }


def _plot(rows: list[Row], params: AcceleratorParams, path: Path) -> None:
    """Draw the layers of each network under the roof of the board."""
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(row["network"] for row in rows))
    figure = Figure(figsize=(6 * len(names), 4.5), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        points = [
            Point(
                row["layer"],
                row["macs"],
                row["cycles"],
                max(row["bytes_read"], row["bytes_written"]),
            )
            for row in rows
            if row["network"] == name
        ]
        draw(axes, Roof(params.rows * params.cols, params.data_width // 8), points)
        axes.set_xlabel(f"{name}: {axes.get_xlabel()}")
    figure.savefig(path, dpi=120)
