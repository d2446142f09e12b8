"""From a function, its formats and a set of coefficients to the unit that computes it."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.common.formats import Format

from .exponential import HeatvitExp, exponential
from .functions import FUNCTIONS, Function, heatvit_gelu, line_between
from .piecewise import fit
from .slope import exact_line, fit_slope
from .units import Datapath, Lines, Powers, RectifiedTable, Reflected, Table, every

__all__ = ["HARD", "Line", "Unit", "build_unit", "domain", "truth"]

Unit = Table | Datapath
Line = tuple[Fraction, Fraction]
"""Slope and value at 0."""

HARD: Line = Fraction(1, 6), Fraction(1, 2)
"""The line of hard sigmoid where no other is asked for."""

GUARD = 5
"""Fractional bits kept below the output's last place."""
TABLE_BITS = 10
"""Inputs of at most so many bits become tables where that is smaller."""


def truth(
    function: str, x: NDArray[np.int64], in_format: Format, line: Line = HARD
) -> NDArray[np.float64]:
    """Return the true function, in float64, of the integers ``x``.

    ``line`` is that of hard sigmoid.
    """
    true = FUNCTIONS[function].true if line == HARD else line_between(*map(float, line))
    return true(in_format.real(x))


def domain(function: str, in_format: Format, coefficients: str = "exact") -> NDArray[np.int64]:
    """Return the inputs for which an error is stated, ascending.

    They are those for which the function and the set of coefficients are defined.
    """
    x = np.sort(every(in_format))
    if FUNCTIONS[function].symmetry == "power":
        return x[x > 0]
    return x[x <= 0] if (function, coefficients) == ("exp", "heatvit") else x


@lru_cache(maxsize=256)
def build_unit(
    function: str,
    in_format: Format,
    out_format: Format,
    coefficients: str = "exact",
    delta1: float = 0.5,
    target: float = 0.625,
    line: Line = HARD,
) -> Unit:
    """Build the integer model of a function; the hardware is built from the same object.

    ``target`` is the error, in steps of the output, at which the fitter takes the cheapest
    polynomial; half a step is the rounding's. An input of few bits gives a table, where that takes
    fewer LUTs: correctly rounded for ``exact``, else what the datapath would give. ``line`` is that
    of hard sigmoid.

    Examples
    --------
    >>> gelu = build_unit("gelu", Format.parse("sq4.12"), Format.parse("sq4.12"))
    >>> gelu(np.array([-4096, 0, 4096]))
    array([-650,    0, 3446])
    >>> type(build_unit("exp", Format.parse("sq4.4"), Format.parse("sq4.4"))).__name__
    'Table'
    """
    named = FUNCTIONS[function]
    unit: Unit
    if line != HARD:
        unit = fit_slope(*line, in_format, out_format)
    else:
        unit = _datapath(named, in_format, out_format, coefficients, delta1, target)
    if in_format.width > TABLE_BITS:
        return unit
    x = every(in_format)
    if line != HARD:
        values = exact_line(*line, in_format, out_format, x).clip(max=out_format.high)
    elif coefficients == "exact":
        value = np.floor(truth(function, x, in_format) * 2.0**out_format.frac + 0.5)
        values = np.clip(value, out_format.low, out_format.high).astype(np.int64)
    else:
        values = unit(x)
    table = Table(in_format, out_format, values)
    if named.symmetry == "rectified" and out_format.frac >= in_format.frac:
        table = min(table, RectifiedTable.of(table), key=lambda t: t.cost)
    # A table is rounded once and right, so it may cost a little more.
    return table if table.cost <= 1.25 * unit.cost else unit


def _fitted(named: Function) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Return the part ``t`` of a symmetric function that is tabulated or fitted."""

    def fitted(a: NDArray[np.float64]) -> NDArray[np.float64]:
        value = named.true(a)
        if named.symmetry == "rectified":
            return a - value
        return 1 - value if named.symmetry == "complement" else value

    return fitted


def _datapath(
    named: Function,
    in_format: Format,
    out_format: Format,
    coefficients: str,
    delta1: float,
    target: float,
) -> Unit:
    formats = (in_format, out_format)
    if named.symmetry == "product":
        return exponential(*formats) if coefficients == "exact" else HeatvitExp(*formats)
    if named.symmetry == "power":
        return _power(*formats, root=2 if named.name == "rsqrt" else 1)
    if named.name == "sigmoid" and coefficients != "exact":
        return Lines(*formats)
    if coefficients == "heatvit":
        named = replace(named, true=lambda x: heatvit_gelu(x, delta1))
    return _reflected(named, *formats, (target - 0.5) * 2.0**-out_format.frac)


def _reflected(
    named: Function, in_format: Format, out_format: Format, tolerance: float
) -> Reflected:
    frac = out_format.frac + GUARD
    if named.symmetry == "rectified":
        frac = max(frac, in_format.frac)
    fitted = _fitted(named)
    widest = in_format.width - in_format.signed
    # Beyond the domain t is constant; it is the longest tail of powers of two where it has settled.
    ends: NDArray[np.float64] = np.asarray(2.0 ** (np.arange(1, widest + 1) - in_format.frac))
    moving = np.abs(fitted(ends) - fitted(ends[-1:] * 2)) > tolerance / 2
    domain = min(int(np.flatnonzero(moving).max(initial=-1)) + 2, widest)
    pieces = fit(lambda p: fitted(in_format.real(p)), domain, frac, tolerance)
    return Reflected(in_format, out_format, named.symmetry, domain, pieces)


def _power(in_format: Format, out_format: Format, root: int) -> Powers:
    bits = in_format.width - 1
    frac = max(out_format.width, 12) + 3

    def mantissa_power(position: NDArray[np.int64]) -> NDArray[np.float64]:
        mantissa = 1 + (position & (1 << bits) - 1) * 2.0**-bits
        return (mantissa * 2.0 ** (position >> bits)) ** (-1 / root)

    pieces = fit(
        mantissa_power, bits + root - 1, frac, 2.0 ** (2 - frac), segment_bits=(root - 1, 9)
    )
    return Powers(in_format, out_format, root, pieces)
