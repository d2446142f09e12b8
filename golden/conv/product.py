"""One product of a convolution's program: from the beats of its operands to rows of results."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.common.formats import Format
from gemmule.golden.common.requantize import ROUNDINGS, STEP, Requantization, sum_width
from gemmule.golden.systolic.beats import Tiling

from .hardware import ConvolutionHardware

__all__ = ["beats_of", "results"]

Integers = NDArray[np.int64]

EXACT = 1 << 53
"""Below it, sums of integers are exact in float64, where BLAS is fast."""


def beats_of(product: Mapping[str, Any], hardware: ConvolutionHardware) -> tuple[int, int]:
    """Count the beats of ``a`` and of ``b`` that a product takes.

    Examples
    --------
    >>> unit = ConvolutionHardware(rows=4, cols=4, acc_depth=8)
    >>> beats_of({"m": 9, "n": 4, "k": 6, "output_stationary": 0}, unit)
    (18, 12)
    >>> beats_of({"m": 9, "n": 4, "k": 6, "output_stationary": 1}, unit)
    (18, 18)
    """
    m, k = product["m"], product["k"]
    if product["output_stationary"]:
        return (-(-m // hardware.rows) * k,) * 2
    return m * -(-k // hardware.rows), -(-m // hardware.acc_depth) * k


def results(
    product: Mapping[str, Any],
    lanes: Sequence[Mapping[str, int]],
    a: Integers,
    b: Integers,
    hardware: ConvolutionHardware,
) -> Integers:
    """Return the rows of results, ``[m, cols]``; lanes from ``n`` on are 0.

    ``clamp(round((sum - b_zero_point * rows + offset) * multiplier / 2**(STEP * (drop + 1))) +
    zero_point)``, where ``sum`` is that of the products and ``rows`` that of ``a``. Sums wrap at
    their registers' widths; ``zero_point``, ``low`` and ``high`` are numbers of one format, signed
    or not, of at most ``out_width`` bits.

    Parameters
    ----------
    product : its command
    lanes : settings of each column, by :func:`~.layout.lane`; no ``drop`` above that of max_shift
    a : ``[beats, rows]``
    b : ``[beats, cols]``
    hardware
    """
    n = product["n"]
    tiling = Tiling(
        m=product["m"], n=n, k=product["k"], rows=hardware.rows, cols=hardware.cols,
        acc_depth=hardware.acc_depth, output_stationary=bool(product["output_stationary"]),
    )  # fmt: skip
    pairs = [(left, right[:, :n]) for left, right in tiling.matrices(a, b)]
    sums = np.concatenate([_product(left, right) for left, right in pairs])
    rows = np.concatenate([left.sum(axis=1) for left, _ in pairs])
    columns = {name: np.array([lane[name] for lane in lanes[:n]], np.int64) for name in lanes[0]}
    total = Format(True, hardware.acc_width).wrapped(sums) + columns["offset"]
    rows = Format(True, hardware.row_sum_width).wrapped(rows)
    total -= np.outer(rows, columns["b_zero_point"])
    requantize = Requantization(
        bias=np.zeros(n, np.int64),
        multiplier=columns["multiplier"],
        shift=STEP * (np.minimum(columns["drop"], hardware.max_shift // STEP) + 1),
        zero_point=product["zero_point"],
        rounding=ROUNDINGS[product["rounding"]],
        format=Format(True, hardware.out_width),
        low=product["low"],
        high=product["high"],
    )
    found = np.zeros((product["m"], hardware.cols), np.int64)
    scaled = requantize(Format(True, sum_width(hardware.acc_width)).wrapped(total))
    found[:, :n] = requantize.format.wrapped(scaled)
    return found


def _product(a: NDArray[np.integer], b: NDArray[np.integer]) -> Integers:
    if len(b) * int(np.abs(a).max()) * int(np.abs(b).max()) < EXACT:
        return (a.astype(np.float64) @ b.astype(np.float64)).astype(np.int64)
    return np.asarray(a @ b, np.int64)
