"""`--cell auto` and `--pack auto`: the board says what multiplies, before hardware is made."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from gemmule.gen.block import Block
from gemmule.gen.boards import Board
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.options import Options

from .synth import check_cell

__all__ = ["AUTO", "Choice", "automatic", "choose"]

AUTO = "auto"

PACKINGS = ("quad", "n", "m", "none")
"""The packings, the one with fewest DSP blocks a product first."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What multiplies, and what it was chosen for: a part of every report."""

    cell: str
    pack: str
    dataflow: str | None
    chosen: str

    def as_dict(self) -> dict[str, str]:
        """Return the choice as plain data."""
        return {name: value for name, value in vars(self).items() if value is not None}


def automatic(kind: type[Options]) -> set[str]:
    """Return the options of ``kind`` that may be ``auto``."""
    names = {each.name for each in fields(kind)}
    return names & {"cell", "pack"} if "cell" in names else set()


def choose(
    block: Block, given: Mapping[str, Any], run: Mapping[str, Any], board: Board | None
) -> tuple[Options, Choice | None]:
    """Return the parameters of ``block`` that are ``given``, with what they leave open.

    ``cell`` left out is ``auto``: with a ``board`` its DSP block where the formats have room in
    it, generic otherwise. ``pack`` left out is ``auto`` beside such a cell, and ``none`` beside one
    that was named. A packing takes ``dataflow`` ws where none was named, and no packing is chosen
    for a ``run`` that is output-stationary.
    """
    if not automatic(block.params):
        return block.params(**given), None
    errors = []
    for tried in _candidates(block, given, run, board):
        try:
            params: Any = block.params(**{**given, **tried})
            if board:
                check_cell(params, board)
        except UsageError as error:
            errors.append(error)
            continue
        return params, Choice(
            cell=params.cell,
            pack=params.pack,
            dataflow=getattr(params, "dataflow", None),
            chosen=_why(given, board, params.cell),
        )
    # What generic cells, tried last, do not take either is wrong with something else.
    raise errors[-1 if given.get("cell", AUTO) == AUTO else 0]


def _candidates(
    block: Block, given: Mapping[str, Any], run: Mapping[str, Any], board: Board | None
) -> Iterator[dict[str, str]]:
    cell, pack = given.get("cell", AUTO), given.get("pack")
    known = {each.name: each.metadata.get("choices") for each in fields(block.params)}
    cells = [cell]
    if cell == AUTO:
        cells = ["generic"]
        if board and board.cell != "generic":
            cells = [board.cell, *cells]
        if pack not in (None, AUTO, "none"):
            cells = [each for each in cells if each != "generic"]
        if not cells:
            raise UsageError(
                f"--pack {pack} needs a DSP block: name a --board, or --cell dsp48e1 or dsp48e2"
            )
    for each in cells:
        packs = [pack]
        if pack == AUTO or (pack is None and cell == AUTO):
            turns = "dataflow" in given or run.get("run_dataflow") != "os"
            free = each != "generic" and turns
            packs = [p for p in PACKINGS if p in (known["pack"] or ())] if free else ["none"]
        for packing in packs:
            tried = {"cell": each} | ({} if packing is None else {"pack": packing})
            if packing not in (None, "none") and "dataflow" in known and "dataflow" not in given:
                tried["dataflow"] = "ws"
            yield tried


def _why(given: Mapping[str, Any], board: Board | None, cell: str) -> str:
    if given.get("cell", AUTO) != AUTO:
        return "by --cell"
    if board is None:
        return "generic, since no --board was named"
    if cell == "generic":
        return f"generic, since {board.name} has no DSP block with room for it"
    return f"for {board.name}"
