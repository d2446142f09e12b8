"""What fixes the hardware of the vector unit, and what follows from it."""

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from gemmule.golden.soc.commands import AFFINE
from gemmule.golden.soc.functions import NORMS, VectorHardware
from gemmule.hw.common.requantize.params import RequantizerParams
from gemmule.hw.nonlinear.layernorm_params import LayernormParams
from gemmule.hw.nonlinear.params import PARAMS
from gemmule.hw.nonlinear.softmax_params import SoftmaxParams

__all__ = ["COMBINED", "SMALL", "WHOLE", "VectorUnitParams"]

SMALL = 17
"""Bits, signed, of zero points and of the factors of a sum."""

COMBINED = 2 * (SMALL + 1)
"""Bits, signed, of what two operands of up to 16 bits are combined to, or one of 32 bits."""

WHOLE = 32
"""Bits, signed, of elements between the stages."""


class ScaleParams(RequantizerParams):
    """A requantizer to whose sums nothing is added, so that no DSP block does it."""

    @property
    def total_cell(self) -> str:
        return "generic"


@dataclass(frozen=True, kw_only=True)
class VectorUnitParams(VectorHardware):
    """What fixes the hardware of :class:`~.unit.VectorUnit`. Widths are in bits.

    ``functions`` are those of :data:`golden.soc.functions.VECTOR_FUNCTIONS` that are built in.
    """

    multiplier_width: int = 16
    max_shift: int = 47
    cell: str = "generic"
    address_width: int = 40

    @cached_property
    def golden(self) -> VectorHardware:
        """What commands may ask for."""
        names = [each.name for each in fields(VectorHardware)]
        return VectorHardware(**{name: getattr(self, name) for name in names})

    @property
    def blocks(self) -> tuple[str, ...]:
        """The functions that a block of ``hw/nonlinear`` computes."""
        return tuple(name for name in self.functions if name != "transpose")

    @property
    def norms(self) -> tuple[str, ...]:
        """The normalizations."""
        return tuple(name for name in self.functions if name in NORMS)

    @property
    def transposes(self) -> bool:
        """Whether results can be transposed."""
        return "transpose" in self.functions

    @property
    def settings_vector(self) -> int:
        """Bytes of a vector of settings: what is behind the record is one for each lane."""
        return AFFINE.size * self.lanes

    def block(self, name: str) -> Any:
        """Return the parameters of the block that computes a function."""
        given, result = self.formats(name)
        common: dict[str, Any] = {"in_format": given, "out_format": result, "lanes": self.lanes}
        if name in NORMS:
            return LayernormParams(
                **common,
                gamma_format=self.gamma_format,
                beta_format=self.beta_format,
                max_length=self.max_length,
                kind=NORMS[name],
            )
        common["coefficients"] = self.coefficients_of(name)
        if name == "softmax":
            return SoftmaxParams(**common, max_length=self.max_length)
        return PARAMS[name](**common)

    def scale(self, width: int) -> ScaleParams:
        """Return the parameters of what scales numbers of so many bits."""
        return ScaleParams(
            lanes=self.lanes,
            acc_width=width,
            multiplier_width=self.multiplier_width,
            max_shift=self.max_shift,
            out_width=WHOLE,
            cell=self.cell,
        )
