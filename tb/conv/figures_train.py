"""Benchmark `train`: a CNN trained on digits in the arithmetic of the hardware."""

from pathlib import Path
from typing import Any

from gemmule.gen.conv.convolution import CONVOLUTIONS
from gemmule.gen.conv.layer import ConvRun
from gemmule.gen.simulate import simulate
from gemmule.golden.conv.geometry import Geometry
from gemmule.hw.conv.params import ConvParams

from .training import Floats, Integers, Network, digits, train

__all__ = ["PARAMS", "SUMMARY", "run", "through_rtl"]

SUMMARY = "a strided CNN trained on digits: int8 with wider gradients, golden and RTL, and float32"

PARAMS = ConvParams(rows=4, cols=4, dy_format="s16", acc_width=40, x_depth=2048, w_depth=2048)


def run(out: Path, quick: bool) -> list[dict[str, Any]]:
    """Accuracies by arithmetic; then real steps' convolutions through the RTL."""
    data, epochs = digits(), 2 if quick else 20
    curves = {"float32": train(Network(Floats()), data, epochs)}
    for bits in (8, 12, 16):
        curves[f"int8, gradients int{bits}"] = train(Network(Integers(bits)), data, epochs)
    rows = [
        {"arithmetic": name, "epochs": epochs, "test accuracy, percent": round(curve[-1], 2),
         "best, percent": round(max(curve), 2)}
        for name, curve in curves.items()
    ]  # fmt: skip
    _plot(curves, out / "train.png")
    return rows + through_rtl(1 if quick else 3)


def through_rtl(steps: int, batch: int = 32) -> list[dict[str, Any]]:
    """The convolutions of the first steps of training, in Verilator; a mismatch raises."""
    rows: list[dict[str, Any]] = []

    def watch(operation: str, geometry: Geometry, arrays: dict, result: Any) -> None:
        extra = {
            "input_grad": dict(zip(("input_height", "input_width"), geometry.size, strict=True)),
            "weight_grad": {"kernel": geometry.kernel},
        }.get(operation, {})
        order = ConvRun(op=operation, stride=geometry.stride, padding=geometry.padding,
                        c_format="s32", **extra)  # fmt: skip
        done = simulate(CONVOLUTIONS[0], PARAMS, arrays, run=order)
        (got,) = done.outputs.values()
        rows.append({
            "operation": f"step {len(rows) // 6 + 1}, {operation}, {geometry.channels} channels",
            "exact": bool((got == result).all()), "cycles": done.cycles,
            "utilization": round(done.utilization, 3),
        })  # fmt: skip

    data, network = digits(), Network(Integers(watch=watch))
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
