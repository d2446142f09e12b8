"""Parameters of the elementwise units."""

import re
from dataclasses import dataclass, make_dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format
from gemmule.golden.common.options import Options, option
from gemmule.golden.nonlinear.elementwise import HARD, Line, Unit, build_unit, domain, truth
from gemmule.golden.nonlinear.error import Error, measure
from gemmule.golden.nonlinear.functions import FUNCTIONS, Function

__all__ = ["PARAMS", "ElementwiseParams"]

NUMBER = re.compile(r"-?(\d{1,6}(\.\d{0,9})?|\.\d{1,9}|\d{1,9}/[1-9]\d{0,8})")
"""A decimal number or a fraction."""

SETS = {
    "exact": "exact: fitted for the least error",
    "heatvit": "heatvit: the constants of HeatViT",
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
    lanes: int = option(16, help="elements of a beat", low=1, high=256)
    target: float = option(
        0.625, help="error, in steps of the output, that the fit aims for", low=0.51, high=64.0
    )

    @property
    def unit(self) -> Unit:
        """The integer model, from which the hardware is built."""
        return build_unit(
            self.FUNCTION,
            self.in_format,
            self.out_format,
            self.coefficients,
            self.scale,
            self.target,
            self.line,
        )

    @property
    def scale(self) -> float:
        """The factor of HeatViT's error function; nothing but GELU has one."""
        return 1.0

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
class _Scaled(ElementwiseParams):
    """The option that only GELU has."""

    delta1: float = option(
        0.5, help="scale of heatvit's error function; 1 is I-BERT's GELU", low=0.0, high=1.0
    )

    @property
    def scale(self) -> float:
        return self.delta1


@dataclass(frozen=True, kw_only=True)
class _OfAnyLine(ElementwiseParams):
    """The options that only the hard sigmoid has."""

    alpha: str = option("1/6", help="slope, 1/1024 to 64, such as 1/6 or 0.2 (ONNX's default)")
    beta: str = option("0.5", help="value at 0, -64 to 64, such as 0.5 or 1/2")

    def __post_init__(self):
        for name in ("alpha", "beta"):
            value = getattr(self, name)
            if isinstance(value, int | float) and not isinstance(value, bool):
                # From Python or a file: the decimal number that was written.
                object.__setattr__(self, name, np.format_float_positional(value, trim="-"))
        super().__post_init__()

    def check(self) -> None:
        """Refuse a line that fixed-point numbers cannot follow."""
        alpha, beta = self.line
        if not Fraction(1, 1024) <= alpha <= 64:
            raise UsageError(f"--alpha must be in 1/1024..64, not {self.alpha}")
        if not -64 <= beta <= 64:
            raise UsageError(f"--beta must be in -64..64, not {self.beta}")

    @property
    def line(self) -> Line:
        """Slope and value at 0, exactly as written."""
        return _number("--alpha", self.alpha), _number("--beta", self.beta)


def _made(function: Function) -> type[ElementwiseParams]:
    """Make the parameters of one function: the base's, with its formats and its sets."""
    own = [
        ("in_format", Format, option(function.in_format, help="format of x", widths=(2, 16))),
        ("out_format", Format, option(function.out_format, help="format of y", widths=(2, 16))),
        ("coefficients", str, _sets(*function.sets)),
    ]
    about = {
        "FUNCTION": function.name,
        "__doc__": f"Parameters of the block `{function.name}`.",
        "__module__": __name__,
    }
    base = {"gelu": _Scaled, "hardsigmoid": _OfAnyLine}.get(function.name, ElementwiseParams)
    return make_dataclass(
        f"{function.name.capitalize()}Params", own, bases=(base,), namespace=about,
        frozen=True, kw_only=True,
    )  # fmt: skip


PARAMS = {function.name: _made(function) for function in FUNCTIONS.values()}
"""The parameters of each function's block, by the function's name."""
