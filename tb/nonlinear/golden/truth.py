"""Softmax and normalization in float64: what the tests and the figures compare with."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["true_layernorm", "true_softmax"]

Real = NDArray[np.float64]


def true_softmax(x: Real, mask: NDArray[np.bool_] | None = None, delta: float = 1.0) -> Real:
    """Compute ``delta * softmax`` of the kept entries of each row; 0 for the others."""
    kept = np.ones(x.shape, bool) if mask is None else np.broadcast_to(mask, x.shape)
    top = np.where(kept, x, -1e30).max(axis=1, keepdims=True)
    powers = np.exp(np.minimum(x - top, 0)) * kept
    return delta * powers / np.maximum(powers.sum(axis=1, keepdims=True), 1e-30)


def true_layernorm(x: Real, gamma: Real, beta: Real, epsilon: float, kind: str = "layer") -> Real:
    """Normalize each row, by layer or RMS normalization."""
    mean = x.mean(axis=1, keepdims=True) if kind == "layer" else 0.0
    apart = x - mean
    variance = (apart**2).mean(axis=1, keepdims=True)
    return gamma * apart / np.sqrt(variance + epsilon) + beta
