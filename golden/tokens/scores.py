"""How important a token is, from attention or from per-head scores: the reductions."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gemmule.golden.common.formats import Format

from .rounding import divide_half_even

__all__ = ["Reduction", "class_attention", "column_max", "first_column", "saturate", "weighted"]


@dataclass(frozen=True)
class Reduction:
    """What the lanes of `token_score` do with the rows ``[groups, rows, N]`` they are given.

    Rows of a group are reduced by maximum or by sum, groups by sum.
    """

    rows: NDArray[np.int64]
    maximum: bool

    def result(self) -> NDArray[np.int64]:
        """Return the reduced row [N]."""
        group = self.rows.max(axis=1) if self.maximum else self.rows.sum(axis=1)
        return group.sum(axis=0)


def class_attention(attention: ArrayLike) -> NDArray[np.int64]:
    """Return ``round_half_even(sum_h attention[h, n] / heads)``.

    The attention is that of the class token [heads, N].

    EViT (arXiv 2202.07800) and the data-level lottery tickets (arXiv 2211.01484) rank patches so.

    Examples
    --------
    >>> class_attention([[1, 4], [2, 7]])
    array([2, 6])
    """
    attention = np.asarray(attention, dtype=np.int64)
    return divide_half_even(attention.sum(axis=0), len(attention))


def column_max(attention: ArrayLike, previous: ArrayLike | None = None) -> NDArray[np.int64]:
    """Return ``previous[n] + sum_h max_q attention[h, q, n]``: CP-ViT's cumulative score.

    ``attention`` is [heads, queries, N]; the score is carried from layer to layer through
    ``previous`` (arXiv 2203.04570).

    Examples
    --------
    >>> column_max([[[1, 4], [2, 3]], [[5, 0], [0, 6]]], [10, 20])
    array([17, 30])
    """
    attention = np.asarray(attention, dtype=np.int64)
    scores = Reduction(attention, maximum=True).result()
    return scores if previous is None else scores + np.asarray(previous, dtype=np.int64)


def first_column(attention: ArrayLike) -> NDArray[np.int64]:
    """Return ``sum_h attention[h, q, 0]``: what every query gives the first token.

    As in X. Shen et al., "EdgeQAT: Entropy and Distribution Guided Quantization-Aware Training".

    ``attention`` [heads, N, N] are the scores before the softmax, signed or not.

    Examples
    --------
    >>> first_column([[[1, 4], [-2, 3]], [[5, 0], [0, 6]]])
    array([ 6, -2])
    """
    attention = np.asarray(attention, dtype=np.int64)
    return Reduction(attention[:, None, :, 0], maximum=False).result()


def weighted(scores: ArrayLike, weights: ArrayLike) -> NDArray[np.int64]:
    """Return ``sum_h weights[n, h] * scores[n, h] / sum_h weights[n, h]``, rounded half to even.

    The last step of HeatViT's multi-head selector; zeros where all weights are zero.

    Examples
    --------
    >>> weighted([[10, 20], [8, 8]], [[1, 3], [0, 0]])
    array([18,  0])
    """
    scores = np.asarray(scores, dtype=np.int64)
    weights = np.asarray(weights, dtype=np.int64)
    return divide_half_even((scores * weights).sum(axis=1), weights.sum(axis=1))


def saturate(values: NDArray[np.int64], fmt: Format) -> NDArray[np.int64]:
    """Return the nearest values that ``fmt`` holds.

    Examples
    --------
    >>> saturate(np.array([-5, 300]), Format.parse("u8"))
    array([  0, 255])
    """
    return np.clip(values, fmt.low, fmt.high)
