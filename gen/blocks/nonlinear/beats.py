"""Rows and their beats, as softmax and layer normalization have them."""

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format, check_values
from gemmule.golden.common.lanes import last_of
from gemmule.hw.nonlinear.row.commands import ROWS_WIDTH

__all__ = ["check_rows", "from_rows", "to_rows"]

Integers = NDArray[np.int64]


def check_rows(x: NDArray, fmt: Format, max_length: int) -> None:
    """Refuse ``x`` [rows, n] without rows, with too long ones, or with values beyond ``fmt``."""
    shape = np.shape(x)
    if len(shape) != 2:
        raise UsageError(f"x must have shape [any, any], not {list(shape)}")
    rows, n = shape
    if not 1 <= n <= max_length:
        raise UsageError(f"x must have rows of 1 to {max_length} (--max-length), not {n}")
    if not 1 <= rows < 1 << ROWS_WIDTH:
        raise UsageError(f"x must have 1 to {(1 << ROWS_WIDTH) - 1} rows, not {rows}")
    check_values("x", x, fmt)


def to_rows(x: Integers, lanes: int) -> tuple[Integers, NDArray[np.bool_]]:
    """Return beats [rows * beats, lanes] of ``x`` [rows, n], rows filled with 0; and ``last``."""
    rows, n = x.shape
    beats = -(-n // lanes)
    filled = np.pad(x, ((0, 0), (0, beats * lanes - n)))
    last = np.tile(last_of(beats), rows)
    return filled.reshape(rows * beats, lanes), last


def from_rows(beats: Integers, n: int, lanes: int) -> Integers:
    """Return the rows [rows, n] that lie in ``beats``."""
    return beats.reshape(-1, -(-n // lanes) * lanes)[:, :n]
