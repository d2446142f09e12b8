"""Benchmark `train`: a CNN trained on digits in the arithmetic of the hardware."""

from pathlib import Path
from typing import Any

from gemmule.gen.blocks.conv.convolution import CONVOLUTIONS
from gemmule.gen.compile.convolution.layer import ConvRun
from gemmule.gen.simulation.simulate import simulate
from gemmule.golden.conv.geometry import Geometry
from gemmule.hw.conv.params import ConvParams

from .mnist import load
from .network import Digits, Floats, Integers, Network, digits, train

__all__ = ["PARAMS", "SUMMARY", "run", "run_with", "through_rtl"]

SUMMARY = "a strided CNN trained on digits: int8 with wider gradients, golden and RTL, and float32"

PARAMS = ConvParams(rows=4, cols=4, dy_format="s16", acc_width=40, x_depth=2048, w_depth=2048)


MNIST = {"images": 6000, "tests": 1000, "epochs": 3}
"""As much of it as takes some minutes; the first of each."""


def run(out: Path, quick: bool) -> list[dict[str, Any]]:
    """Return the accuracy of each arithmetic, then real steps' convolutions through the RTL."""
    return _rows(digits(), 2 if quick else 20, out, quick)


def run_with(data: Path, out: Path, quick: bool) -> list[dict[str, Any]]:
    """Do the same as :func:`run` on MNIST, from files of the user's."""
    cut = MNIST | ({"images": 640, "epochs": 1} if quick else {})
    whole = load(data)
    some = Digits(
        whole.train_x[: cut["images"]],
        whole.train_y[: cut["images"]],
        whole.test_x[: cut["tests"]],
        whole.test_y[: cut["tests"]],
    )
    return _rows(some, cut["epochs"], out, quick)


def _rows(data: Digits, epochs: int, out: Path, quick: bool) -> list[dict[str, Any]]:
    side = data.train_x.shape[-1]
    curves = {"float32": train(Network(Floats(), side=side), data, epochs)}
    for bits in (8, 12, 16):
        network = Network(Integers(bits), side=side)
        curves[f"int8, gradients int{bits}"] = train(network, data, epochs)
    rows = [
        {
            "arithmetic": name,
            "images": len(data.train_x),
            "epochs": epochs,
            "test accuracy, percent": round(curve[-1], 2),
            "best, percent": round(max(curve), 2),
        }
        for name, curve in curves.items()
    ]
    _plot(curves, out / "train.png")
    return rows + through_rtl(1 if quick else 3, data=data)


def through_rtl(steps: int, batch: int = 32, data: Digits | None = None) -> list[dict[str, Any]]:
    """Run the convolutions of the first training steps in Verilator; a mismatch raises."""
    rows: list[dict[str, Any]] = []

    def watch(operation: str, geometry: Geometry, arrays: dict, result: Any) -> None:
        extra = {
            "input_grad": dict(zip(("input_height", "input_width"), geometry.size, strict=True)),
            "weight_grad": {"kernel": geometry.kernel},
        }.get(operation, {})
        order = ConvRun(
            op=operation, stride=geometry.stride, padding=geometry.padding, c_format="s32", **extra
        )
        done = simulate(CONVOLUTIONS[0], PARAMS, arrays, run=order)
        (got,) = done.outputs.values()
        rows.append({
            "operation": f"step {len(rows) // 6 + 1}, {operation}, {geometry.channels} channels",
            "exact": bool((got == result).all()),
            "cycles": done.cycles,
            "utilization": round(done.utilization, 3),
        })

    data = data or digits()
    network = Network(Integers(watch=watch), side=data.train_x.shape[-1])
    for number in range(steps):
        part = slice(number * batch, (number + 1) * batch)
        network.step(data.train_x[part], data.train_y[part], 0.05)
    return rows


def _plot(curves: dict[str, list[float]], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axis = plt.subplots(figsize=(7, 4))
    for name, curve in curves.items():
        axis.plot(range(1, len(curve) + 1), curve, label=name)
    axis.set_xlabel("epoch")
    axis.set_ylabel("test accuracy, percent")
    axis.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)
