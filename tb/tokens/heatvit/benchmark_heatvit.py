"""Benchmark `heatvit`: cycles of whole encoders, dense and with tokens selected on the way."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gemmule.gen.blocks.tokens.schedule.encoder import DEIT, SPVIT, Array
from gemmule.gen.synthesis.synth import Report, synthesize
from gemmule.hw.systolic.params import GemmParams
from gemmule.hw.tokens.params import SelectorParams
from gemmule.hw.tokens.score_params import TokenScoreParams

__all__ = ["PAPER", "PRUNING", "SUMMARY", "run"]

SUMMARY = "DeiT encoders with HeatViT's three selectors: cycles against MACs saved"

PAPER = (3.46, 4.89)
"""HeatViT over its own baseline accelerator, 8 bits included (arXiv 2211.08110, abstract)."""
PRUNING = (1.82, 2.58)
"""Of which selection alone (second-hand); +8 to 11 percent DSP, +5 to 8 percent LUT."""

RATES = {
    "SPViT": SPVIT,
    "0.9, 0.9^2, 0.9^3": (0.9, 0.81, 0.729),
    "0.7, 0.7^2, 0.7^3": (0.7, 0.49, 0.343),
    "0.5, 0.5^2, 0.5^3": (0.5, 0.25, 0.125),
}
"""Shares of the patches that are left; the paper's own are not known, SPViT's are our choice."""

ARRAYS = (Array(16, 16), Array(64, 32), Array(32, 64), Array(64, 32, images=4))
"""The large one also with its sides exchanged, and with several images."""

Row = dict[str, Any]


def run(out: Path, quick: bool) -> list[Row]:
    """Return a row a model, array and set of keep rates; areas on ZCU102 unless ``quick``."""
    rows = list(_encoders())
    _plot(rows, out)
    if not quick:
        rows += _areas()
    rows.append({
        "model": "the paper's range",
        "speedup": f"{PRUNING[0]}..{PRUNING[1]} of {PAPER[0]}..{PAPER[1]}",
    })
    return rows


def _encoders() -> Iterator[Row]:
    for name, encoder in DEIT.items():
        for array in ARRAYS:
            dense = array.encoder(encoder)
            yield _row(name, array, "dense", dense, dense, [197])
            for label, rates in RATES.items():
                kept = sorted(set(encoder.counts(rates)), reverse=True)
                yield _row(name, array, label, array.encoder(encoder, rates), dense, kept)


def _row(
    model: str, array: Array, rates: str, found: dict[str, int], dense: dict[str, int], kept: list
) -> Row:
    row: Row = {
        "model": model,
        "array": f"{array.rows}x{array.cols}",
        "images": array.images,
        "keep": rates,
        "tokens": " ".join(map(str, kept)),
        "MACs": found["macs"],
        "cycles": found["cycles"],
        "utilization": round(found["macs"] / found["cycles"] / array.rows / array.cols, 3),
        "speedup": round(dense["cycles"] / found["cycles"], 3),
    }
    if found is not dense:
        saved_macs = 1 - found["macs"] / dense["macs"]
        saved_cycles = 1 - found["cycles"] / dense["cycles"]
        classifier = found["classifier macs"] / dense["macs"]
        row |= {
            "MACs saved %": round(100 * saved_macs, 2),
            "cycles saved %": round(100 * saved_cycles, 2),
            "cycles / MACs saved": round(saved_cycles / saved_macs, 3),
            "with classifier": round(saved_cycles / (saved_macs - classifier), 3),
            "classifier %": round(100 * found["classifier"] / found["cycles"], 2),
            "selector %": round(100 * found["selector"] / found["cycles"], 2),
        }
    return row


def _areas() -> Iterator[Row]:
    """Yield what selection takes beside each array; for 16 x 16 also its share of the array's."""
    served = synthesize("gemm", GemmParams(row_scales=True), "zcu102")
    yield _area("gemm, --cell generic --row-scales", Array(16, 16), served, served)
    for array in {each.lanes: each for each in ARRAYS}.values():
        scores = TokenScoreParams(dividers=array.pair_dividers)
        selector = SelectorParams(lanes=array.lanes, dividers=array.dividers)
        for block, params in (("token_score", scores), ("selector", selector)):
            name = f"{block}, --lanes {params.lanes} --dividers {params.dividers}"
            yield _area(name, array, synthesize(block, params, "zcu102"), served)


def _area(name: str, array: Array, report: Report, served: Report) -> Row:
    row = {
        "model": name,
        "array": f"{array.rows}x{array.cols}",
        "LUT": report.lut,
        "DSP": report.dsp,
        "BRAM36": report.bram36 + report.bram18 / 2,
    }
    if (array.rows, array.cols) == (16, 16):
        row["LUT %"] = round(100 * report.lut / served.lut, 2)
        row["DSP %"] = round(100 * report.dsp / served.dsp, 2)
    return row


def _plot(rows: list[Row], out: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4.5))
    axes.axhspan(*PRUNING, color="0.9", label="paper, selection alone (second-hand)")
    styles = dict(zip(DEIT, "os^", strict=True))
    for number, array in enumerate(ARRAYS):
        for model, marker in styles.items():
            chosen = sorted(
                (row["MACs saved %"], row["speedup"])
                for row in rows
                if (row["model"], row["array"], row["images"])
                == (model, f"{array.rows}x{array.cols}", array.images)
                and "MACs saved %" in row
            )
            images = f", {array.images} images" if array.images > 1 else ""
            axes.plot(
                *zip(*chosen, strict=True),
                marker + "-",
                color=f"C{number}",
                label=f"{model}, {array.rows}x{array.cols}{images}",
            )
    ideal = range(0, 61, 5)
    axes.plot(ideal, [1 / (1 - share / 100) for share in ideal], "k:", label="as MACs")
    axes.set_xlabel("MACs saved, percent")
    axes.set_ylabel("speedup over the dense encoder, selection included")
    axes.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(out / "heatvit.png", dpi=150, metadata={"Software": None})
    plt.close(figure)
