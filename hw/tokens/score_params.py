"""What fixes the hardware of `token_score`."""

from dataclasses import dataclass

from amaranth import Shape, unsigned
from amaranth.lib import data

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format
from gemmule.golden.common.options import Options, option
from gemmule.hw.common.stream.payload import shape_of

__all__ = ["TokenScoreParams"]


@dataclass(frozen=True, kw_only=True)
class TokenScoreParams(Options):
    """Options of `token_score`."""

    attention_format: Format = option("u16", widths=(2, 16), help="format of the attention")
    head_format: Format = option(
        "u16", widths=(2, 16), help="heatvit: unsigned format of a head's scores and weights"
    )
    score_format: Format | None = option(
        None,
        widths=(2, 32),
        help="format of the result; by default u32, or s32 of signed attention",
    )
    lanes: int = option(16, low=1, high=64, help="elements of a row that arrive in a cycle")
    max_tokens: int = option(1024, low=2, high=4096, help="most tokens")
    max_heads: int = option(16, low=1, high=64, help="most heads")
    dividers: int = option(4, low=1, high=64, help="means divided in parallel")

    def check(self) -> None:
        """Refuse a signed head format: a head's weight is a weight."""
        if self.head_format.signed:
            raise UsageError(f"--head-format must be unsigned, not {self.head_format}")

    @property
    def result(self) -> Format:
        """The format of the scores."""
        return self.score_format or Format(self.attention_format.signed, 32)

    @property
    def max_beats(self) -> int:
        """Beats of the longest row."""
        return -(-self.max_tokens // self.lanes)

    @property
    def beat(self) -> Shape:
        """The number of a row's beat; one bit where all rows are single beats."""
        return unsigned(max(1, (self.max_beats - 1).bit_length()))

    @property
    def heads(self) -> Shape:
        """How many heads: 0 to ``max_heads``."""
        return unsigned(self.max_heads.bit_length())

    @property
    def total(self) -> Shape:
        """A sum over heads."""
        fmt = self.attention_format
        return Shape(fmt.width + self.max_heads.bit_length(), fmt.signed)

    @property
    def quotient(self) -> Shape:
        """A mean: of attention or of the heads' scores."""
        return unsigned(max(self.attention_format.width, self.head_format.width))

    @property
    def divisor(self) -> Shape:
        """The number of heads, or the sum of their weights."""
        return unsigned((self.max_heads * self.head_format.high).bit_length())

    @property
    def command(self) -> data.StructLayout:
        """What is made of the rows or of the pairs that follow, see `token_score`."""
        return data.StructLayout({
            "weighted": 1,
            "maximum": 1,
            "mean": 1,
            "carried": 1,
            "heads": self.heads,
            "final_row": range(self.max_tokens),
            "final_token": range(self.max_tokens),
        })

    @property
    def pair(self) -> data.StructLayout:
        """A head's score of a token, and the head's weight."""
        head = shape_of(self.head_format)
        return data.StructLayout({"score": head, "weight": head})
