"""The verb `fit`: the largest array that a board holds."""

from typing import Annotated

import typer

from gemmule.gen.block import Block
from gemmule.gen.boards import board_choices
from gemmule.gen.synthesis.choose import Choice
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.options import Options

from .printing import JSON, pairs, print_json, progress, table
from .verbs import BOARD

__all__ = ["fit"]

LIMIT = Annotated[
    float, typer.Option(metavar="F", help="Fraction of each resource that may be used, 0 to 1.")
]


def fit(
    block: Block,
    params: Options,
    choice: Choice | None = None,
    *,
    board: BOARD = None,
    limit: LIMIT = 0.8,
    as_json: JSON = False,
) -> int:
    """Find --rows and --cols of the largest array that fits on a board."""
    from gemmule.gen.synthesis.fit import DoesNotFit, largest

    if board is None:
        raise UsageError(f"fit needs --board: {board_choices()}")
    try:
        with progress(f"fitting {block.name} on {board}") as tell:
            found = largest(block, params, board, limit=limit, progress=tell)
    except DoesNotFit as failure:
        typer.echo(f"gemmule: {failure}", err=True)
        return 1
    report = found.as_dict() | (choice.as_dict() if choice else {})
    if as_json:
        print_json(report)
        return 0
    rows = [
        (name, report["predicted"][name], report["used"][name], report["percent"][name])
        for name in report["predicted"]
    ]
    table(["resource", "model", "Yosys", "percent"], rows, title=f"{block.name} on {found.board}")
    names = ("rows", "cols", "macs_per_cycle", "limit", "limited_by", "cell", "pack", "chosen")
    pairs({key: report[key] for key in names if key in report})
    return 0
