"""The table of elementwise functions: what is true of them, and what their blocks offer."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["FUNCTIONS", "Function", "heatvit_gelu", "line_between"]

Real = NDArray[np.float64]
_erf = np.vectorize(math.erf, otypes=[float])


def heatvit_gelu(x: Real, delta1: float) -> Real:
    """Compute HeatViT's GELU: ``x/2 * (1 + L_erf(x / sqrt 2))``, ``L_erf`` scaled by ``delta1``.

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
    """Return ``clamp(alpha * x + beta, 0, 1)``: a hard sigmoid."""
    return lambda x: np.clip(alpha * x + beta, 0, 1)


def _inverse(x: Real) -> Real:
    return np.where(x > 0, 1 / np.where(x > 0, x, 1), np.inf)


@dataclass(frozen=True, kw_only=True)
class Function:
    """A function, how it is brought to a small domain, and what its block offers.

    ``symmetry``: with ``a = |x|`` and ``t`` the part that is fitted,
    ``rectified``  ``f(x) = max(x, 0) - t(a)``;
    ``complement`` ``f(x) = 1 - t(a)`` for ``x >= 0``, ``t(a)`` below;
    ``odd``        ``f(x) = sign(x) * t(a)``;
    ``power``      ``f(m * 4**e) = f(m) * f(4)**e``, of positive x only;
    ``product``    ``f(a + b) = f(a) * f(b)``.

    ``title`` completes a sentence, ``formula`` is what ``y`` equals, ``text`` what else is to be
    said, and ``source`` cites. ``sets`` are the sets of coefficients to choose from.
    """

    name: str
    title: str
    formula: str
    true: Callable[[Real], Real]
    symmetry: str
    in_format: str = "sq4.12"
    out_format: str = "sq4.12"
    sets: tuple[str, ...] = ("exact",)
    text: str = ""
    source: str = ""


_HEATVIT = 'heatvit: P. Dong et al., "HeatViT", HPCA 2023, arXiv 2211.08110, equations'

_ROWS = (
    Function(
        name="gelu",
        title="the Gaussian error linear unit",
        formula="x * (1 + erf(x / sqrt(2))) / 2",
        true=_gelu,
        symmetry="rectified",
        sets=("exact", "heatvit"),
        text="By the error function and not its tanh form. ``heatvit`` replaces the error function"
        " by a parabola, scaled by ``delta1``: 0.5 is the paper's, for weights trained with it; 1"
        " is I-BERT's (arXiv 2101.01321).",
        source=f"{_HEATVIT} 11 and 12.",
    ),
    Function(
        name="sigmoid",
        title="the logistic sigmoid",
        formula="1 / (1 + exp(-x))",
        true=_sigmoid,
        symmetry="complement",
        out_format="uq1.15",
        sets=("exact", "heatvit", "plan"),
        text="``plan``, which is also ``heatvit``, has straight lines instead.",
        source="plan: H. Amin, K. Curtis, B. Hayes-Gill, IEE Proc. Circuits 1997; used by HeatViT.",
    ),
    Function(
        name="tanh",
        title="the hyperbolic tangent",
        formula="tanh(x)",
        true=np.tanh,
        symmetry="odd",
        out_format="sq1.15",
    ),
    Function(
        name="silu",
        title="the sigmoid linear unit",
        formula="x / (1 + exp(-x))",
        true=lambda x: x * _sigmoid(x),
        symmetry="rectified",
    ),
    Function(
        name="hardswish",
        title="the hard swish",
        formula="x * min(max(x + 3, 0), 6) / 6",
        true=lambda x: x * _hardsigmoid(x),
        symmetry="rectified",
    ),
    Function(
        name="hardsigmoid",
        title="the hard sigmoid, of any line,",
        formula="min(max({alpha} * x + {beta}, 0), 1)",
        true=_hardsigmoid,
        symmetry="complement",
        out_format="uq1.15",
        text="``(x + 3) / 6`` where nothing else is asked for. Of any other line the result is the"
        " exact value, rounded once, ties up, wherever a factor of 24 bits gives that; the notes"
        " tell the greatest error.",
    ),
    Function(
        name="exp",
        title="the exponential",
        formula="exp(x)",
        true=lambda x: np.exp(np.minimum(x, 700)),
        symmetry="product",
        in_format="sq5.11",
        out_format="uq1.15",
        sets=("exact", "heatvit"),
        text="Saturated. ``heatvit`` is a parabola and a shift, of ``x <= 0``; above, its result is"
        " that at 0.",
        source=f"{_HEATVIT} 13 and 14.",
    ),
    Function(
        name="reciprocal",
        title="the reciprocal",
        formula="1 / x; x of zero and below gives the greatest result",
        true=_inverse,
        symmetry="power",
        in_format="uq1.15",
        out_format="uq1.15",
    ),
    Function(
        name="rsqrt",
        title="the reciprocal square root",
        formula="1 / sqrt(x); x of zero and below gives the greatest result",
        true=lambda x: np.sqrt(_inverse(x)),
        symmetry="power",
        in_format="uq2.14",
        out_format="uq1.15",
    ),
)

FUNCTIONS = {each.name: each for each in _ROWS}
"""The functions by name: parameters, components, blocks, sheets and tests are made from these."""
