"""The demo: handwritten digits, a network in int8, every layer by driver, AXI and interrupt."""

import json
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from gemmule.gen import generate
from gemmule.gen.blocks.soc.adapter import AcceleratorRun
from gemmule.gen.cli.printing import pairs, progress, table
from gemmule.gen.files.atomic import write_folder
from gemmule.gen.simulation.simulate import Simulation, simulate
from gemmule.golden.common.options import flag
from gemmule.golden.systolic.gemm import gemm
from gemmule.hw.soc.params import AcceleratorParams
from gemmule.tb.digits import Digits, Layer

from . import digits

__all__ = ["demo"]

BOARD = "zcu102"
PARAMS = AcceleratorParams(rows=16, cols=16, cell="dsp48e2", pack="n", bank_bytes=1 << 16)
"""A small sister of the preset of that board: the simulation is built in half a minute."""


def demo(out: Path) -> int:
    """Run the demo into the folder ``out``; 1 where hardware, golden and float model disagree."""
    began = time.perf_counter()
    with progress("training on the digits"):
        data = digits.load()
        network = digits.layers(data)
    with progress(f"generating the IP for {BOARD}"):
        files = generate("accelerator", PARAMS, out / "ip", board=BOARD)
    synthesis = _synthesis()
    runs: list[Simulation] = []
    pages: dict[str, bytes] = {}
    with (
        TemporaryDirectory(prefix="gemmule-") as folder,
        progress("building the simulation of a 16x16 accelerator") as tell,
    ):
        work = Path(folder)

        def through_rtl(number: int, layer: Layer, values: NDArray) -> NDArray:
            tell(f"layer {number + 1} of {len(network)} through the Verilog")
            arrays = {"a": values, **layer.arrays}
            run = AcceleratorRun(**layer.run)
            page = work / f"timeline-{number + 1}.html"
            runs.append(simulate("accelerator", PARAMS, arrays, run=run, timeline=page))
            pages[page.name] = page.read_bytes()
            return runs[-1].outputs["c"]

        found = digits.classes(data, network, through_rtl)
    golden = digits.classes(data, network, _golden)
    with progress(f"synthesizing for {BOARD}"):
        resources = json.loads(synthesis.communicate()[0])
    report = {
        "accuracy": _accuracy(data, {"float": _float(data), "golden": golden, "Verilog": found}),
        "classes equal the golden model's": bool((found == golden).all()),
        "layers": [_row(number, run, network) for number, run in enumerate(runs, 1)],
        "resources": resources,
        "ip": sorted(files),
        "timelines": sorted(pages),
        "seconds": round(time.perf_counter() - began, 1),
    }
    write_folder(
        out,
        {
            "report.json": json.dumps(report, indent=2) + "\n",
            **{name: lambda file, text=text: file.write(text) for name, text in pages.items()},
            "demo.png": lambda file: _plot(data, found, report["layers"], file),
        },
    )
    _tell(report, files, out)
    close = abs(report["accuracy"]["Verilog"] - report["accuracy"]["float"]) <= 0.01
    return 0 if report["classes equal the golden model's"] and close else 1


def _synthesis() -> subprocess.Popen:
    """Start `gemmule synth` as a process of its own: the simulation is built meanwhile.

    It counts the product within, since all of the accelerator takes Yosys minutes.
    """
    product = PARAMS.gemm
    names = ("rows", "cols", "dataflow", "cell", "pack", "acc_depth")
    options = [f"{flag(name)}={getattr(product, name)}" for name in names]
    command = [sys.executable, "-m", "gemmule.gen", "synth", "gemm", "--board", BOARD, "--json"]
    return subprocess.Popen([*command, *options], stdout=subprocess.PIPE)


def _golden(_number: int, layer: Layer, values: NDArray) -> NDArray:
    return gemm(values, **layer.arrays, **layer.run)


def _float(data: Digits) -> NDArray[np.int64]:
    return data.activations(data.test)[-1].argmax(axis=1)


def _accuracy(data: Digits, models: dict[str, NDArray]) -> dict[str, float]:
    return {name: float((found == data.test_classes).mean()) for name, found in models.items()}


def _row(number: int, run: Simulation, network: list[Layer]) -> dict[str, Any]:
    k, n = network[number - 1].arrays["b"].shape
    return {
        "layer": number,
        "M": len(run.outputs["c"]),
        "N": n,
        "K": k,
        "doorbell to interrupt": run.cycles,
        "bytes read": run.counters["bytes_read"],
        "utilization": round(run.utilization, 3),
        "seconds": round(run.run_seconds, 3),
    }


def _tell(report: dict[str, Any], files: dict[str, str], out: Path) -> None:
    table(["file", "what it is"], files.items(), f"generated in {out / 'ip'}")
    rows = [list(row.values()) for row in report["layers"]]
    table(
        list(report["layers"][0]),
        rows,
        "every layer by driver, AXI and interrupt",
    )
    use = report["resources"]
    rows = [(name, use[name], share) for name, share in use["percent"].items()]
    table(["resource", "used", "percent"], rows, f"its gemm on the {BOARD}, counted by Yosys")
    accuracy = {f"accuracy, {name}": f"{it:.2%}" for name, it in report["accuracy"].items()}
    pairs({
        **accuracy,
        "classes equal the golden model's": report["classes equal the golden model's"],
        "plot": out / "demo.png",
        "timelines": ", ".join(str(out / name) for name in report["timelines"]),
        "report": out / "report.json",
        "seconds": report["seconds"],
    })


def _plot(data: Digits, found: NDArray, rows: list[dict[str, Any]], file: BinaryIO) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure = pyplot.figure(figsize=(9, 4), layout="constrained")
    images, bars = figure.subfigures(1, 2)
    wrong = np.flatnonzero(found != data.test_classes)
    shown = np.concatenate([wrong, np.flatnonzero(found == data.test_classes)])[:24]
    for axes, index in zip(images.subplots(4, 6).flat, shown, strict=True):
        axes.imshow(data.test[index].reshape(8, 8), cmap="gray_r")
        right = found[index] == data.test_classes[index]
        axes.set_title(str(found[index]), fontsize=8, color="black" if right else "red")
        axes.axis("off")
    images.suptitle(f"classes from the Verilog; red: all {len(wrong)} that are wrong")
    axes = bars.subplots()
    names = [f"{row['layer']}: {row['M']}x{row['N']}x{row['K']}" for row in rows]
    drawn = axes.bar(names, [row["doorbell to interrupt"] for row in rows], color="tab:blue")
    axes.bar_label(drawn, [f"{row['utilization']:.0%}" for row in rows])
    axes.set(ylabel="cycles", title="cycles and utilization of each layer")
    figure.savefig(file, format="png", dpi=120)
    pyplot.close(figure)
