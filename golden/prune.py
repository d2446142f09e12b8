"""Pruning and quantization of weights in one pass, linear in their number.

The parts are in :mod:`gemmule.golden.sparse`; here they are one call.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gemmule.golden.common.errors import UsageError
from gemmule.golden.sparse.ewma import EwmaThreshold, normal_k
from gemmule.golden.sparse.format import TWO_FOUR, Pattern
from gemmule.golden.sparse.metric import FORMS, contribution, input_factor, magnitude, wanda
from gemmule.golden.sparse.quantize import TARGETS, dequantize, row_scales, to_codes
from gemmule.golden.sparse.select import keep_groups, keep_share

__all__ = [
    "FORMS",
    "METHODS",
    "TARGETS",
    "EwmaThreshold",
    "Pruned",
    "contribution",
    "dequantize",
    "keep_groups",
    "keep_share",
    "magnitude",
    "metric_of",
    "normal_k",
    "prune",
    "prune_stream",
    "wanda",
]

METHODS = ("magnitude", "wanda", "hwpq")

_CHUNK = 64
"""Columns that are turned on their side at once: a few rows' worth of them stay in the cache."""


@dataclass(frozen=True)
class Pruned:
    """``keep`` ``[out, in]``; where asked for, ``codes`` ``[out, in]`` and ``scales`` ``[out]``."""

    keep: NDArray[np.bool_]
    codes: NDArray | None = None
    scales: NDArray[np.float32] | None = None

    @property
    def sparsity(self) -> float:
        """The share of weights that were pruned."""
        return 1 - float(np.count_nonzero(self.keep)) / self.keep.size


def metric_of(
    w: ArrayLike, method: str, energy: ArrayLike | None = None, form: str = "mul"
) -> NDArray:
    """Return the metric ``[out, in]`` that ``method`` ranks ``w`` by.

    Examples
    --------
    >>> metric_of([[-2.0, 1.0]], "wanda", [1.0, 9.0])
    array([[2., 3.]])
    """
    if method not in METHODS:
        raise UsageError(f"method must be one of {', '.join(METHODS)}, not {method!r}")
    if method == "wanda":
        if energy is None:
            raise UsageError("energy is missing: wanda weighs each input by its mean square")
        return wanda(w, energy)
    return magnitude(w) if method == "magnitude" else contribution(w, energy, form)


def prune(
    w: ArrayLike,
    method: str = "hwpq",
    *,
    energy: ArrayLike | None = None,
    form: str = "mul",
    pattern: Pattern = TWO_FOUR,
    target: str | None = None,
) -> Pruned:
    """Prune ``w`` ``[out, in]`` N:M along its inputs, and quantize it to ``target``.

    Examples
    --------
    >>> done = prune(np.array([[4.0, -1.0, 2.0, 127.0]]), "magnitude", target="int8")
    >>> done.codes, done.sparsity
    (array([[  4,   0,   0, 127]], dtype=int8), 0.5)
    """
    w = _weights(w)
    if w.shape[1] % pattern.size:
        raise UsageError(f"w must have a multiple of {pattern.size} inputs, not {w.shape[1]}")
    keep = keep_groups(metric_of(w, method, energy, form), pattern)
    if target is None:
        return Pruned(keep)
    scales = row_scales(w, target)
    codes = to_codes(np.where(keep, w, 0) / scales[:, None], target)
    return Pruned(keep, codes, scales)


def prune_stream(
    w: ArrayLike,
    *,
    energy: ArrayLike | None = None,
    form: str = "mul",
    threshold: EwmaThreshold | None = None,
    target: str | None = None,
) -> Pruned:
    """Prune as HWPQ does, unstructured: one walk along the inputs, all rows abreast, no sort.

    A sum of squares (where ``energy`` is not given) and the rows' largest weights (where ``target``
    is) are taken beforehand; both are streams as well.

    Examples
    --------
    >>> w = np.random.default_rng(0).normal(size=(256, 512))
    >>> abs(prune_stream(w).sparsity - 0.5) < 0.02
    True
    """
    w = _weights(w)
    columns = w.shape[1]
    threshold = threshold or EwmaThreshold()
    keep = np.empty(w.shape, bool)
    scales = row_scales(w, target) if target else None
    codes = np.empty(w.shape, np.uint8 if target == "fp8" else np.int8) if target else None
    factor = None if energy is None else input_factor(np.asarray(energy, np.float32), form) / 2
    squares = np.einsum("oi,oi->o", w, w) if factor is None else np.zeros(0)
    for first in range(0, columns, _CHUNK):
        part = slice(first, first + _CHUNK)
        chunk = np.ascontiguousarray(w[:, part].T)
        metric = (
            _by_row(chunk, squares, form) if factor is None else chunk * chunk * factor[part, None]
        )
        if first == 0:
            threshold.start(metric)
        kept = threshold.step(metric)
        keep[:, part] = kept.T
        if target and codes is not None and scales is not None:
            codes[:, part] = to_codes(chunk * kept / scales, target).T
    return Pruned(keep, codes, scales)


def _by_row(chunk: NDArray, squares: NDArray, form: str) -> NDArray:
    if form not in FORMS:
        raise UsageError(f"form must be one of {', '.join(FORMS)}, not {form!r}")
    square = chunk * chunk
    tiny, eps = np.finfo(np.float32).tiny, np.finfo(np.float32).eps
    rest = np.maximum(1 - square / np.maximum(squares, tiny), eps)
    return square * rest / 2 if form == "mul" else square / rest / 2


def _weights(w: ArrayLike) -> NDArray[np.float32]:
    w = np.asarray(w)
    if w.ndim != 2 or w.dtype.kind not in "fiu":
        raise UsageError(
            f"w must be a matrix [out, in] of numbers, not {w.dtype} of shape {list(w.shape)}"
        )
    if not np.isfinite(w).all():
        raise UsageError("w must hold finite numbers")
    return np.ascontiguousarray(w, dtype=np.float32)
