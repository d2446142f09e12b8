"""What of a convolution's hardware decides what programs may say, and what they give."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format
from gemmule.golden.common.memory import ADDRESS_WIDTH, element_size

from .limits import WalkLimits

__all__ = ["FORMAT_WIDTHS", "ConvolutionHardware", "pairs", "shared", "sides"]

S8 = Format(signed=True, width=8)

FORMAT_WIDTHS = 2, 16
"""The fewest and the most bits of a user's format, and of a lane."""

Names = tuple[str, ...]


def pairs(dataflow: str, *, gradients: bool) -> tuple[Names, ...]:
    """Return the arrays, streamed and other one, that the operations of some hardware multiply.

    Examples
    --------
    >>> pairs("both", gradients=True)
    (('x', 'w'), ('dy', 'w'), ('x', 'dy'))
    """
    if not gradients:
        return (("x", "w"),)
    stationary, gradient = (("x", "w"), ("dy", "w")), (("x", "dy"),)
    return {"ws": stationary, "os": gradient, "both": (*stationary, *gradient)}[dataflow]


def sides(dataflow: str, *, gradients: bool) -> tuple[Names, Names]:
    """Return the arrays that share the lanes of either side.

    ``dy`` takes the way of ``x`` where it is copied, too.

    Examples
    --------
    >>> sides("ws", gradients=True), sides("ws", gradients=False)
    ((('x', 'dy'), ('w',)), (('x',), ('w',)))
    """
    other = dict.fromkeys(b for _, b in pairs(dataflow, gradients=gradients))
    return ("x", "dy") if gradients else ("x",), tuple(other)


def shared(names: Sequence[str], formats: Mapping[str, Format]) -> Format:
    """Return the least format that holds the values of all of these arrays.

    Examples
    --------
    >>> str(shared(["x", "dy"], {"x": Format.parse("u8"), "dy": Format.parse("s8")}))
    's9'
    """
    each = [formats[name] for name in names]
    signed = any(fmt.signed for fmt in each)
    width = max(fmt.width + (signed and not fmt.signed) for fmt in each)
    most = FORMAT_WIDTHS[1]
    if width > most:
        given = " and ".join(f"--{name}-format {formats[name]}" for name in names)
        raise UsageError(
            f"{given} share their lanes, which would take {width} bits; at most {most} are allowed"
        )
    return Format(signed, width)


@dataclass(frozen=True, kw_only=True)
class ConvolutionHardware:
    """A convolution's hardware as its programs see it: nothing of time. Widths are in bits.

    ``x_format``, ``w_format`` and ``dy_format`` (None without gradients) are those of a user's
    arrays; ``a_format`` and ``b_format`` are those of the lanes of the streamed operand, which is a
    vector of ``rows``, and of the other one, a vector of ``cols``. ``x_depth`` and ``w_depth``
    count the vectors of a bank of each, ``acc_depth`` rows of sums between tiles of K, ``c_depth``
    rows of results that wait for memory.
    """

    axes: int = 2
    rows: int = 16
    cols: int = 16
    x_format: Format = S8
    w_format: Format = S8
    dy_format: Format | None = S8
    a_format: Format = S8
    b_format: Format = S8
    dataflow: str = "both"
    drain: str = "bubble_free"
    acc_width: int = 32
    row_sum_width: int = 25
    out_width: int = 32
    multiplier_width: int = 16
    max_shift: int = 47
    x_depth: int = 8192
    w_depth: int = 8192
    acc_depth: int = 512
    c_depth: int = 256
    size_width: int = 12
    stride_width: int = 3

    def format_of(self, name: str) -> Format:
        """Return the format of the array ``x``, ``w`` or ``dy``."""
        return getattr(self, f"{name}_format")

    @property
    def dataflows(self) -> tuple[str, ...]:
        """The dataflows that the hardware has."""
        return ("ws", "os") if self.dataflow == "both" else (self.dataflow,)

    @property
    def transposes(self) -> bool:
        """Whether weights are transposed on their way: the input gradient takes them so."""
        return "ws" in self.dataflows

    @property
    def drains_down(self) -> bool:
        """Whether sums that stay in the cells leave through those below, the lowest row first."""
        return "os" in self.dataflows and self.drain == "cascade"

    @property
    def written_width(self) -> int:
        """Bits of a lane of what goes to memory: results, or copies of the streamed operand."""
        return max(self.out_width, self.a_format.width + (not self.a_format.signed))

    @property
    def largest_size(self) -> int:
        """The power of 2 of the bytes of the largest element that goes to memory or comes."""
        widths = (self.written_width, self.a_format.width, self.b_format.width)
        return max(map(element_size, widths))

    @property
    def a_walks(self) -> WalkLimits:
        """Limits of walks over a bank of the streamed operand."""
        return self._walks(self.x_depth)

    @property
    def b_walks(self) -> WalkLimits:
        """Limits of walks over a bank of the other operand."""
        return self._walks(self.w_depth)

    @property
    def places(self) -> WalkLimits:
        """Limits of walks over the places of results: bytes, by fewer loops."""
        return WalkLimits(
            axes=self.axes,
            loops=self.axes + 2,
            address_width=ADDRESS_WIDTH,
            size_width=self.size_width,
            spread_width=0,
        )

    def _walks(self, depth: int) -> WalkLimits:
        return WalkLimits(
            axes=self.axes,
            loops=2 * self.axes + 2,
            address_width=depth.bit_length() - 1,
            size_width=self.size_width,
            spread_width=self.stride_width,
        )
