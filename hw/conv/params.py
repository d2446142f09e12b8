"""Parameters of the `conv2d` and `conv3d` blocks."""

from dataclasses import dataclass, fields
from functools import cached_property
from typing import ClassVar

from amaranth.lib import data

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format
from gemmule.golden.common.memory import element_size
from gemmule.golden.common.options import Options, flag, option, option_of
from gemmule.golden.conv.hardware import (
    FORMAT_WIDTHS,
    ConvolutionHardware,
    pairs,
    shared,
    sides,
)
from gemmule.golden.systolic.beats import DIM_WIDTH
from gemmule.golden.systolic.gemm import row_sum_width
from gemmule.hw.common.request import ADDRESS_WIDTH
from gemmule.hw.common.stream.payload import vector
from gemmule.hw.systolic.params import ProductParams

from .walk_params import BpParams, PlaceParams

__all__ = ["FORMAT_WIDTHS", "S8", "ConvParams", "CoreParams", "LayerParams", "VolumeParams"]

S8 = Format(signed=True, width=8)

OF_CORE = ("a_format", "b_format", "row_sum_width")
"""What programs see that no option says."""

ROW_SUM = 25
"""Bits of a row's sum that idle lanes may widen it to: a port of a DSP block."""


@dataclass(frozen=True, kw_only=True)
class CoreParams(ProductParams):
    """The product that a convolution stands on: padding makes K longer than its sums are."""

    c_depth: int = option(
        256, low=1, high=4096, help="rows of results that wait for the memory to take them"
    )
    row_sum_bits: int = option(
        0, low=0, high=64, help="least bits of a row's sum: narrow operands may sum up more of them"
    )

    @property
    def row_sum_width(self) -> int:
        return max(super().row_sum_width, self.row_sum_bits)

    @property
    def capacity(self) -> int:
        return max(super().capacity, self.c_depth)

    @property
    def largest_k(self) -> int:
        return 1 << DIM_WIDTH

    @property
    def mirrors_rows(self) -> bool:
        return True


