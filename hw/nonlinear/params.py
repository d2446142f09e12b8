"""Parameters of the elementwise units."""

from dataclasses import dataclass
from typing import Any, ClassVar

from gemmule.golden.common.formats import Format
from gemmule.golden.common.options import Options, option
from gemmule.golden.nonlinear.elementwise import Unit, build_unit, domain, truth
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

SETS = {
    "exact": "exact: fitted for the least error",
    "heatvit": "heatvit: that paper's constants",
    "plan": "plan: straight lines whose slopes are powers of two, no multiplier",
}


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
        )

    @property
    def error(self) -> Error:
        """How far the unit is from the true function, over its whole domain."""
        x = domain(self.FUNCTION, self.in_format, self.coefficients)
        true = truth(self.FUNCTION, x, self.in_format)
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
