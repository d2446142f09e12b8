"""What fixes the hardware of the vector unit."""

from dataclasses import dataclass

from gemmule.golden.common.formats import Format
from gemmule.golden.soc.functions import Q4_12, VectorHardware

__all__ = ["VectorUnitParams"]


@dataclass(frozen=True, kw_only=True)
class VectorUnitParams:
    """What fixes the hardware of the vector unit. Widths are in bits."""

    lanes: int = 16
    functions: tuple[str, ...] = ()
    in_format: Format | None = None
    out_format: Format | None = None
    coefficients: str = "exact"
    gamma_format: Format = Q4_12
    beta_format: Format = Q4_12
    max_length: int = 512
    multiplier_width: int = 16
    max_shift: int = 47
    cell: str = "generic"
    address_width: int = 40

    @property
    def golden(self) -> VectorHardware:
        """What commands may ask of it."""
        return VectorHardware(
            lanes=self.lanes,
            functions=self.functions,
            in_format=self.in_format,
            out_format=self.out_format,
            coefficients=self.coefficients,
            gamma_format=self.gamma_format,
            beta_format=self.beta_format,
            max_length=self.max_length,
        )
