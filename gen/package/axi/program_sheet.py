"""What a data sheet says of programs of convolutions: the bits of each command."""

from collections.abc import Iterator, Mapping
from typing import Any

from gemmule.golden.conv.hardware import ConvolutionHardware
from gemmule.golden.conv.layout import KIND, Lanes, Layout, Number, contents, lane, width
from gemmule.golden.conv.records import UNIT, beat_units, command_units
from gemmule.golden.conv.refusal import Refusal

__all__ = ["program_of"]

INDENT = "  "


def program_of(unit: ConvolutionHardware) -> dict[str, Any]:
    """Return what the template says of programs for this hardware."""
    return {
        "unit": UNIT,
        "kind": KIND.width,
        "command_units": command_units(unit),
        "beat_units": beat_units(unit),
        "commands": [
            (kind, f"{KIND.width + width(layout)} bits", "\n".join(_lines(layout)))
            for kind, layout in contents(unit).items()
        ],
        "lane": "\n".join(_lines(lane(unit))),
        "refusals": list(Refusal),
    }


def _lines(layout: Mapping[str, Layout], depth: int = 0) -> Iterator[str]:
    """Yield a line a field: its name, how many of it there are, and its bits or its own fields."""
    for name, each in layout.items():
        times = ""
        while isinstance(each, Lanes):
            times += f"[{each.count}]"
            each = each.layout
        if isinstance(each, Number):
            signed = ", signed" if each.signed else ""
            yield f"{INDENT * depth}{name}{times}: {each.width}{signed}"
        else:
            yield f"{INDENT * depth}{name}{times}:"
            yield from _lines(each, depth + 1)
