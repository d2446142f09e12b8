"""What fixes the hardware of the token blocks, and the payloads that their streams carry."""

from dataclasses import dataclass

from amaranth import Shape, unsigned
from amaranth.lib import data

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format
from gemmule.golden.common.options import Options, option
from gemmule.golden.tokens.selection import ratio_bits
from gemmule.hw.common.stream.payload import shape_of

__all__ = ["SelectorParams", "TokenPackParams", "TokenSelectParams"]


@dataclass(frozen=True, kw_only=True)
class TokenSelectParams(Options):
    """Options of `token_select`."""

    score_format: Format = option("u16", widths=(2, 16), help="format of the scores")
    max_tokens: int = option(1024, low=2, high=4096, help="most tokens")

    @property
    def index(self) -> Shape:
        """The number of a token."""
        return unsigned((self.max_tokens - 1).bit_length())

    @property
    def number(self) -> Shape:
        """How many tokens: 0 to ``max_tokens``."""
        return unsigned(self.max_tokens.bit_length())

    @property
    def select_command(self) -> data.StructLayout:
        """One stage's selection, see `token_select`."""
        return data.StructLayout({
            "threshold": shape_of(self.score_format),
            "keep": self.number,
            "ratio": ratio_bits(self.max_tokens) + 1,
            "protect": self.number,
            "ties": 1,
        })

    @property
    def score(self) -> data.StructLayout:
        """A token's score, and whether the token counts."""
        return data.StructLayout({"score": shape_of(self.score_format), "valid": 1})

    @property
    def decision(self) -> data.StructLayout:
        """What becomes of a token, with its score: all that packing needs."""
        return data.StructLayout({"keep": 1, "valid": 1, "score": shape_of(self.score_format)})


@dataclass(frozen=True, kw_only=True)
class TokenPackParams(TokenSelectParams):
    """Options of `token_pack`."""

    token_format: Format = option("s8", widths=(2, 16), help="format of the tokens")
    lanes: int = option(16, low=1, high=64, help="elements of a token that move in a cycle")
    max_length: int = option(1024, low=1, high=4096, help="most elements of a token")
    weight_width: int = option(26, low=2, high=32, help="bits of an earlier package's weight")
    dividers: int = option(1, low=1, high=64, help="package elements divided in parallel")

    def check(self) -> None:
        """Refuse signed scores, which are weights here, and lanes that do not share out evenly."""
        if self.score_format.signed:
            raise UsageError(
                "--score-format must be unsigned where tokens are packed, because scores are"
                f" weights there, not {self.score_format}"
            )
        if self.lanes % self.dividers:
            raise UsageError(
                f"--dividers must divide --lanes {self.lanes}, and {self.dividers} does not"
            )

    @property
    def max_beats(self) -> int:
        """Beats of the longest token."""
        return -(-self.max_length // self.lanes)

    @property
    def beat(self) -> Shape:
        """The number of a token's beat; one bit where all tokens are single beats."""
        return unsigned(max(1, (self.max_beats - 1).bit_length()))

    @property
    def weight(self) -> Shape:
        """The sum of all dropped scores and of an earlier package's weight."""
        scores = self.max_tokens * self.score_format.high
        return unsigned((scores + (1 << self.weight_width) - 1).bit_length())

    @property
    def total(self) -> Shape:
        """The sum of all dropped ``score * token``."""
        token = shape_of(self.token_format)
        return Shape(self.weight.width + token.width, token.signed)

    @property
    def pack_command(self) -> data.StructLayout:
        """One stage's packing, see `token_pack`."""
        return data.StructLayout({
            "final": self.beat,
            "package": 2,
            "compact": 1,
            "merge": 1,
            "weight": self.weight_width,
        })


@dataclass(frozen=True, kw_only=True)
class SelectorParams(TokenPackParams):
    """Options of `selector`: those of its two parts."""

    @property
    def command(self) -> data.StructLayout:
        """The commands of both parts."""
        return data.StructLayout({"select": self.select_command, "pack": self.pack_command})
