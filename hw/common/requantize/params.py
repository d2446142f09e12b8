"""What fixes the hardware of a requantizer: its widths, and when each of its stages runs."""

from collections.abc import Mapping
from dataclasses import dataclass

from amaranth import Shape, signed, unsigned
from amaranth.lib import data

from gemmule.golden.common.requantize import STEP, Rounding, offset_width, sum_width
from gemmule.golden.tech.packing import ACCUMULATOR, NARROW_PORT, WIDE_PORT
from gemmule.golden.tech.product import ProductPlan

__all__ = ["RequantizerParams"]

GENERIC_TIMES = {"zero_point": 0, "offset": 0, "kept": 0, "first": 0, "final": 0, "kept_sum": 1}
DSP_TIMES = {"zero_point": 0, "offset": 1, "kept": 3, "first": 2, "final": 2, "kept_sum": 4}


@dataclass(frozen=True, kw_only=True)
class RequantizerParams:
    """The hardware options of a :class:`Requantizer`. Widths are in bits.

    ``sums_width`` is that of a vector's sums (``acc_width`` where it is 0), to which those of
    earlier vectors are added where it ``keeps`` them; ``row_sum_width`` of 0 leaves out the sum
    lane and the zero points of the second operand; ``row_scales`` adds vectors that are scaled by
    what comes with them, every lane alike, instead or as well: a second product in each lane;
    ``cell`` is what adds and multiplies.
    """

    lanes: int
    acc_width: int = 32
    sums_width: int = 0
    keeps: bool = False
    row_sum_width: int = 0
    b_zero_point_width: int = 17
    multiplier_width: int = 16
    max_shift: int = 47
    out_width: int = 32
    banks: int = 4
    row_scales: bool = False
    cell: str = "generic"

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
    def lane_layout(self) -> data.StructLayout:
        """What a bank holds for one lane; ``multiplier`` and ``drop`` are normalized."""
        zero_point = {"b_zero_point": signed(self.b_zero_point_width)} if self.row_sum_width else {}
        return data.StructLayout({**self.row_layout.members, **zero_point})

    @property
    def settings_layout(self) -> data.StructLayout:
        """What a bank holds for all lanes, of which those from ``used`` on give 0."""
        number = signed(self.out_width + 1)
        return data.StructLayout({
            "zero_point": number,
            "low": number,
            "high": number,
            "rounding": Rounding,
            "used": Shape.cast(range(self.lanes + 1)),
        })

    @property
    def input_width(self) -> int:
        """Bits of a vector's sums."""
        return self.sums_width or self.acc_width

    @property
    def total_width(self) -> int:
        """Bits of a sum with all that is added to it."""
        return sum_width(self.acc_width)

    @property
    def total_cell(self) -> str:
        """What adds: ``cell`` where its ports are wide enough."""
        fits = self.cell != "generic" and (
            max(self.total_width, self.input_width) <= ACCUMULATOR
            and self.row_sum_width <= WIDE_PORT[self.cell]
            and self.b_zero_point_width <= NARROW_PORT
        )
        return self.cell if fits else "generic"

    @property
    def drops(self) -> int:
        """How many coarse shifts there are."""
        return self.max_shift // STEP + 1

    @property
    def product(self) -> ProductPlan:
        """How a total is multiplied."""
        return ProductPlan(
            cell=self.cell,
            number_width=self.total_width,
            factor_width=self.multiplier_width + STEP,
        )

    @property
    def row_product(self) -> ProductPlan | None:
        """How that product is multiplied by the row's factor, where rows have one."""
        if not self.row_scales:
            return None
        return ProductPlan(
            cell=self.cell,
            number_width=self.product.width,
            factor_width=self.multiplier_width + STEP,
        )

    @property
    def least_shift(self) -> int:
        """Bits that go with a ``drop`` of 0: each factor is normalized, to leave a step."""
        return STEP * (2 if self.row_scales else 1)

    @property
    def times(self) -> Mapping[str, int]:
        """The cycle, from ``i``, in which each input of a lane is taken or a sum is there."""
        generic = self.total_cell == "generic"
        total = 2 + bool(self.row_sum_width) if generic else 4
        first = product = total + self.product.latency
        times = GENERIC_TIMES if generic else DSP_TIMES
        if self.row_product:
            product = first + self.row_product.latency
            times = times | {"row_multiplier": first - self.row_product.lead}
        return times | {
            "row_sum": 1,
            "total": total,
            "multiplier": total - self.product.lead,
            "product": product,
            "drop": product - 1,
        }

    @property
    def latency(self) -> int:
        """Cycles from ``i`` to ``o``."""
        return self.times["product"] + 4
