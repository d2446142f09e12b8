"""Parameters of layer normalization."""

from dataclasses import dataclass
from math import isqrt

from amaranth.lib import data

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format
from gemmule.golden.common.options import Options, option
from gemmule.golden.nonlinear.layernorm import DEVIATION_FRAC, EPSILON_FRAC, NormFormats

from .row.commands import ROWS_WIDTH

__all__ = ["LayernormParams"]


@dataclass(frozen=True, kw_only=True)
class LayernormParams(Options):
    """What fixes the hardware of :class:`hw.nonlinear.layernorm.Layernorm`."""

    in_format: Format = option("sq8.8", help="format of x, which is signed", widths=(2, 16))
    out_format: Format = option("sq6.10", help="format of y", widths=(2, 16))
    gamma_format: Format = option("sq4.12", help="format of gamma", widths=(2, 16))
    beta_format: Format = option("sq4.12", help="format of beta", widths=(2, 16))
    lanes: int = option(16, help="elements of a beat", low=1, high=64)
    max_length: int = option(512, help="most elements of a row", low=1, high=4096)
    kind: str = option(
        "layer",
        help="normalize by mean and variance (layer), or by the mean square alone (rms)",
        choices=("layer", "rms"),
    )

    def check(self) -> None:
        """Refuse an unsigned input: the squares of deviations are signed."""
        if not self.in_format.signed:
            raise UsageError(f"--in-format must be signed, not {self.in_format}")

    @property
    def formats(self) -> NormFormats:
        """The four formats."""
        return NormFormats(self.in_format, self.gamma_format, self.beta_format, self.out_format)

    @property
    def beats(self) -> int:
        """Beats of the longest row."""
        return -(-self.max_length // self.lanes)

    @property
    def length_width(self) -> int:
        """Bits of a row's length."""
        return self.max_length.bit_length()

    @property
    def total_width(self) -> int:
        """Bits, signed, of the sum of the longest row."""
        return (self.beats * self.lanes * -self.in_format.low).bit_length() + 1

    @property
    def squares_width(self) -> int:
        """Bits of the sum of the squares of the longest row."""
        return (self.beats * self.lanes * self.in_format.low**2).bit_length()

    @property
    def variance_width(self) -> int:
        """Bits of n**2 times the variance, with the bits below it that hold epsilon."""
        return (self.max_length**2 * self.in_format.low**2).bit_length() + EPSILON_FRAC

    @property
    def epsilon_width(self) -> int:
        """Bits of epsilon, in the units of the variance."""
        return self.variance_width

    @property
    def deviation_width(self) -> int:
        """Bits, signed, of a deviation before it is multiplied by the root's mantissa.

        No entry is further from the mean than sqrt(n) standard deviations, and the mantissa is at
        least 1/2.
        """
        return ((isqrt(self.max_length) + 1) * 2 << DEVIATION_FRAC + 1).bit_length() + 1

    @property
    def command_layout(self) -> data.StructLayout:
        """How many rows follow, how long they are, and epsilon."""
        return data.StructLayout({
            "rows": ROWS_WIDTH,
            "length": self.length_width,
            "epsilon": self.epsilon_width,
        })
