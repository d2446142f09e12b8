"""Which weights a metric keeps: N of each M, or an exact share of each row."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .format import TWO_FOUR, Compressed, Pattern, gather

__all__ = ["keep_groups", "keep_share", "prune24"]


def keep_groups(metric: ArrayLike, pattern: Pattern = TWO_FOUR) -> NDArray[np.bool_]:
    """Mark the ``kept`` largest of each group along the last axis; ties keep the lower index.

    Each element is compared with each other one of its group, as the hardware does: no sort.

    Examples
    --------
    >>> keep_groups([[1, 5, 5, 5], [0, 2, 0, 9]]).astype(int)
    array([[0, 1, 1, 0],
           [0, 1, 0, 1]])
    """
    metric = np.asarray(metric)
    groups = metric.reshape(*metric.shape[:-1], -1, pattern.size)
    places = [np.ascontiguousarray(groups[..., i]) for i in range(pattern.size)]
    losses = [np.zeros(groups.shape[:-1], np.int8) for _ in places]
    for high in range(pattern.size):
        for low in range(high):
            lower_wins = places[low] >= places[high]
            losses[high] += lower_wins
            losses[low] += ~lower_wins
    keep = np.stack([lost < pattern.kept for lost in losses], axis=-1)
    return keep.reshape(metric.shape)


def keep_share(metric: ArrayLike, sparsity: float = 0.5) -> NDArray[np.bool_]:
    """Return False at the ``round(sparsity * n)`` smallest of each row, else True.

    The choice is exact, by partial sorting.

    Examples
    --------
    >>> keep_share([[3.0, 1.0, 2.0, 4.0]]).astype(int)
    array([[1, 0, 0, 1]])
    """
    metric = np.asarray(metric)
    dropped = round(sparsity * metric.shape[-1])
    keep = np.ones(metric.shape, bool)
    if dropped:
        order = np.argpartition(metric, dropped - 1, axis=-1)[..., :dropped]
        np.put_along_axis(keep, order, False, axis=-1)
    return keep


def prune24(
    w: ArrayLike, metric: ArrayLike | None = None, pattern: Pattern = TWO_FOUR
) -> Compressed:
    """Return values and indices of the two largest by metric of each four rows of ``w`` ``[K, N]``.

    The metric is ``|w|`` where none is given. Rows that K lacks to a multiple of four are zeros
    with metric 0. Ties keep the lower index; indices ascend.

    Examples
    --------
    >>> values, indices = prune24([[1], [-5], [5], [5]])
    >>> values.ravel(), indices.ravel()
    (array([-5,  5]), array([1, 2]))
    >>> prune24([[1], [-5], [5], [5]], [[9], [0], [0], [1]])[0].ravel()
    array([1, 5])
    """
    w = np.asarray(w, dtype=np.int64)
    metric = np.abs(w) if metric is None else np.asarray(metric, dtype=np.int64)
    k, n = w.shape
    missing = pattern.groups(k) * pattern.size - k
    metric = np.pad(metric, ((0, missing), (0, 0)))
    keep = keep_groups(metric.T, pattern).reshape(n, -1, pattern.size)
    places = np.argsort(~keep, axis=-1, kind="stable")[..., : pattern.kept]
    return gather(w, places.transpose(1, 2, 0), pattern)
