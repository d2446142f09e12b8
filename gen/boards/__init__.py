"""Boards as data: a TOML file each, ours beside this file, or one of the user's own."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib.resources import files
from pathlib import Path

from gemmule.golden.common.errors import UsageError

__all__ = ["FAMILIES", "RESOURCES", "Board", "board_names", "load_board"]

FAMILIES = ("xcup", "xcu", "xc7", "xc6s", "xc6v")
"""The families of Yosys's synth_xilinx that our netlists are tried with, ours first."""

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
    """The boards that come with Gemmule."""
    return sorted(
        entry.name.removesuffix(".toml")
        for entry in files(__name__).iterdir()
        if entry.name.endswith(".toml")
    )


def load_board(name: str | Path | Board) -> Board:
    """The board called ``name``, or the one that the TOML file ``name`` describes."""
    if isinstance(name, Board):
        return name
    text = str(name)
    if text in board_names():
        return _parse(text, files(__name__).joinpath(f"{text}.toml").read_text())
    if not text.endswith(".toml"):
        known = ", ".join(board_names())
        raise UsageError(
            f"--board must be one of {known} or a .toml file of your own, not {text!r}"
        )
    try:
        return _parse(text, Path(text).read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--board: cannot read {text!r}: {error}") from None


def _parse(source: str, text: str) -> Board:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"--board: {source} is not TOML: {error}") from None
    kinds = {each.name: each.type for each in fields(Board)}
    kinds["clock_mhz"], kinds["resources"] = (int, float), dict
    if missing := sorted(set(kinds) - set(data)):
        raise UsageError(f"--board: {source} lacks {', '.join(missing)}")
    if unknown := sorted(set(data) - set(kinds)):
        raise UsageError(f"--board: {source} has {', '.join(unknown)}, which no board has")
    for key, kind in kinds.items():
        if not isinstance(data[key], kind) or isinstance(data[key], bool):
            raise UsageError(f"--board: {key} in {source} cannot be {data[key]!r}")
    if data["family"] not in FAMILIES:
        raise UsageError(
            f"--board: family in {source} must be one of {', '.join(FAMILIES)},"
            f" not {data['family']!r}"
        )
    resources = data["resources"]
    for key in RESOURCES:
        if not isinstance(resources.get(key), int) or resources[key] < 0:
            raise UsageError(f"--board: {source} needs a count of {key} under [resources]")
    if data["cascade"] < 1 or data["clock_mhz"] <= 0:
        raise UsageError(f"--board: cascade and clock_mhz in {source} must be above 0")
    return Board(**data | {"resources": {key: resources[key] for key in RESOURCES}})
