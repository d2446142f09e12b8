"""How much a weight matters: the metrics that pruning ranks weights by.

Weights are ``w`` ``[out, in]``, as PyTorch's ``Linear`` stores them: the transpose of ``b``.
``energy`` ``[in]`` is the mean square of each input over calibration data.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gemmule.golden.common.errors import UsageError

__all__ = ["FORMS", "contribution", "input_factor", "magnitude", "wanda"]

FORMS = ("mul", "div")
"""The two readings of HWPQ's metric: one multiplies by ``1 - x**2 / S``, one divides by it."""


def magnitude(w: ArrayLike) -> NDArray:
    """Return ``|w|``.

    Examples
    --------
    >>> magnitude([[-2.0, 1.0]])
    array([[2., 1.]])
    """
    return np.abs(np.asarray(w))


def wanda(w: ArrayLike, energy: ArrayLike) -> NDArray:
    """Return ``|w[o, i]| * norm(x[i])``: Wanda (Sun et al., ICLR 2024), up to a constant factor.

    Examples
    --------
    >>> wanda([[-2.0, 1.0]], [1.0, 9.0])
    array([[2., 3.]])
    """
    return np.abs(np.asarray(w)) * np.sqrt(np.asarray(energy))


def contribution(w: ArrayLike, energy: ArrayLike | None = None, form: str = "mul") -> NDArray:
    """Give HWPQ's ``L = w**2 / 2 * (1 - x**2 / S)``, or ``w**2 / 2 / (1 - x**2 / S)`` by ``form``.

    HWPQ (arXiv 2501.16376), whose formula we know second hand only. ``x**2`` is the energy of the
    weight's input and ``S`` the energy of all inputs; without ``energy`` they are the squares of
    the weight and of its row. ``div`` is what the saliency of Optimal Brain Surgeon,
    ``w**2 / (2 * inverse(H)[i, i])`` with ``H = x x' + lambda I``, is proportional to.

    Examples
    --------
    >>> contribution([[2.0, 4.0]], [1.0, 3.0])
    array([[1.5, 2. ]])
    >>> contribution([[2.0, 4.0]], [1.0, 3.0], "div")
    array([[ 2.66666667, 32.        ]])
    """
    w = np.asarray(w)
    half = w * w / 2
    if energy is not None:
        return half * input_factor(energy, form)
    squares = 2 * half
    share = squares / np.maximum(squares.sum(axis=-1, keepdims=True), np.finfo(w.dtype).tiny)
    return _apply(half, share, form)


def input_factor(energy: ArrayLike, form: str = "mul") -> NDArray:
    """Return what each input multiplies ``w**2 / 2`` by: ``[in]``.

    Examples
    --------
    >>> input_factor([1.0, 3.0])
    array([0.75, 0.25])
    """
    energy = np.asarray(energy)
    share = energy / max(float(energy.sum()), np.finfo(energy.dtype).tiny)
    return _apply(np.ones_like(energy), share, form)


def _apply(half: NDArray, share: NDArray, form: str) -> NDArray:
    if form not in FORMS:
        raise UsageError(f"form must be one of {', '.join(FORMS)}, not {form!r}")
    # An input that is alone has share 1; the reciprocal is bounded by the type's precision.
    rest = np.maximum(1 - share, np.finfo(half.dtype).eps)
    return half * rest if form == "mul" else half / rest
