"""Benchmark `agu`: what the address generators take on both boards."""

from pathlib import Path
from typing import Any

from gemmule.gen.blocks.conv.generators import GENERATORS
from gemmule.gen.docs.tables import markdown
from gemmule.gen.files.atomic import write_folder
from gemmule.gen.synthesis.synth import synthesize

__all__ = ["SUMMARY", "run"]

SUMMARY = "LUT and FF of the address generators on both boards, by axes"

BOARDS = ("zcu102", "vc709")


def run(out: Path, quick: bool) -> list[dict[str, Any]]:
    """Return a row a block and number of axes, at default widths; all make an address a cycle."""
    rows = []
    for block in GENERATORS:
        for axes in (2,) if quick else (2, 3):
            params = block.params(axes=axes)
            row = {"block": block.name, "axes": axes, "address_bits": params.address_width}
            for board in BOARDS:
                report = synthesize(block, params, board)
                row |= {f"{board}_{name}": getattr(report, name) for name in ("lut", "ff")}
                row[f"{board}_logic_delay_ns"] = report.logic_delay_ns
            rows.append(row)
    _plot(rows, out / "agu.png")
    write_folder(out, {"agu.md": _markdown(rows)})
    return rows


def _markdown(rows: list[dict[str, Any]]) -> str:
    """Return the table of README."""
    uses = [f"{board}_{name}" for board in BOARDS for name in ("lut", "ff")]
    heads = [use.replace("_", " ").replace("lut", "LUT").replace("ff", "FF") for use in uses]
    lines = [[f"`{row['block']}`, {row['axes']}D", *(row[use] for use in uses)] for row in rows]
    return markdown(["addresses", *heads], lines, texts=1)


def _plot(rows: list[dict[str, Any]], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axis = plt.subplots(figsize=(8, 4))
    names = [f"{row['block']} {row['axes']}D" for row in rows]
    for number, board in enumerate(BOARDS):
        for kind, color in (("lut", 0), ("ff", 1)):
            heights = [row[f"{board}_{kind}"] for row in rows]
            places = [place + 0.2 * (2 * number + color) for place in range(len(rows))]
            axis.bar(places, heights, 0.2, label=f"{board} {kind.upper()}")
    axis.set_xticks(range(len(rows)), names)
    axis.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)
