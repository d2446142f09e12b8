"""What of the hardware decides what commands may ask for, and what they give."""

from dataclasses import dataclass

from gemmule.golden.common.formats import Format
from gemmule.golden.conv.hardware import ConvolutionHardware
from gemmule.golden.systolic.gemm import largest_k

from .commands import Opcode
from .functions import VectorHardware

__all__ = ["Hardware"]

S8 = Format(signed=True, width=8)


@dataclass(frozen=True, kw_only=True)
class Hardware:
    """The accelerator as commands see it: nothing of time, nothing of size.

    Elements of ``a`` and ``b`` lie in memory as little-endian integers of whole bytes, a power of
    two of them; where the format is narrower, the low bits count.
    """

    a_format: Format = S8
    b_format: Format = S8
    acc_width: int = 32
    out_width: int = 32
    multiplier_width: int = 16
    max_shift: int = 47
    b_zero_points: bool = True
    address_width: int = 40
    data_width: int = 128
    ring: bool = True
    vector: VectorHardware | None = None
    convolution: ConvolutionHardware | None = None

    @property
    def opcodes(self) -> frozenset[Opcode]:
        """The commands that there is a unit for."""
        optional = {Opcode.VECTOR: self.vector, Opcode.CONVOLUTION: self.convolution}
        return frozenset(set(Opcode) - {each for each, unit in optional.items() if unit is None})

    @property
    def max_k(self) -> int:
        """The largest k whose sums no operands can overflow."""
        return min(largest_k(self.a_format, self.b_format, self.acc_width), (1 << 24) - 1)

    @property
    def a_octets(self) -> int:
        """Bytes of an element of a."""
        return self.a_format.dtype.itemsize

    @property
    def b_octets(self) -> int:
        """Bytes of an element of b."""
        return self.b_format.dtype.itemsize
