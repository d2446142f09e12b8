"""What fixes the hardware of a requantizer: its widths, and when each of its stages runs."""

from dataclasses import dataclass

from amaranth import Shape, signed, unsigned
from amaranth.lib import data

from gemmule.golden.common.requantize import STEP, Rounding, offset_width, sum_width

__all__ = ["CHUNK", "RequantizerParams"]

CHUNK = 17
"""Bits of a sum that one multiplier takes: the signed 18-bit port of a DSP block, less its sign."""


@dataclass(frozen=True, kw_only=True)
class RequantizerParams:
    """The hardware options of a :class:`Requantizer`. Widths are in bits.

    ``row_sum_width`` of 0 leaves out the sum lane and the zero points of the second operand;
    ``row_scales`` adds vectors that are scaled by what comes with them, every lane alike.
    """

    lanes: int
    acc_width: int = 32
    row_sum_width: int = 0
    b_zero_point_width: int = 17
    multiplier_width: int = 16
    max_shift: int = 47
    out_width: int = 32
    banks: int = 4
    row_scales: bool = False

    @property
    def row_layout(self) -> data.StructLayout:
        """What a vector may bring along for all its lanes; as of ``lane_layout``."""
        # Even a single choice has a bit: Yosys ends on memories of none.
        return data.StructLayout({
            "offset": signed(offset_width(self.acc_width)),
            "multiplier": unsigned(self.multiplier_width + STEP),
            "drop": Shape.cast(range(max(self.drops, 2))),
        })

    @property
    def by_row_layout(self) -> data.StructLayout:
        """A flag for each field of ``row_layout``."""
        return data.StructLayout(dict.fromkeys(self.row_layout.members, 1))

    @property
    def lane_layout(self) -> data.StructLayout:
        """What a bank holds for one lane; ``multiplier`` and ``drop`` are folded."""
        zero_point = {"b_zero_point": signed(self.b_zero_point_width)} if self.row_sum_width else {}
        return data.StructLayout({**self.row_layout.members, **zero_point})

    @property
    def settings_layout(self) -> data.StructLayout:
        """What a bank holds for all lanes."""
        number = signed(self.out_width + 1)
        return data.StructLayout({
            "zero_point": number,
            "low": number,
            "high": number,
            "rounding": Rounding,
        })

    @property
    def drops(self) -> int:
        """How many coarse shifts there are."""
        return self.max_shift // STEP + 1

    @property
    def chunks(self) -> int:
        """How many multipliers the sum of a lane takes."""
        return -(-(sum_width(self.acc_width) - 1) // CHUNK)

    @property
    def sum_time(self) -> int:
        """The cycle in which the sum is ready to be multiplied."""
        return 3 if self.row_sum_width else 2

    @property
    def product_time(self) -> int:
        """The cycle in which the product is complete."""
        return self.sum_time + self.chunks + 1

    @property
    def latency(self) -> int:
        """Cycles from ``i`` to ``o``."""
        return self.product_time + 3
