"""What of a convolution's hardware decides what programs may say, and what they give."""

from dataclasses import dataclass

from gemmule.golden.common.formats import Format
from gemmule.golden.common.memory import ADDRESS_WIDTH

from .limits import WalkLimits

__all__ = ["ConvolutionHardware"]

S8 = Format(signed=True, width=8)


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
