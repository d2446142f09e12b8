"""What took place on the buses of a co-simulation, and how near its bounds it came: a picture."""

import io
from collections import defaultdict
from html import escape
from pathlib import Path

from . import roofline
from .roofline import Point, Roof

__all__ = ["draw", "events", "write_page"]

LANES = ("registers", "read address", "read data", "write", "interrupt")
COLORS = ("#7f7f7f", "#9ecae1", "#3182bd", "#e6550d", "#31a354")

MOST = 20_000
"""Bursts that are drawn one by one; of more, neighbors are joined."""

Spans = dict[str, list[tuple[int, int]]]


def events(file: Path) -> Spans:
    """Return the spans ``(first cycle, cycles)`` of each lane, from a co-simulation's lines."""
    spans: Spans = defaultdict(list)
    raised = 0
    for line in file.read_text().splitlines():
        kind, *words = line.split(",")
        numbers = [int(word) for word in words]
        if kind in ("read", "write"):
            asked, first, last = numbers[3:6]
            spans["read data" if kind == "read" else "write"].append((first, last - first + 1))
            if kind == "read":
                spans["read address"].append((asked, 1))
        elif kind in ("read32", "write32"):
            spans["registers"].append((numbers[2], 1))
        elif numbers[0]:
            raised = numbers[2]
        else:
            spans["interrupt"].append((raised, numbers[2] - raised))
    return spans


def draw(spans: Spans, roof: Roof, point: Point, place: str | io.BytesIO, kind: str) -> None:
    """Draw the lanes over cycles, as ``png`` or ``svg``; below them the roofline of products."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 7 if point.macs else 3), layout="constrained")
    if point.macs:
        axes, below = figure.subplots(2, height_ratios=(3, 4))
        roofline.draw(below, roof, [point])
    else:
        axes = figure.subplots()
    for row, (lane, color) in enumerate(zip(LANES, COLORS, strict=True)):
        axes.broken_barh(_joined(sorted(spans.get(lane, []))), (row - 0.4, 0.8), facecolor=color)
    axes.set_yticks(range(len(LANES)), LANES)
    axes.set_xlabel("cycle")
    axes.invert_yaxis()
    figure.savefig(place, format=kind, dpi=140)


def write_page(file: Path, place: Path, roof: Roof, point: Point) -> None:
    """Write timeline and roofline as a page that needs no other file, or as a PNG if named so."""
    spans = events(file)
    if place.suffix.lower() == ".png":
        draw(spans, roof, point, str(place), "png")
        return
    picture = io.BytesIO()
    draw(spans, roof, point, picture, "svg")
    drawing = picture.getvalue().decode().partition("<svg")
    counts = ", ".join(f"{len(spans.get(lane, []))} of {escape(lane)}" for lane in LANES)
    reached = (
        f"{point.bytes:,} bytes in {point.cycles:,} cycles."
        if not point.macs
        else (
            f"{point.macs:,} multiply-accumulates in {point.cycles:,} cycles: "
            f"{point.macs_per_cycle:.1f} a cycle; {point.intensity:.1f} a byte, where the roof is "
            f"{roof.at(point.intensity):.1f}."
        )
    )
    place.write_text(
        '<!doctype html><meta charset="utf-8"><title>Timeline</title>'
        "<style>body{font-family:sans-serif;margin:2em}svg{width:100%;height:auto}</style>"
        f"<h1>Timeline and roofline</h1><p>Events: {counts}.</p><p>{reached}</p>"
        f"{''.join(drawing[1:])}"
    )


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join neighbors until few enough are left to draw."""
    gap = 0
    while len(spans) > MOST:
        joined = [spans[0]]
        gap = 2 * gap or 1
        for begin, length in spans[1:]:
            last, size = joined[-1]
            if begin - last - size <= gap:
                joined[-1] = last, max(size, begin + length - last)
            else:
                joined.append((begin, length))
        spans = joined
    return spans
