"""The parameters of the systolic array and of the blocks around it."""

from dataclasses import dataclass

from amaranth.hdl import ShapeLike

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format, accumulator_width
from gemmule.golden.common.options import Options, option
from gemmule.golden.systolic.beats import Tiling
from gemmule.golden.systolic.gemm import largest_k, row_sum_width
from gemmule.golden.systolic.limits import SCALE_BANKS
from gemmule.golden.tech.chains import ChainPlan
from gemmule.golden.tech.packing import packing
from gemmule.hw.common.choose import FAN_IN
from gemmule.hw.common.requantize.params import RequantizerParams
from gemmule.hw.common.stream.payload import shape_of

__all__ = ["A_SLOT", "ArrayParams", "GemmParams", "ProductParams"]

S8 = Format(signed=True, width=8)

A_SLOT = 2
"""Cycles from the decision to take a beat of ``a`` to its slot in the array; ``b`` is one ahead."""


@dataclass(frozen=True, kw_only=True)
class ArrayParams(Options):
    """What fixes a :class:`hw.systolic.array.systolic_array.SystolicArray`. Widths are in bits."""

    rows: int = option(16, low=1, high=256, help="rows of the array: K of a weight-stationary tile")
    cols: int = option(16, low=1, high=256, help="columns of the array: N of a tile")
    a_format: Format = option(S8, widths=(2, 16), help="format of operand a")
    b_format: Format = option(S8, widths=(2, 16), help="format of operand b")
    acc_width: int = option(
        32,
        low=4,
        high=48,
        help="bits of a signed accumulator, which limit K so that it never overflows; results"
        " saturate to --c-format, s32 by default, however wide the accumulator is",
    )
    out_width: int = option(32, low=2, high=48, help="bits of a result lane")
    dataflow: str = option(
        "both",
        choices=("ws", "os", "both"),
        help="weight-stationary, output-stationary, or both, to choose from at run time",
    )
    drain: str = option(
        "bubble_free",
        choices=("bubble_free", "cascade"),
        help="how output-stationary sums leave the array: while the next tile is computed, or,"
        " with less logic, in rows - 1 cycles after each tile",
    )
    pipeline: int = option(0, low=0, high=1, help="registers behind each multiplier")
    acc_depth: int = option(
        512, low=1, high=65536, help="rows of weight-stationary sums kept between tiles of K"
    )
    cell: str = option(
        "generic",
        choices=("generic", "dsp48e1", "dsp48e2"),
        help="multiply-accumulate cell: logic that any tool maps, or the DSP block of 7 series"
        " (dsp48e1) or UltraScale (dsp48e2)",
    )
    pack: str = option(
        "none",
        choices=("none", "n", "m", "quad"),
        help="products that share a DSP block in a weight-stationary array: of two columns (n), of"
        " two rows of a (m), of both (quad)",
    )

    def check(self) -> None:
        product = accumulator_width(self.a_format, self.b_format, 1)
        if self.acc_width < product:
            raise UsageError(
                f"--acc-width must be at least {product}, the signed bits of one product of"
                f" {self.a_format} and {self.b_format}, not {self.acc_width}"
            )
        if self.pack != "none" and self.cell == "generic":
            raise UsageError(f"--pack {self.pack} needs --cell dsp48e1 or dsp48e2, not generic")
        if self.pack != "none" and self.dataflow != "ws":
            raise UsageError(
                f"--pack {self.pack} needs --dataflow ws, not {self.dataflow}: a packed sum has"
                " room for few products"
            )
        if self.cell != "generic":
            packing(self.cell, self.pack, self.a_format, self.b_format)

    @property
    def dataflows(self) -> tuple[str, ...]:
        """The dataflows that the hardware has."""
        return ("ws", "os") if self.dataflow == "both" else (self.dataflow,)

    @property
    def a_shape(self) -> ShapeLike:
        """What a row of the array takes in a slot."""
        return shape_of(self.a_format)

    @property
    def b_shape(self) -> ShapeLike:
        """What a column of the array takes in a slot."""
        return shape_of(self.b_format)

    @property
    def psum_width(self) -> int:
        """Bits of the sum in a cell, signed: a column's sum, or a whole one."""
        column = accumulator_width(self.a_format, self.b_format, self.rows)
        return min(column, self.acc_width) if self.dataflow == "ws" else self.acc_width

    @property
    def largest_k(self) -> int:
        """The longest K of a command."""
        return largest_k(self.a_format, self.b_format, self.acc_width)

    @property
    def row_sum_width(self) -> int:
        """Bits of a row's sum of ``a``, signed."""
        return row_sum_width(self.a_format, self.b_format, self.acc_width)

    @property
    def product_latency(self) -> int:
        """Cycles between a multiplier and its adder."""
        return self.pipeline

    @property
    def drain_latency(self) -> int:
        """Cycles that it takes to choose the row that drains."""
        return int(self.drains_apart and self.rows > FAN_IN)

    @property
    def column_latency(self) -> int:
        """Cycles through a column of generic cells: the operands, the sum, the result."""
        return 3 + self.product_latency + self.drain_latency

    @property
    def array_latency(self) -> int:
        """Cycles from a slot of the array to the sums of a weight-stationary tile of one row."""
        return (
            self.column_latency + self.cols - 1 if self.cell == "generic" else self.chains.latency
        )

    @property
    def drains_down(self) -> bool:
        """Whether output-stationary sums leave through the cells below."""
        return "os" in self.dataflows and self.drain == "cascade"

    @property
    def mirrors_rows(self) -> bool:
        """Whether output-stationary rows of ``a`` arrive in the order that the drain mirrors.

        A drain over the cascade gives the lowest row first, so beats of
        :mod:`golden.systolic.beats` hold them mirrored already; where they cannot, the hardware
        does it.
        """
        return False

    @property
    def chooses_sum(self) -> bool:
        """Whether a cell adds to the sum from above in some slots and to its own in others."""
        return self.dataflow == "both" or self.drains_down

    @property
    def drains_apart(self) -> bool:
        """Whether output-stationary sums leave the cells beside the cascade."""
        return "os" in self.dataflows and self.drain == "bubble_free"

    @property
    def m_lanes(self) -> int:
        """Rows of ``a`` in a slot."""
        return 2 if self.pack in ("m", "quad") else 1

    def tiling(
        self, m: int, n: int, k: int, *, output_stationary: bool, by_row: bool = False
    ) -> Tiling:
        """Tell how a product is cut for this array; ``m`` counts beats of ``a``."""
        return Tiling(
            m=m, n=n, k=k, rows=self.rows, cols=self.cols, acc_depth=self.acc_depth,
            output_stationary=output_stationary, cascade=self.drains_down, by_row=by_row,
        )  # fmt: skip

    @property
    def chains(self) -> ChainPlan:
        """How the rows share the cascades of DSP blocks."""
        return ChainPlan(
            packing(self.cell, self.pack, self.a_format, self.b_format),
            rows=self.rows,
            cols=self.cols,
            collect=self.drains_apart * (1 + self.drain_latency),
            least=self.column_latency,
        )


