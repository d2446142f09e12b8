"""The functions of the vector unit: which are built in, of which formats, and what they give."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.common.formats import Format
from gemmule.golden.nonlinear.elementwise import build_unit
from gemmule.golden.nonlinear.functions import FUNCTIONS
from gemmule.golden.nonlinear.layernorm import EPSILON_FRAC, NormFormats, layernorm
from gemmule.golden.nonlinear.softmax import CODES, DELTA_FRAC, softmax

from .commands import VectorFunction

__all__ = [
    "NORMS",
    "Q4_12",
    "ROW_FUNCTIONS",
    "VECTOR_FUNCTIONS",
    "VectorHardware",
    "code_of",
]

NORMS = {"layernorm": "layer", "rmsnorm": "rms"}
"""Normalizations, and the kind of each."""

ROW_FUNCTIONS = ("softmax", *NORMS)
"""Functions of whole rows."""

VECTOR_FUNCTIONS = tuple(each.name.lower() for each in VectorFunction if each)
"""All functions that may be built in, by name, in the order of their codes."""

OWN = {
    **{each.name: (each.in_format, each.out_format) for each in FUNCTIONS.values()},
    "softmax": ("sq7.9", "uq1.15"),
    **dict.fromkeys(NORMS, ("sq8.8", "sq6.10")),
}
"""The formats of each function, where the hardware does not name one for all."""

Q4_12 = Format(signed=True, width=16, frac=12)

WHOLE = Format(signed=True, width=32)
"""What a command without a function hands on."""


def code_of(name: str) -> VectorFunction:
    """Return the code of a function, or of ``none``, by its name.

    Examples
    --------
    >>> code_of("rmsnorm")
    <VectorFunction.RMSNORM: 12>
    """
    return VectorFunction[name.upper()]


@dataclass(frozen=True, kw_only=True)
class VectorHardware:
    """What the vector unit can do: nothing of time.

    ``functions`` are built in. Where there is no format for all of them, each has the one that its
    block has without options. ``coefficients`` count for those that offer such a set.
    """

    lanes: int = 16
    functions: tuple[str, ...] = ()
    in_format: Format | None = None
    out_format: Format | None = None
    coefficients: str = "exact"
    gamma_format: Format = Q4_12
    beta_format: Format = Q4_12
    max_length: int = 512

    def has(self, code: int) -> bool:
        """Return whether a function, by its code, is built in; to compute none always is."""
        return not code or (code in set(VectorFunction) and self.name(code) in self.functions)

    @staticmethod
    def name(code: int) -> str:
        """Return the name of a function, by its code."""
        return VectorFunction.of(code).name.lower()

    def formats(self, name: str) -> tuple[Format, Format]:
        """Return the formats of what a function takes and gives, whole numbers for ``none``."""
        if name not in OWN:
            return WHOLE, WHOLE
        given, result = (Format.parse(each) for each in OWN[name])
        return self.in_format or given, self.out_format or result

    def coefficients_of(self, name: str) -> str:
        """Return a function's set of coefficients."""
        sets = FUNCTIONS[name].sets if name in FUNCTIONS else ("exact", "heatvit")
        return self.coefficients if self.coefficients in sets else "exact"

    def epsilon_width(self, name: str) -> int:
        """Count the bits of a normalization's epsilon."""
        most = self.max_length**2 * self.formats(name)[0].low ** 2
        return most.bit_length() + EPSILON_FRAC

    def legal(self, name: str, record: Mapping[str, int], columns: int) -> bool:
        """Return whether a row of so many columns, and what its function is told, is legal."""
        if name in ROW_FUNCTIONS and columns > self.max_length:
            return False
        if name == "softmax":
            return record["delta"] <= 1 << DELTA_FRAC
        return name not in NORMS or record["epsilon"] < 1 << self.epsilon_width(name)

    def softmax(
        self, x: NDArray[np.int64], *, mask: NDArray[np.bool_] | None, code: int, log2: bool
    ) -> NDArray[np.int64]:
        """Compute :func:`golden.nonlinear.softmax.softmax` of rows."""
        return softmax(
            x,
            *self.formats("softmax"),
            mask=mask,
            code=code,
            log2=log2,
            coefficients=self.coefficients_of("softmax"),
        )

    def normalize(
        self, name: str, x: NDArray[np.int64], affine: Mapping[str, NDArray[np.int64]], code: int
    ) -> NDArray[np.int64]:
        """Compute :func:`golden.nonlinear.layernorm.layernorm` of rows, of a kind."""
        given, result = self.formats(name)
        formats = NormFormats(given, self.gamma_format, self.beta_format, result)
        gamma, beta = affine["gamma"], affine["beta"]
        return layernorm(x, gamma, beta, formats, kind=NORMS[name], code=code)

    def elementwise(self, name: str) -> Callable[[NDArray[np.int64]], NDArray[np.int64]]:
        """Return the integer model of a function of each element by itself."""
        return build_unit(name, *self.formats(name), self.coefficients_of(name))


assert {*OWN, "transpose"} >= {*VECTOR_FUNCTIONS}
assert CODES == 1 << 4
