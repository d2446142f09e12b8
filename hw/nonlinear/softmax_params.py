"""Parameters of softmax."""

from dataclasses import dataclass

import numpy as np
from amaranth.lib import data

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format
from gemmule.golden.common.options import Options, option
from gemmule.golden.nonlinear.softmax import DELTA_FRAC, exp_unit

from .row.commands import ROWS_WIDTH

__all__ = ["SoftmaxParams"]


@dataclass(frozen=True, kw_only=True)
class SoftmaxParams(Options):
    """What fixes the hardware of :class:`hw.nonlinear.softmax.Softmax`."""

    in_format: Format = option("sq7.9", help="format of x", widths=(2, 16))
    out_format: Format = option("uq1.15", help="format of y", widths=(4, 16))
    lanes: int = option(16, help="elements of a beat", low=1, high=64)
    max_length: int = option(512, help="most elements of a row", low=1, high=4096)
    coefficients: str = option(
        "exact",
        help="exponential: from two tables (exact), or the parabola of HeatViT (heatvit)",
        choices=("exact", "heatvit"),
    )

    def check(self) -> None:
        if not self.out_format.frac:
            raise UsageError(f"--out-format must have fractional bits, not {self.out_format}")

    @property
    def beats(self) -> int:
        """Beats of the longest row."""
        return -(-self.max_length // self.lanes)

    @property
    def command_layout(self) -> data.StructLayout:
        """How many rows follow, and what their results are."""
        return data.StructLayout({"rows": ROWS_WIDTH, "delta": DELTA_FRAC + 1, "log2": 1})

    @property
    def greatest_power(self) -> int:
        """The greatest exponential that can occur: about 1."""
        unit = exp_unit(self.in_format, self.coefficients)
        return int(unit(np.zeros(1, int))[0])

    @property
    def sum_width(self) -> int:
        """Bits of the sum of the longest row."""
        return (self.beats * self.lanes * self.greatest_power).bit_length()