@dataclass(frozen=True, kw_only=True)
class ProductParams(ArrayParams):
    """What fixes the hardware of a product on an array, requantized. Widths are in bits."""

    multiplier_width: int = option(
        16, low=1, high=31, help="bits of an unsigned requantization multiplier"
    )
    max_shift: int = option(47, low=0, high=63, help="largest requantization shift")
    b_zero_points: bool = option(
        True, help="support zero points of b, with a lane of row sums and a multiplier a column"
    )

    @property
    def row_scales(self) -> bool:
        """Whether results may be requantized by row of ``c`` as well as by column.

        An option where operands may be swapped: of `gemm` alone.
        """
        return False

    @property
    def keeps(self) -> bool:
        """Whether sums wait for those of other tiles of K."""
        return "ws" in self.dataflows

    @property
    def requantizer(self) -> RequantizerParams:
        """The requantizer that fits."""
        return RequantizerParams(
            lanes=self.cols,
            acc_width=self.acc_width,
            row_sum_width=self.row_sum_width if self.b_zero_points else 0,
            b_zero_point_width=self.b_format.width + 1,
            multiplier_width=self.multiplier_width,
            max_shift=self.max_shift,
            out_width=self.out_width,
            banks=SCALE_BANKS,
            row_scales=self.row_scales,
            sums_width=self.psum_width,
            keeps=self.keeps,
            cell=self.cell,
        )

    @property
    def output_latency(self) -> int:
        """Cycles from the array's sums to ``c``: accumulate and requantize, queue."""
        return self.requantizer.latency + 2

    @property
    def result_latency(self) -> int:
        """Cycles from the issue of a row of ``a`` to its ``c``, in an array of one row."""
        return A_SLOT + self.array_latency + self.output_latency

    @property
    def capacity(self) -> int:
        """Rows of results that must have room for the array never to wait."""
        waiting = self.rows - 1 if self.drains_down else 0
        return self.rows + waiting + self.result_latency + 3  # and the room's own way back

    @property
    def row_scale_depth(self) -> int:
        """Rows of settings that never keep the array waiting.

        Those of rows on their way to the requantizer, and of a tile that ends.
        """
        return self.capacity - self.output_latency + self.rows


@dataclass(frozen=True, kw_only=True)
class GemmParams(ProductParams):
    """What fixes the hardware of a :class:`hw.systolic.gemm.Gemm`. Widths are in bits."""

    row_scales: bool = option(
        False,
        help="support requantization by row of c: row_multiplier and row_shift beside those of the"
        " columns, and swapped operands with settings for each column",
    )
