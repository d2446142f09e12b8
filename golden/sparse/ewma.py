"""A running threshold in place of a sort: HWPQ's exponentially weighted mean and variance."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

__all__ = ["EwmaThreshold", "normal_k"]


def normal_k(sparsity: float) -> float:
    """Return the ``k`` that prunes a ``sparsity`` of squared normals.

    For it ``mean - k * deviation`` is the ``sparsity`` quantile of squared normals. A squared
    normal has mean 1 and variance 2.

    Examples
    --------
    >>> round(normal_k(0.5), 4)
    0.3854
    """
    quantile = NormalDist().inv_cdf((1 + sparsity) / 2) ** 2
    return (1 - quantile) / 2**0.5


@dataclass
class EwmaThreshold:
    """Decides weight by weight, one column of all rows a step, in order and in constant memory.

    ``prune if L < mean - k * deviation``, then ``mean += (1 - beta) * (L - mean)`` and
    ``variance += (1 - beta) * ((L - mean)**2 - variance)`` with the mean from before, then
    ``k += gain * (pruned - sparsity)``: in each row ``k`` follows what the row has pruned so far.
    ``gain`` 0 gives a constant ``k``.

    HWPQ (arXiv 2501.16376) compares with an EWMA threshold; ``beta``, the start and how ``k``
    meets a target sparsity are not known to us. These here are ours: ``k`` starts at
    :func:`normal_k`, mean and variance at those of the first ``warm_up`` columns.
    """

    sparsity: float = 0.5
    beta: float = 0.99
    gain: float = 0.05
    warm_up: int = 64

    def start(self, columns: NDArray[np.floating]) -> None:
        """Take mean and variance from the metric of the first columns, ``[columns, rows]``."""
        columns = columns[: self.warm_up]
        self.mean = columns.mean(axis=0)
        self.variance = columns.var(axis=0)
        self.k = np.full_like(self.mean, normal_k(self.sparsity))

    def step(self, columns: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Return True where a weight is kept: ``[columns, rows]``; the state moves on."""
        keep = np.empty(columns.shape, bool)
        mean, variance, k = self.mean, self.variance, self.k
        rise, fall = np.float32(1 - self.beta), np.float32(self.beta)
        # k + gain * (pruned - sparsity) with pruned = 1 - kept, as two operations.
        drift, gain = np.float32(self.gain * (1 - self.sparsity)), np.float32(self.gain)
        delta, work = np.empty_like(mean), np.empty_like(mean)
        for metric, kept in zip(columns, keep, strict=True):
            np.subtract(metric, mean, out=delta)
            np.sqrt(variance, out=work)
            work *= k
            np.negative(work, out=work)
            np.greater_equal(delta, work, out=kept)
            np.multiply(kept, gain, out=work)
            work -= drift
            k -= work
            np.multiply(delta, rise, out=work)
            mean += work
            work *= delta
            variance *= fall
            variance += work
        return keep
