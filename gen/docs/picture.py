"""The picture of README: what goes in, which families there are, what comes out, as SVG."""

from collections.abc import Sequence
from html import escape
from importlib import import_module
from textwrap import wrap

from gemmule.gen.boards import board_names
from gemmule.gen.catalog import FAMILIES

__all__ = ["picture"]

LINE, WIDTH, GAP, HEAD = 18, 250, 60, 34
COLORS = {"in": "#eef3fb", "block": "#f3f7ee", "out": "#fbf3ea"}
STYLE = (
    "text{font:13px sans-serif;fill:#222}.h{font-weight:bold}"
    "rect{stroke:#888}path{stroke:#888;fill:none;marker-end:url(#tip)}"
)

Box = tuple[str, Sequence[str]]


def picture() -> str:
    """Return the picture, drawn from the families and the boards that there are."""
    inputs: list[Box] = [
        ("options", ["--rows 16 --a-format s8 ...", "or a TOML file, or a dataclass"]),
        ("a board", [", ".join(board_names()), "or a TOML file of your own"]),
        ("your arrays", ["IN.npz: maps, weights, scales", "or NumPy arrays from Python"]),
    ]
    blocks: list[Box] = [(family, _about(family)) for family in FAMILIES]
    outputs: list[Box] = [
        (
            "generate",
            [
                "Verilog-2001, AXI4-Stream top,",
                "data sheet, C header, encoder,",
                "constraints, FuseSoC, Tcl",
            ],
        ),
        ("simulate", ["results of the RTL in Verilator,", "equal to the golden model,", "cycles"]),
        ("verify", ["cocotb regressions, with stalls", "and with your arrays"]),
        ("synth, fit", ["LUT, FF, DSP, BRAM; what fits"]),
        ("bench", ["tables and plots"]),
    ]
    drawn = [
        _column(0, inputs, "in"),
        _column(1, blocks, "block"),
        _column(2, outputs, "out"),
    ]
    height = max(bottom for _text, bottom in drawn) + 10
    width = 3 * WIDTH + 2 * GAP + 20
    arrows = "".join(
        f'<path d="M{left + 6} {height // 2}h{GAP - 16}"/>\n'
        for left in (10 + WIDTH, 10 + 2 * WIDTH + GAP)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}">\n<style>{STYLE}</style>\n'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
        'markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z" style="fill:#888;marker-end:none"/>'
        "</marker></defs>\n"
        f'<rect width="{width}" height="{height}" style="fill:#fff;stroke:none"/>\n'
        f"{''.join(text for text, _bottom in drawn)}{arrows}</svg>\n"
    )


def _about(family: str, per_line: int = 34) -> list[str]:
    module = import_module(f"gemmule.gen.blocks.{family}")
    return wrap((module.__doc__ or "").splitlines()[0].rstrip("."), per_line)


def _column(index: int, boxes: Sequence[Box], kind: str) -> tuple[str, int]:
    x, y, parts = 10 + index * (WIDTH + GAP), 10, []
    for title, lines in boxes:
        height = HEAD + LINE * len(lines)
        parts.append(
            f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{height}" rx="6" '
            f'fill="{COLORS[kind]}"/>\n'
            f'<text class="h" x="{x + 10}" y="{y + 20}">{escape(title)}</text>\n'
        )
        parts += [
            f'<text x="{x + 10}" y="{y + 40 + LINE * n}">{escape(line)}</text>\n'
            for n, line in enumerate(lines)
        ]
        y += height + 12
    return "".join(parts), y - 12
