"""Parameters of the convolution family's parts."""

from collections.abc import Iterator
from dataclasses import Field, dataclass, field, fields
from typing import ClassVar

from amaranth import Shape, signed

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format
from gemmule.golden.common.options import Options, flag, option
from gemmule.golden.conv.walk import Walk
from gemmule.golden.systolic.beats import DIM_WIDTH
from gemmule.hw.systolic.params import GemmParams

__all__ = ["BpParams", "ConvParams", "CoreParams", "GeneratorParams", "VolumeParams"]

S8 = Format(signed=True, width=8)


@dataclass(frozen=True, kw_only=True)
class GeneratorParams(Options):
    """Limits within which an address generator takes any geometry at run time."""

    axes: int = option(2, low=2, high=3, help="spatial axes")
    address_width: int = option(16, low=2, high=32, help="bits of an address")
    size_width: int = option(10, low=2, high=16, help="bits of a loop's turns and of a side")

    @property
    def spread_width(self) -> int:
        """Bits of a stride between real pixels; 0: the generator knows no inserted zeros."""
        return 0

    @property
    def loops(self) -> int:
        """Levels: pixels and taps of each axis, the batch, the channel blocks."""
        return 2 * self.axes + 2

    @property
    def coordinate(self) -> Shape:
        """A pixel's number along an axis, negative before the first."""
        return signed(self.size_width + 1)

    def refuse(self, walk: Walk) -> None:
        """:class:`UsageError` for a walk beyond these limits."""
        turns = max(loop.bound for loop in walk.loops)
        side = max(axis.limit for axis in walk.axes)
        checks = [
            (f"{len(walk.axes)} axes", len(walk.axes) <= self.axes, self.axes),
            (f"{len(walk.loops)} loops", len(walk.loops) <= self.loops, self.loops),
            (f"{turns} turns of a loop", turns <= 1 << self.size_width, 1 << self.size_width),
            (f"{side} pixels of a side", side < 1 << self.size_width, (1 << self.size_width) - 1),
            *self._reaches(walk),
        ]
        for text, fits, most in checks:
            if not fits:
                raise UsageError(f"the walk has {text}; these parameters allow {most}")

    def _reaches(self, walk: Walk) -> Iterator[tuple[str, bool, int]]:
        """Positions outside a side must not wrap into it; spreads must fit their counters."""
        most = 1 << self.size_width
        for number, axis in enumerate(walk.axes):
            moves = [loop.moves[number] * (loop.bound - 1) for loop in walk.loops]
            low = (axis.start + sum(move for move in moves if move < 0)) // axis.spread
            high = (axis.start + sum(move for move in moves if move > 0)) // axis.spread
            yield f"pixels from {low}", low >= -most, -most
            yield f"pixels to {high}", high < most, most - 1
            if self.spread_width or axis.spread > 1:
                largest = (1 << self.spread_width) - 1
                yield f"a stride of {axis.spread}", axis.spread <= largest, max(largest, 1)


@dataclass(frozen=True, kw_only=True)
class BpParams(GeneratorParams):
    """As :class:`GeneratorParams`, with inserted zeros between the pixels."""

    stride_width: int = option(3, low=1, high=8, help="bits of a stride (the zeros it inserts)")

    @property
    def spread_width(self) -> int:
        return self.stride_width


def _as_gemm(name: str) -> Field:
    """The option of the same name that `gemm` has."""
    gemm = next(each for each in fields(GemmParams) if each.name == name)
    return field(default=gemm.default, metadata=gemm.metadata)


@dataclass(frozen=True, kw_only=True)
class CoreParams(GemmParams):
    """The product that a convolution stands on: padding makes K longer than its sums are."""

    @property
    def largest_k(self) -> int:
        return 1 << DIM_WIDTH

    @property
    def mirrors_rows(self) -> bool:
        return True


@dataclass(frozen=True, kw_only=True)
class ConvParams(Options):
    """What fixes the hardware of a :class:`hw.conv.Convolution`. Widths are in bits."""

    rows: int = _as_gemm("rows")
    cols: int = _as_gemm("cols")
    x_format: Format = option(S8, widths=(2, 16), help="format of x")
    w_format: Format = option(S8, widths=(2, 16), help="format of w")
    dy_format: Format = option(S8, widths=(2, 16), help="format of dy")
    acc_width: int = _as_gemm("acc_width")
    out_width: int = _as_gemm("out_width")
    dataflow: str = option(
        "both",
        choices=("ws", "os", "both"),
        help="ws: all but the weight gradient; os: it alone; both",
    )
    drain: str = _as_gemm("drain")
    pipeline: int = _as_gemm("pipeline")
    acc_depth: int = _as_gemm("acc_depth")
    cell: str = _as_gemm("cell")
    multiplier_width: int = _as_gemm("multiplier_width")
    max_shift: int = _as_gemm("max_shift")
    x_depth: int = option(
        8192, low=16, high=1 << 16, help="vectors in a bank of the streamed operand, a power of 2"
    )
    w_depth: int = option(
        8192, low=16, high=1 << 16, help="vectors in a bank of the other operand, a power of 2"
    )
    size_width: int = option(12, low=4, high=16, help="bits of a side, of channels, of a loop")
    stride_width: int = option(3, low=1, high=8, help="bits of a stride under bp_im2col")

    AXES: ClassVar[int] = 2

    def check(self) -> None:
        for name in ("x_depth", "w_depth"):
            depth = getattr(self, name)
            if depth & (depth - 1):
                raise UsageError(f"{flag(name)} must be a power of 2, not {depth}")
        if self.w_depth < self.rows:
            raise UsageError(f"--w-depth must be at least --rows, {self.rows}, not {self.w_depth}")
        CoreParams(**self._core())

    @property
    def core(self) -> CoreParams:
        """Parameters of the product: its operands hold whatever an operation puts there."""
        return CoreParams(**self._core())

    def _core(self) -> dict[str, object]:
        same = {each.name for each in fields(self)} & {each.name for each in fields(GemmParams)}
        return {name: getattr(self, name) for name in sorted(same)} | {
            "a_format": _union(self.x_format, self.dy_format),
            "b_format": _union(self.w_format, self.dy_format),
        }

    @property
    def x_walks(self) -> BpParams:
        """Parameters of the streamed operand's address generator."""
        return self._walks(self.x_depth)

    @property
    def w_walks(self) -> BpParams:
        """Parameters of the other operand's address generator."""
        return self._walks(self.w_depth)

    def _walks(self, depth: int) -> BpParams:
        return BpParams(
            axes=self.AXES, address_width=depth.bit_length() - 1, size_width=self.size_width,
            stride_width=self.stride_width,
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class VolumeParams(ConvParams):
    """As :class:`ConvParams`, with three axes."""

    AXES: ClassVar[int] = 3


def _union(a: Format, b: Format) -> Format:
    """The least format that holds the values of both."""
    signed_ = a.signed or b.signed
    return Format(signed_, max(f.width + (signed_ and not f.signed) for f in (a, b)))
