"""Pruning and quantization with second-order information: what HWPQ is compared with.

Optimal Brain Surgeon, made tractable as in SparseGPT and GPTQ (Frantar and Alistarh): rows share
the inverse Hessian ``inverse(X' X + damping)``, whose upper Cholesky factor gives for each input
the saliency's denominator and how the inputs behind it make up for its error.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["inverse_factor", "second_order"]

BLOCK = 128
"""Inputs that choose their weights together, and whose errors are then spread at once."""


def inverse_factor(gram: NDArray, damping: float = 0.01) -> NDArray[np.float32]:
    """Return upper triangular ``U``, ``U' U = inverse(gram + damping * mean(diagonal) * I)``."""
    size = len(gram)
    damped = gram + damping * np.mean(np.diag(gram)) * np.eye(size, dtype=gram.dtype)
    # With J the exchange of order, J gram J = L L' gives inverse(gram) = (J inverse(L)' J)(...)'.
    lower = np.linalg.cholesky(damped[::-1, ::-1])
    return np.triu(np.linalg.inv(lower)[::-1, ::-1]).astype(np.float32)


def second_order(
    w: NDArray, gram: NDArray, *, sparsity: float = 0.0, levels: int | None = None
) -> NDArray[np.float32]:
    """Prune each row of the weights ``[out, in]`` and, with ``levels``, round them to a grid.

    ``gram`` ``[in, in]`` is ``X' X``; the grid has ``levels`` steps to each side of zero and one
    scale a row.
    """
    w = w.astype(np.float32)
    factor = inverse_factor(gram)
    diagonal = np.diag(factor)
    scale = np.abs(w).max(axis=1) / levels if levels else None
    for first in range(0, w.shape[1], BLOCK):
        last = min(first + BLOCK, w.shape[1])
        keep = _keep(w[:, first:last] / diagonal[first:last], sparsity)
        errors = np.empty((len(w), last - first), np.float32)
        for i in range(first, last):
            done = np.where(keep[:, i - first], w[:, i], 0)
            if levels:
                done = np.clip(np.rint(done / scale), -levels, levels) * scale
            errors[:, i - first] = (w[:, i] - done) / diagonal[i]
            w[:, i + 1 : last] -= np.outer(errors[:, i - first], factor[i, i + 1 : last])
            w[:, i] = done
        w[:, last:] -= errors @ factor[first:last, last:]
    return w


def _keep(saliency: NDArray, sparsity: float) -> NDArray[np.bool_]:
    dropped = round(sparsity * saliency.shape[1])
    keep = np.ones(saliency.shape, bool)
    if dropped:
        order = np.argpartition(np.abs(saliency), dropped - 1, axis=1)[:, :dropped]
        np.put_along_axis(keep, order, False, axis=1)
    return keep
