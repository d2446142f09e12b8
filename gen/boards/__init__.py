"""Boards as data: a TOML file each, ours beside this file, or one of the user's own."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import Any

from gemmule.gen.files.toml import parse_toml, read_text
from gemmule.golden.common.errors import UsageError

__all__ = ["RESOURCES", "YOSYS_FAMILIES", "Board", "board_choices", "board_names", "load_board"]

YOSYS_FAMILIES = ("xcup", "xcu", "xc7", "xc6s", "xc6v")
"""The families of Yosys's synth_xilinx that our netlists are tried with, ours first."""

PATTERNS = {
    "name": (r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", "letters, digits and _.-, up to 64"),
    "title": (r"[\w .,:;/+&()'-]{1,120}", "letters, digits, spaces and .,:;/+&()'-, up to 120"),
    "part": (r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", "letters, digits and _-, up to 64"),
    "cell": (r"dsp48e1|dsp48e2|generic", "dsp48e1, dsp48e2 or generic"),
}
"""What texts of a board may hold: they come to stand in Tcl, YAML and Markdown."""

CLOCKS = (1, 2000)
"""The slowest and the fastest clock that may be asked for, in MHz."""

RESOURCES = ("lut", "ff", "carry", "dsp", "bram18", "bram36", "uram")


@dataclass(frozen=True, kw_only=True)
class Board:
    """An FPGA board: its part, how Yosys maps to it, and what it has.

    A BRAM36 is two BRAM18: both counts describe the same memory. ``carry`` counts CARRY4.
    """

    name: str
    title: str
    part: str
    family: str
    cell: str
    cascade: int
    clock_mhz: float
    resources: Mapping[str, int]


def board_names() -> list[str]:
    """Return the names of the boards that come with Gemmule."""
    return sorted(
        entry.name.removesuffix(".toml")
        for entry in files(__name__).iterdir()
        if entry.name.endswith(".toml")
    )


def board_choices() -> str:
    """Return in words what ``--board`` takes."""
    return f"{', '.join(board_names())} or a .toml file of your own"


def load_board(name: str | Path | Board) -> Board:
    """Return the board called ``name``, or the one that the TOML file ``name`` describes."""
    if isinstance(name, Board):
        return name
    text = str(name)
    if text in board_names():
        return _parse(text, files(__name__).joinpath(f"{text}.toml").read_text())
    if not text.endswith(".toml"):
        raise UsageError(f"--board must be one of {board_choices()}, not {text!r}")
    return _parse(text, read_text("--board", Path(text)))


def _parse(source: str, text: str) -> Board:
    data = parse_toml("--board", source, text)
    kinds: dict[str, Any] = {each.name: each.type for each in fields(Board)}
    kinds["clock_mhz"], kinds["resources"] = (int, float), dict
    if missing := sorted(set(kinds) - set(data)):
        raise UsageError(f"--board: {source} lacks {', '.join(missing)}")
    if unknown := sorted(set(data) - set(kinds)):
        raise UsageError(f"--board: {source} has {', '.join(unknown)}, which no board has")
    for key, kind in kinds.items():
        if not isinstance(data[key], kind) or isinstance(data[key], bool):
            raise UsageError(f"--board: {key} in {source} cannot be {data[key]!r}")
    for key, (pattern, words) in PATTERNS.items():
        if not re.fullmatch(pattern, data[key]):
            raise UsageError(f"--board: {key} in {source} must be {words}, not {data[key]!r}")
    if data["family"] not in YOSYS_FAMILIES:
        raise UsageError(
            f"--board: family in {source} must be one of {', '.join(YOSYS_FAMILIES)},"
            f" not {data['family']!r}"
        )
    resources = data["resources"]
    for key in RESOURCES:
        number = resources.get(key)
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < 2**31:
            raise UsageError(f"--board: {source} needs a count of {key} under [resources]")
    for key, (low, high) in {"cascade": (1, 10_000), "clock_mhz": CLOCKS}.items():
        if not low <= data[key] <= high:
            raise UsageError(
                f"--board: {key} in {source} must be in {low}..{high}, not {data[key]}"
            )
    counts = {key: resources[key] for key in RESOURCES}
    return Board(**data | {"resources": counts})
