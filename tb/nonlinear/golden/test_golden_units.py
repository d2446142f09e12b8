"""The units' integer models: errors over whole domains, the papers' sets, a slower formula."""

import math
from fractions import Fraction

import numpy as np
import pytest

from gemmule.golden.common.formats import Format
from gemmule.golden.nonlinear.elementwise import build_unit, truth
from gemmule.golden.nonlinear.error import measure
from gemmule.golden.nonlinear.exponential import HeatvitExp as Exp
from gemmule.golden.nonlinear.functions import FUNCTIONS, heatvit_gelu
from gemmule.golden.nonlinear.minimax import minimax
from gemmule.golden.nonlinear.piecewise import fit
from gemmule.golden.nonlinear.units import every

F = Format.parse


def domain(function: str, x_format: str, y_format: str, coefficients="exact", delta1=1.0):
    """Return every input, its output and the true value, in reals."""
    x = every(F(x_format))
    unit = build_unit(function, F(x_format), F(y_format), coefficients, delta1)
    return F(x_format).real(x), F(y_format).real(unit(x)), truth(function, x, F(x_format))


@pytest.mark.parametrize(
    ("function", "y_format"),
    [("gelu", "sq4.12"), ("silu", "sq4.12"), ("tanh", "sq1.15"), ("sigmoid", "uq1.15")],
)
def test_absolute_error_of_16_bits(function, y_format):
    _, y, true = domain(function, "sq4.12", y_format)
    assert np.abs(y - true).max() <= 2.0**-12


@pytest.mark.parametrize(
    ("function", "x_format", "low", "high"),
    [("exp", "sq5.11", -16, 0), ("reciprocal", "uq1.15", 1, 2), ("rsqrt", "uq2.14", 1, 4)],
)
def test_relative_error_of_16_bits(function, x_format, low, high):
    x, y, true = domain(function, x_format, "uq1.15")
    inside = (x >= low) & (x <= high)
    error = np.abs(y - true)[inside]
    assert (error <= np.maximum(true[inside] * 2.0**-11, 2.0**-15)).all()


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("formats", [("sq4.4", "sq4.4"), ("sq4.8", "sq4.8"), ("sq7.9", "s8")])
def test_error_in_steps(function, formats):
    """Where nothing saturates but at the ends, no result is a whole step away."""
    x_format, y_format = map(F, formats)
    x = every(x_format)
    y = build_unit(function, x_format, y_format)(x)
    true = truth(function, x, x_format)
    positive = x > 0 if FUNCTIONS[function].symmetry == "power" else x == x
    error = measure(y[positive], true[positive], y_format)
    assert error.steps[0] < (0.5001 if x_format.width == 8 else 0.7)


def test_heatvit_sets_have_the_errors_of_the_paper():
    _, y, true = domain("gelu", "sq4.12", "sq4.12", "heatvit", 1.0)
    assert np.abs(y - true).max() == pytest.approx(0.018, abs=5e-4)
    x, y, true = domain("exp", "sq5.11", "uq1.15", "heatvit")
    assert np.abs(y - true)[x <= 0].max() == pytest.approx(2.1e-3, abs=5e-5)
    for name in ("heatvit", "plan"):
        _, y, true = domain("sigmoid", "sq4.12", "uq1.15", name)
        assert np.abs(y - true).max() == pytest.approx(0.0189, abs=5e-5)


def test_half_delta_bends_gelu_as_the_paper_has_it():
    x, y, _ = domain("gelu", "sq4.12", "sq4.12", "heatvit", 0.5)
    assert np.abs(y - heatvit_gelu(x, 0.5)).max() <= 2.0**-12
    assert y[x == 7.0] == pytest.approx(0.75 * 7, abs=2.0**-12)
    assert np.diff(y[np.argsort(x)]).max() / 2.0**-12 <= 1.5


def test_heatvit_constants():
    assert round(math.log(2) * 65536) == Exp.LN2 == 45426
    assert (1 << 32) // Exp.LN2 == Exp.RECIPROCAL_LN2 == 94548
    assert [round(c * 65536) for c in (0.3585, 1.353, 0.344)] == [Exp.SCALE, Exp.OFFSET, Exp.FLOOR]


def test_evaluator_is_horner_in_fractions():
    pieces = build_unit("tanh", F("sq4.12"), F("sq1.15")).pieces
    bits = pieces.offset_bits
    for position in np.random.default_rng(3).integers(0, 1 << 15, 300).tolist():
        segment, offset = divmod(position, 1 << bits)
        fraction = Fraction(offset - (1 << bits - 1), 1 << bits)
        value = 0
        for c in reversed(pieces.coefficients[segment].tolist()):
            value = c + math.floor(value * fraction)
        assert value == pieces(np.array([position]))[0]


def test_minimax_is_chebyshev_where_that_is_known():
    points = np.linspace(-1, 1, 2001)
    for degree in (1, 2, 3):
        _, error = minimax(points, points ** (degree + 1), degree)
        assert error == pytest.approx(2.0**-degree, rel=1e-3)
    kink, error = minimax(points, np.abs(points), 2)
    assert error == pytest.approx(1 / 8, rel=1e-3)
    assert kink == pytest.approx([1 / 8, 0, 1], abs=1e-3)


def test_minimax_beats_least_squares():
    points = np.linspace(0, 1, 400)
    values = np.exp(points)
    ours, error = minimax(points, values, 2)
    theirs = np.polynomial.polynomial.polyfit(points, values, 2)
    polynomial = np.polynomial.polynomial.polyval
    assert np.abs(polynomial(points, ours) - values).max() == pytest.approx(error)
    assert error < np.abs(polynomial(points, theirs) - values).max()


def test_fitter_meets_its_target_or_says_the_best():
    def curve(position):
        return np.sin(position / 1024 * 3)

    for tolerance in (2.0**-6, 2.0**-10, 2.0**-13):
        pieces = fit(curve, 10, 18, tolerance)
        positions = np.arange(1024)
        assert np.abs(pieces(positions) * 2.0**-18 - curve(positions)).max() <= tolerance
    assert fit(curve, 10, 18, 0.0, segment_bits=(0, 3)).segment_bits == 3


def test_nothing_positive_gives_the_greatest_output():
    for name in ("reciprocal", "rsqrt"):
        unit = build_unit(name, F("sq4.8"), F("uq1.15"))
        assert (unit(np.array([-2048, -1, 0])) == 65535).all()
