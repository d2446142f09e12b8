"""Benchmark `blocks`: every block of the catalog, with the board's cells, as README shows them."""

from pathlib import Path
from typing import Any

from gemmule.gen.block import Block
from gemmule.gen.boards import load_board
from gemmule.gen.catalog import catalog
from gemmule.gen.docs.tables import markdown
from gemmule.gen.files.atomic import write_folder
from gemmule.gen.synthesis.choose import Choice, choose
from gemmule.gen.synthesis.synth import synthesize
from gemmule.gen.verilog.emit import emit

__all__ = ["NAME", "SUMMARY", "run"]

NAME = "blocks"
SUMMARY = "every block with its default options and the board's cells, on the ZCU102"
BOARD = "zcu102"
USE = ("lut", "ff", "dsp", "bram36")

QUICK = ("prune24", "sigmoid")

Row = dict[str, Any]


def run(out: Path, quick: bool) -> list[Row]:
    """Return a row for each block, and write them as a table in Markdown, ``blocks.md``."""
    rows = [_row(block) for name, block in catalog().items() if not quick or name in QUICK]
    write_folder(out, {f"{NAME}.md": _table(rows)})
    return rows


def _table(rows: list[Row]) -> str:
    """Return the table of README."""
    return markdown(
        ["block", "what it does", "cell", "latency", "LUT", "FF", "DSP", "BRAM36"],
        [
            [f"`{row['block']}`", row["what it does"], row["cell"] or "-", row["latency"] or "-"]
            + [f"{row[name]:,}" if row.get(name) is not None else "-" for name in USE]
            for row in rows
        ],
        texts=3,
    )


def _row(block: Block) -> Row:
    params, chosen = choose(block, {}, {}, load_board(BOARD))
    report = synthesize(block, params, BOARD, flatten=False)
    use = {name: getattr(report, name) for name in USE}
    use["bram36"] += -(-report.bram18 // 2)
    latency = emit(block, params).manifest.latency
    about = {"block": block.name, "what it does": block.summary, "latency": latency}
    return {**about, "cell": _cell(chosen), **use}


def _cell(chosen: Choice | None) -> str | None:
    """Name the cell, its packing and, where that needs one, the dataflow."""
    if chosen is None:
        return None
    packed = [chosen.pack, chosen.dataflow] if chosen.pack != "none" else []
    return ", ".join(filter(None, [chosen.cell, *packed]))
