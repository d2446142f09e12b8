"""What fixes the hardware of the dense product unit, and what follows from it."""

from dataclasses import dataclass
from functools import cached_property

from amaranth.lib import data

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format
from gemmule.golden.common.memory import element_size
from gemmule.golden.common.options import Options, flag, option, option_of
from gemmule.golden.systolic.beats import DIM_WIDTH
from gemmule.hw.systolic.params import GemmParams, ProductParams

__all__ = ["COLUMNS", "PASS_ROWS", "RESULT", "STRIP_WORDS", "ProductUnitParams"]

S8 = Format(signed=True, width=8)

PASS_ROWS = 16
"""Rows of a in a pass, where the array has no more rows: few, so that the first one begins early;
weights take a cycle a row, and hide behind as many."""

COLUMNS = 512
"""Columns whose settings a bank holds, and so the most columns that are multiplied at once."""

RESULT = 32
"""Bits of a result lane; a command says how many of its bytes are written."""

STRIP_WORDS = 16
"""Words of the bus that a row of results is written in at once, where it has as many."""


@dataclass(frozen=True, kw_only=True)
class GuestParams(GemmParams):
    """A product on an array whose formats may be wider than its operands', which limit K."""

    @property
    def largest_k(self) -> int:
        return 1 << DIM_WIDTH


@dataclass(frozen=True, kw_only=True)
class ProductUnitParams(Options):
    """What fixes the hardware of :class:`~.unit.ProductUnit`. Widths are in bits."""

    rows: int = option_of(GemmParams, "rows")
    cols: int = option_of(GemmParams, "cols")
    x_format: Format = option(S8, widths=(2, 16), help="format of a, in elements of whole bytes")
    w_format: Format = option(S8, widths=(2, 16), help="format of b, in elements of whole bytes")
    acc_width: int = option_of(GemmParams, "acc_width")
    pipeline: int = option_of(GemmParams, "pipeline")
    cell: str = option_of(GemmParams, "cell")
    pack: str = option(
        "none", choices=("none", "n"), help="products that share a DSP block: of two columns (n)"
    )
    multiplier_width: int = option_of(GemmParams, "multiplier_width")
    max_shift: int = option_of(GemmParams, "max_shift")
    b_zero_points: bool = option_of(GemmParams, "b_zero_points")
    bank_bytes: int = option(
        1 << 17,
        low=1 << 10,
        high=1 << 22,
        help="bytes of the scratchpad of each operand, a power of 2",
    )
    data_width: int = option(128, low=32, high=512, help="bits of the memory bus, a power of 2")
    address_width: int = option(40, low=32, high=64, help="bits of an address")

    def check(self) -> None:
        for name in ("rows", "cols", "bank_bytes", "data_width"):
            value = getattr(self, name)
            if value & (value - 1):
                raise UsageError(f"{flag(name)} must be a power of 2, not {value}")
        for name in ("rows", "cols"):
            if not 2 <= getattr(self, name) <= 128:
                raise UsageError(f"{flag(name)} must be in 2..128, not {getattr(self, name)}")
        _ = self.gemm
        least = 2 * max(self.most_rows * self.a_word, self.rows * self.b_word)
        least = 1 << (least - 1).bit_length()
        if self.bank_bytes < least:
            raise UsageError(
                f"--bank-bytes must be at least {least} for --rows {self.rows} and --cols"
                f" {self.cols}, not {self.bank_bytes}"
            )

    @property
    def array(self) -> ProductParams | None:
        """Parameters of the array where it is not this unit's own; its formats hold a's and b's."""
        return None

    @cached_property
    def gemm(self) -> GemmParams:
        """Parameters of the product within."""
        array = self.array
        return (GuestParams if array else GemmParams)(
            rows=self.rows,
            cols=self.cols,
            a_format=array.a_format if array else self.x_format,
            b_format=array.b_format if array else self.w_format,
            acc_width=self.acc_width,
            out_width=RESULT,
            dataflow=array.dataflow if array else "ws",
            pipeline=self.pipeline,
            acc_depth=1 << (self.most_rows - 1).bit_length(),
            cell=self.cell,
            pack=self.pack,
            multiplier_width=self.multiplier_width,
            max_shift=self.max_shift,
            b_zero_points=self.b_zero_points,
        )

    @property
    def a_octets(self) -> int:
        """Bytes of an element of a in memory, a power of 2."""
        return 1 << element_size(self.x_format.width)

    @property
    def b_octets(self) -> int:
        """Bytes of an element of b in memory, a power of 2."""
        return 1 << element_size(self.w_format.width)

    @property
    def a_vector(self) -> int:
        """Bytes of a vector of a: what the array's rows take."""
        return self.rows * self.a_octets

    @property
    def b_vector(self) -> int:
        """Bytes of a vector of b: what the array's columns take."""
        return self.cols * self.b_octets

    @property
    def a_word(self) -> int:
        """Bytes of a word of a's scratchpad: a vector, or several that the bus brings at once."""
        return max(self.a_vector, self.bus)

    @property
    def b_word(self) -> int:
        """Bytes of a word of b's scratchpad."""
        return max(self.b_vector, self.bus)

    @property
    def a_share(self) -> int:
        """Vectors in a word of a's scratchpad; each row begins with a word."""
        return self.a_word // self.a_vector

    @property
    def b_share(self) -> int:
        """Vectors in a word of b's scratchpad."""
        return self.b_word // self.b_vector

    @property
    def bus(self) -> int:
        """Bytes of a word of the memory bus."""
        return self.data_width // 8

    @property
    def strip(self) -> int:
        """Bytes of a row of c that are written at once: of one tile or of several."""
        return max(STRIP_WORDS * self.bus, RESULT // 8 * self.cols)

    @property
    def pass_rows(self) -> int:
        """Rows of a in a pass over a tile of b."""
        return max(self.rows, PASS_ROWS)

    @property
    def most_rows(self) -> int:
        """Rows of the longest pass: a rest that is shorter than its weights take joins the last."""
        return self.pass_rows + self.rows - 1

    @property
    def a_depth(self) -> int:
        """Vectors that a's scratchpad holds."""
        return self.bank_bytes // self.a_vector

    @property
    def b_depth(self) -> int:
        """Vectors that b's scratchpad holds."""
        return self.bank_bytes // self.b_vector

    @property
    def most_tiles(self) -> int:
        """Tiles of columns that are multiplied at once, at most."""
        return max(1, COLUMNS // self.cols)

    @property
    def slice_vectors(self) -> int:
        """Vectors of a row of a in a slice of K, where K is cut; a power of 2."""
        room_a = self.bank_bytes // (2 * self.most_rows * self.a_word) * self.a_share
        room_b = self.bank_bytes // (2 * self.rows * self.b_word)
        return 1 << (min(room_a, room_b).bit_length() - 1)

    @property
    def lane(self) -> data.StructLayout:
        """Lay out the settings of a column, as `gemm` takes them."""
        return self.gemm.requantizer.lane_layout
