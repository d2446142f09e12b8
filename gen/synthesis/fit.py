"""The largest array that fits on a board: a model fitted to small Yosys runs, and a large one."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.block import Block
from gemmule.gen.boards import RESOURCES, Board, load_board
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.options import Options

from .synth import check_cell, synthesize

__all__ = ["DoesNotFit", "Fit", "area_model", "largest", "use"]

SAMPLES = ((1, 1), (1, 2), (2, 1), (2, 2))
"""Rows and columns of the runs that the model is fitted to, in units of :func:`_steps`."""

ATTEMPTS = 4
"""Arrays that Yosys is asked to confirm, each smaller than the one before, at most."""


class DoesNotFit(Exception):
    """No array is small enough."""


@dataclass(frozen=True, kw_only=True)
class Fit:
    """The array that fits: what the model said it takes, and what Yosys then counted."""

    block: str
    board: str
    limit: float
    rows: int
    cols: int
    macs_per_cycle: int
    limited_by: str
    predicted: Mapping[str, int]
    used: Mapping[str, int]
    percent: Mapping[str, float | None]

    def as_dict(self) -> dict[str, Any]:
        """Return the result as plain data."""
        return asdict(self)


def largest(
    block: Block,
    params: Options,
    board: str | Path | Board,
    *,
    limit: float = 0.8,
    progress: Callable[[str], None] = lambda text: None,
) -> Fit:
    """Find the array with the most MACs per cycle of which no resource takes more than ``limit``.

    Rows and columns are multiples of a small number (rows: of a chain's depth); of equal arrays
    the squarest. Where Yosys counts more than the model and the limit, that run joins the model
    and the next array is tried; :class:`DoesNotFit` where no array is left.
    """
    target = load_board(board)
    if not 0 < limit <= 1:
        raise UsageError(f"--limit must be above 0 and at most 1, not {limit}")
    if not {"rows", "cols"} <= {each.name for each in fields(params)}:
        raise UsageError(f"fit needs a block with --rows and --cols, which {block.name} lacks")
    if block.bus_adapter:
        raise UsageError(
            f"fit is for arrays of any size, and rows and columns of {block.name} are powers of 2:"
            f" its presets are {', '.join(block.presets)}, and synth counts any other"
        )
    row_step, col_step = _steps(params)
    runs: dict[tuple[int, int], NDArray] = {}

    def run(rows: int, cols: int) -> Mapping[str, float | None]:
        progress(f"{rows} x {cols}")
        sized = _sized(params, rows, cols)
        report = synthesize(block, sized, target, flatten=False)
        runs[rows, cols] = np.array([getattr(report, name) for name in RESOURCES])
        return report.percent

    check_cell(_sized(params, row_step, col_step), target)
    for rows, cols in SAMPLES:
        run(rows * row_step, cols * col_step)
    there = np.array([target.resources[name] for name in RESOURCES])
    for _attempt in range(ATTEMPTS):
        coefficients = area_model(runs)
        shape = _best(params, target, coefficients, there * limit, (row_step, col_step))
        if shape is None:
            break
        predicted = use(coefficients, *shape)
        percent = run(*shape)
        if (runs[shape] <= there * limit).all():
            return _fit(block, params, target, limit, shape, predicted, runs[shape], percent)
    raise DoesNotFit(f"no {block.name} was found that takes at most {limit:.0%} of {target.name}")


def area_model(runs: Mapping[tuple[int, int], NDArray]) -> NDArray:
    """Fit coefficients ``[4, resources]`` of 1, R, C, R * C by least squares; large runs weigh."""
    shapes = np.array(list(runs), dtype=float)
    weight = np.sqrt(shapes.prod(axis=1))[:, None]
    found = np.stack(list(runs.values()))
    return np.linalg.lstsq(_terms(shapes) * weight, found * weight, rcond=None)[0]


def use(coefficients: NDArray, rows: int, cols: int) -> NDArray:
    """Return what the model says that an array takes of each resource."""
    return (_terms(np.array([[rows, cols]], dtype=float)) @ coefficients)[0]


def _terms(shapes: NDArray) -> NDArray:
    rows, cols = shapes.T
    return np.stack([np.ones_like(rows), rows, cols, rows * cols], axis=1)


def _sized(params: Options, rows: int, cols: int) -> Options:
    sizes: dict[str, Any] = {"rows": rows, "cols": cols}
    return replace(params, **sizes)


def _steps(params: Any) -> tuple[int, int]:
    """Return what rows and columns are multiples of: of whole chains, of whole DSP blocks."""
    if getattr(params, "cell", "generic") == "generic":
        return 4, 4
    depth = params.chains.packing.depth
    return (depth * -(-4 // depth) if depth <= 8 else 4), 4


def _best(
    params: Options, board: Board, coefficients: NDArray, room: NDArray, steps: tuple[int, int]
) -> tuple[int, int] | None:
    """Find the most cells that the model puts into ``room``, the squarest of equals."""
    fitting = [
        (rows * cols, -abs(rows - cols), rows, cols)
        for rows, cols in _shapes(params, board, steps)
        if (use(coefficients, rows, cols) <= room + 0.5).all()
    ]
    return max(fitting)[2:] if fitting else None


def _shapes(params: Options, board: Board, steps: tuple[int, int]) -> Iterator[tuple[int, int]]:
    limits = {each.name: each.metadata["high"] for each in fields(params)}
    generic = getattr(params, "cell", "generic") == "generic"
    tallest = limits["rows"] if generic else min(limits["rows"], board.cascade)
    for rows in range(steps[0], tallest + 1, steps[0]):
        for cols in range(steps[1], limits["cols"] + 1, steps[1]):
            yield rows, cols


def _fit(
    block: Block,
    params: Options,
    board: Board,
    limit: float,
    shape: tuple[int, int],
    predicted: NDArray,
    used: NDArray,
    percent: Mapping[str, float | None],
) -> Fit:
    rows, cols = shape
    return Fit(
        block=block.name,
        board=board.name,
        limit=limit,
        rows=rows,
        cols=cols,
        macs_per_cycle=rows * cols * getattr(params, "m_lanes", 1),
        limited_by=max(percent, key=lambda name: percent[name] or 0),
        predicted={name: round(n) for name, n in zip(RESOURCES, predicted, strict=True)},
        used={name: int(n) for name, n in zip(RESOURCES, used, strict=True)},
        percent=percent,
    )
