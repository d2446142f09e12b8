"""The true functions, in float64: what the units approximate and are measured against."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["FUNCTIONS", "Function", "heatvit_gelu", "line_between"]

Real = NDArray[np.float64]
_erf = np.vectorize(math.erf, otypes=[float])


def heatvit_gelu(x: Real, delta1: float) -> Real:
    """HeatViT's GELU: ``x/2 * (1 + L_erf(x / sqrt 2))``, ``L_erf`` scaled by ``delta1``.

    ``L_erf(u) = sign(u) * delta1 * (a * (min(|u|, -b) + b)**2 + 1)``, ``a = -0.2888``,
    ``b = -1.769``. P. Dong et al., "HeatViT", HPCA 2023 (arXiv 2211.08110), equations 11 and 12;
    with ``delta1 = 1`` it is I-BERT's.
    """
    u = x / math.sqrt(2)
    curve = -0.2888 * (np.minimum(np.abs(u), 1.769) - 1.769) ** 2 + 1
    return x / 2 * (1 + np.sign(u) * delta1 * curve)


def _gelu(x: Real) -> Real:
    return x * 0.5 * (1 + _erf(x / math.sqrt(2)))


def _sigmoid(x: Real) -> Real:
    return 1 / (1 + np.exp(-np.clip(x, -700, 700)))


def _hardsigmoid(x: Real) -> Real:
    return np.clip((x + 3) / 6, 0, 1)


def line_between(alpha: float, beta: float) -> Callable[[Real], Real]:
    """``clamp(alpha * x + beta, 0, 1)``: a hard sigmoid."""
    return lambda x: np.clip(alpha * x + beta, 0, 1)


def _inverse(x: Real) -> Real:
    return np.where(x > 0, 1 / np.where(x > 0, x, 1), np.inf)


@dataclass(frozen=True)
class Function:
    """A function and how it is brought to a small domain.

    ``symmetry``: with ``a = |x|`` and ``t`` the part that is fitted,
    ``rectified``  ``f(x) = max(x, 0) - t(a)``;
    ``complement`` ``f(x) = 1 - t(a)`` for ``x >= 0``, ``t(a)`` below;
    ``odd``        ``f(x) = sign(x) * t(a)``;
    ``power``      ``f(m * 4**e) = f(m) * f(4)**e``, of positive x only;
    ``product``    ``f(a + b) = f(a) * f(b)``.
    """

    name: str
    true: Callable[[Real], Real]
    symmetry: str


FUNCTIONS = {
    each.name: each
    for each in (
        Function("gelu", _gelu, "rectified"),
        Function("sigmoid", _sigmoid, "complement"),
        Function("tanh", np.tanh, "odd"),
        Function("silu", lambda x: x * _sigmoid(x), "rectified"),
        Function("hardswish", lambda x: x * _hardsigmoid(x), "rectified"),
        Function("hardsigmoid", _hardsigmoid, "complement"),
        Function("exp", lambda x: np.exp(np.minimum(x, 700)), "product"),
        Function("reciprocal", _inverse, "power"),
        Function("rsqrt", lambda x: np.sqrt(_inverse(x)), "power"),
    )
}
"""The functions by name."""