@dataclass(frozen=True, kw_only=True)
class LayerParams(Options):
    """What fixes the hardware of a convolution of any number of axes. Widths are in bits."""

    rows: int = option_of(CoreParams, "rows")
    cols: int = option_of(CoreParams, "cols")
    x_format: Format = option(S8, widths=FORMAT_WIDTHS, help="format of x")
    w_format: Format = option(S8, widths=FORMAT_WIDTHS, help="format of w")
    acc_width: int = option_of(CoreParams, "acc_width")
    out_width: int = option_of(CoreParams, "out_width")
    drain: str = option_of(CoreParams, "drain")
    pipeline: int = option_of(CoreParams, "pipeline")
    acc_depth: int = option_of(CoreParams, "acc_depth")
    cell: str = option_of(CoreParams, "cell")
    pack: str = option(
        "none",
        choices=("none", "n"),
        help="products that share a DSP block: of two columns (n), weight-stationary",
    )
    multiplier_width: int = option_of(CoreParams, "multiplier_width")
    max_shift: int = option_of(CoreParams, "max_shift")
    x_depth: int = option(
        8192, low=16, high=1 << 16, help="vectors in a bank of the streamed operand, a power of 2"
    )
    w_depth: int = option(
        8192, low=16, high=1 << 16, help="vectors in a bank of the other operand, a power of 2"
    )
    c_depth: int = option_of(CoreParams, "c_depth")
    size_width: int = option(12, low=4, high=16, help="bits of a side, of channels, of a loop")
    stride_width: int = option(3, low=1, high=8, help="bits of a stride under bp_im2col")

    AXES: ClassVar[int]

    def check(self) -> None:
        for name in ("x_depth", "w_depth"):
            depth = getattr(self, name)
            if depth & (depth - 1):
                raise UsageError(f"{flag(name)} must be a power of 2, not {depth}")
        least = self.rows + 2 * self.cols
        if self.w_depth < least:
            raise UsageError(
                f"--w-depth must be at least {least}, a block of --rows {self.rows} channels in"
                f" squares of --cols {self.cols}, not {self.w_depth}"
            )
        if max(self.rows, self.cols) > 1 << self.size_width:
            raise UsageError(
                f"--size-width {self.size_width} counts to {1 << self.size_width}, too few for"
                f" --rows {self.rows} and --cols {self.cols}"
            )
        CoreParams(**self._core())

    @property
    def gradients(self) -> bool:
        """Whether there is a gradient's format, and operations that take it."""
        return False

    @property
    def pairs(self) -> tuple[tuple[str, ...], ...]:
        """The operands that the operations of this hardware multiply."""
        return pairs(self.dataflow, gradients=self.gradients)

    def format_of(self, name: str) -> Format:
        """Return the format of ``x``, ``w`` or ``dy``."""
        return getattr(self, f"{name}_format")

    @cached_property
    def core(self) -> CoreParams:
        """Parameters of the product: its operands hold whatever an operation puts there."""
        return CoreParams(**self._core())

    def _core(self) -> dict[str, object]:
        same = {each.name for each in fields(self)} & {each.name for each in fields(CoreParams)}
        a_side, b_side = sides(self.dataflow, gradients=self.gradients)
        of = {name: self.format_of(name) for name in dict.fromkeys((*a_side, *b_side))}
        formats = [[of[name] for name in pair] for pair in self.pairs]
        return {name: getattr(self, name) for name in sorted(same)} | {
            "a_format": shared(a_side, of),
            "b_format": shared(b_side, of),
            "row_sum_bits": max(self._row_sum_bits(*pair) for pair in formats),
        }

    def _row_sum_bits(self, a: Format, b: Format) -> int:
        """Return the bits of a sum of a pair of operands.

        Idle lanes hold the zero point, up to rows - 1 a channel.
        """
        width = row_sum_width(a, b, self.acc_width)
        return max(width, min(width + (self.rows - 1).bit_length(), ROW_SUM))

    @cached_property
    def golden(self) -> ConvolutionHardware:
        """The hardware as its programs see it."""
        known = {each.name for each in fields(ConvolutionHardware)}
        own = {each.name: getattr(self, each.name) for each in fields(self) if each.name in known}
        of_core = {name: getattr(self.core, name) for name in OF_CORE}
        return ConvolutionHardware(**{"dy_format": None} | own | of_core, axes=self.AXES)

    @cached_property
    def a_walks(self) -> BpParams:
        """Parameters of the streamed operand's address generator."""
        return self._walks(self.x_depth)

    @cached_property
    def b_walks(self) -> BpParams:
        """Parameters of the other operand's address generator."""
        return self._walks(self.w_depth)

    @cached_property
    def places(self) -> PlaceParams:
        """Parameters of the results' address generator."""
        return PlaceParams(axes=self.AXES, address_width=ADDRESS_WIDTH, size_width=self.size_width)

    @property
    def transposes(self) -> bool:
        """Whether weights are transposed on their way: the input gradient takes them so."""
        return self.golden.transposes

    @property
    def a_octets(self) -> int:
        """Bytes of an element of the streamed operand in memory, a power of 2."""
        return 1 << element_size(self.core.a_format.width)

    @property
    def b_octets(self) -> int:
        """Bytes of an element of the other operand in memory, a power of 2."""
        return 1 << element_size(self.core.b_format.width)

    @property
    def streamed(self) -> data.ArrayLayout:
        """A vector of the streamed operand."""
        return vector(self.core.a_format, self.rows)

    @property
    def stationary(self) -> data.ArrayLayout:
        """A vector of the other operand."""
        return vector(self.core.b_format, self.cols)

    @property
    def result(self) -> data.ArrayLayout:
        """A vector of results."""
        return vector(Format(signed=True, width=self.out_width), self.cols)

    @property
    def written(self) -> data.ArrayLayout:
        """What goes to memory: results, or copies of the streamed operand."""
        lane = Format(signed=True, width=self.golden.written_width)
        return vector(lane, max(self.rows, self.cols))

    def _walks(self, depth: int) -> BpParams:
        return BpParams(
            axes=self.AXES,
            address_width=depth.bit_length() - 1,
            size_width=self.size_width,
            stride_width=self.stride_width,
        )


@dataclass(frozen=True, kw_only=True)
class ConvParams(LayerParams):
    """What fixes the hardware of a :class:`hw.conv.convolution.Convolution`. Widths are in bits."""

    dy_format: Format = option(S8, widths=FORMAT_WIDTHS, help="format of dy")
    dataflow: str = option(
        "both",
        choices=("ws", "os", "both"),
        help="ws: all but the weight gradient; os: it alone; both",
    )

    AXES: ClassVar[int] = 2

    @property
    def gradients(self) -> bool:
        return True


@dataclass(frozen=True, kw_only=True)
class VolumeParams(LayerParams):
    """As :class:`ConvParams`, with three axes, and without the gradients' operand."""

    dataflow: str = option(
        "ws", choices=("ws",), help="weight-stationary: forward and transposed need no other"
    )

    AXES: ClassVar[int] = 3
