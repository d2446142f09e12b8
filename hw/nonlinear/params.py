"""Parameters of the elementwise units."""

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format
from gemmule.golden.common.options import Options, option
from gemmule.golden.nonlinear.elementwise import HARD, Line, Unit, build_unit, domain, truth
from gemmule.golden.nonlinear.error import Error, measure

__all__ = [
    "ElementwiseParams",
    "ExpParams",
    "GeluParams",
    "HardsigmoidParams",
    "HardswishParams",
    "ReciprocalParams",
    "RsqrtParams",
    "SigmoidParams",
    "SiluParams",
    "TanhParams",
]

NUMBER = re.compile(r"-?(\d{1,6}(\.\d{0,9})?|\.\d{1,9}|\d{1,9}/[1-9]\d{0,8})")
"""A decimal number or a fraction."""

SETS = {
    "exact": "exact: fitted for the least error",
    "heatvit": "heatvit: that paper's constants",
    "plan": "plan: straight lines whose slopes are powers of two, no multiplier",
}


def _number(name: str, text: str) -> Fraction:
    if not NUMBER.fullmatch(text):
        raise UsageError(
            f"{name} must be a decimal number of at most 9 places or a fraction, not {text!r}"
        )
    return Fraction(text)


def _sets(*names: str) -> Any:
    text = "; ".join(SETS[name] for name in names)
    return option("exact", help=f"set of coefficients ({text})", choices=names)


@dataclass(frozen=True, kw_only=True)
class ElementwiseParams(Options):
    """What fixes the hardware of a unit that computes a function of each lane by itself."""

    FUNCTION: ClassVar[str]

    in_format: Format = option("sq4.12", help="format of x", widths=(2, 16))
    out_format: Format = option("sq4.12", help="format of y", widths=(2, 16))
    coefficients: str = _sets("exact")
    lanes: int = option(16, help="elements a beat", low=1, high=256)
    target: float = option(
        0.625, help="error, in output steps, at which the fitter is content", low=0.51, high=64.0
    )

    @property
    def unit(self) -> Unit:
        """The integer model, from which the hardware is built."""
        return build_unit(
            self.FUNCTION,
            self.in_format,
            self.out_format,
            self.coefficients,
            getattr(self, "delta1", 1.0),
            self.target,
            self.line,
        )

    @property
    def line(self) -> Line:
        """Slope and value at 0 of a hard sigmoid; nothing else has one of its own."""
        return HARD

    @property
    def error(self) -> Error:
        """How far the unit is from the true function, over its whole domain."""
        x = domain(self.FUNCTION, self.in_format, self.coefficients)
        true = truth(self.FUNCTION, x, self.in_format, self.line)
        return measure(self.unit(x), true, self.out_format)


@dataclass(frozen=True, kw_only=True)
class GeluParams(ElementwiseParams):
    """Parameters of :class:`hw.nonlinear.elementwise.Gelu`."""

    FUNCTION = "gelu"

    coefficients: str = _sets("exact", "heatvit")
    delta1: float = option(
        0.5, help="what heatvit scales its error function by; 1 is I-BERT's GELU", low=0.0, high=1.0
    )


@dataclass(frozen=True, kw_only=True)
class SigmoidParams(ElementwiseParams):
    """Parameters of :class:`hw.nonlinear.elementwise.Sigmoid`."""

    FUNCTION = "sigmoid"

    out_format: Format = option("uq1.15", help="format of y", widths=(2, 16))
    coefficients: str = _sets("exact", "heatvit", "plan")


@dataclass(frozen=True, kw_only=True)
class TanhParams(ElementwiseParams):
    """Parameters of :class:`hw.nonlinear.elementwise.Tanh`."""

    FUNCTION = "tanh"

    out_format: Format = option("sq1.15", help="format of y", widths=(2, 16))


@dataclass(frozen=True, kw_only=True)
class SiluParams(ElementwiseParams):
    """Parameters of :class:`hw.nonlinear.elementwise.Silu`."""

    FUNCTION = "silu"


@dataclass(frozen=True, kw_only=True)
class HardswishParams(ElementwiseParams):
    """Parameters of :class:`hw.nonlinear.elementwise.Hardswish`."""

    FUNCTION = "hardswish"


@dataclass(frozen=True, kw_only=True)
class HardsigmoidParams(ElementwiseParams):
    """Parameters of :class:`hw.nonlinear.elementwise.Hardsigmoid`."""

    FUNCTION = "hardsigmoid"

    out_format: Format = option("uq1.15", help="format of y", widths=(2, 16))
    alpha: str = option("1/6", help="slope, as 0.2 (ONNX's default) or 1/6; 1/1024 to 64")
    beta: str = option("0.5", help="value at 0, as 0.5 or 1/2; -64 to 64")

    def __post_init__(self):
        for name in ("alpha", "beta"):
            value = getattr(self, name)
            if isinstance(value, int | float) and not isinstance(value, bool):
                # From Python or a file: the decimal number that was written.
                object.__setattr__(self, name, np.format_float_positional(value, trim="-"))
        super().__post_init__()

    def check(self) -> None:
        """The line must be what fixed-point numbers can follow."""
        alpha, beta = self.line
        if not Fraction(1, 1024) <= alpha <= 64:
            raise UsageError(f"--alpha must be in 1/1024..64, not {self.alpha}")
        if not -64 <= beta <= 64:
            raise UsageError(f"--beta must be in -64..64, not {self.beta}")

    @property
    def line(self) -> Line:
        """Slope and value at 0, exactly as written."""
        return _number("--alpha", self.alpha), _number("--beta", self.beta)


@dataclass(frozen=True, kw_only=True)
class ExpParams(ElementwiseParams):
    """Parameters of :class:`hw.nonlinear.elementwise.Exp`."""

    FUNCTION = "exp"

    in_format: Format = option("sq5.11", help="format of x", widths=(2, 16))
    out_format: Format = option("uq1.15", help="format of y", widths=(2, 16))
    coefficients: str = _sets("exact", "heatvit")


@dataclass(frozen=True, kw_only=True)
class ReciprocalParams(ElementwiseParams):
    """Parameters of :class:`hw.nonlinear.elementwise.Reciprocal`."""

    FUNCTION = "reciprocal"

    in_format: Format = option("uq1.15", help="format of x", widths=(2, 16))
    out_format: Format = option("uq1.15", help="format of y", widths=(2, 16))


@dataclass(frozen=True, kw_only=True)
class RsqrtParams(ElementwiseParams):
    """Parameters of :class:`hw.nonlinear.elementwise.Rsqrt`."""

    FUNCTION = "rsqrt"

    in_format: Format = option("uq2.14", help="format of x", widths=(2, 16))
    out_format: Format = option("uq1.15", help="format of y", widths=(2, 16))
