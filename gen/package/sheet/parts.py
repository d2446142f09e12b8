"""Pieces that several blocks' sheets share."""

from collections.abc import Iterable
from inspect import cleandoc

from gemmule.golden.common.formats import Format

from .form import Field, Stream

__all__ = ["FAULTS", "LOWEST", "numbers", "status", "text"]

FAULTS = (
    "A packet is one that ends with TLAST. If TLAST comes too soon, the block goes on as if the"
    " rest of the packet were zeros, and sets `early`. If it comes too late, what is beyond the"
    " expected end is taken and thrown away up to and with the beat that has TLAST, and `late` is"
    " set. Either way the next command is not affected."
)
"""What a packet of the wrong length does in every block that counts beats."""


LOWEST = "of several reasons the lowest code is told"
"""Which code comes where a command is wrong in more ways than one: the same in every block."""


def text(markdown: str) -> str:
    """Return ``markdown`` without the indentation that it has in the source."""
    return cleandoc(markdown)


def numbers(fmt: Format) -> str:
    """Say in words what a format is: its integers, and what they stand for."""
    scale = f", real value = integer / 2^{fmt.frac}" if fmt.frac else ""
    return f"integer {fmt.low}..{fmt.high}{scale}"


def status(
    packets: Iterable[str],
    *,
    meaning: str = "",
    more: str = "",
    refuses: bool = True,
    never: Iterable[str] = (),
) -> Stream:
    """Describe the stream `status` of ``packets``.

    It is the one that :func:`hw.common.stream.status.status_layout` makes. One that never
    ``refuses`` a command has no field for that. ``more`` goes behind the meaning. Faults that there
    ``never`` are have their fields all the same.
    """
    refused = {
        "refused": Field(f"why the command was refused; 0: carried out; {LOWEST}", "see the codes")
    }
    fields = refused if refuses else {}
    for name in packets:
        fields[f"{name}.early"] = Field(
            f"TLAST of this command's packet of `{name}` came before the packet's last beat", "0, 1"
        )
        fields[f"{name}.late"] = Field(
            f"TLAST of this command's packet of `{name}` came after it should have", "0, 1"
        )
    for name in never:
        fields[name] = Field("never set: a packet that ends early is legal", "0")
    fields["lost"] = Field(
        "words of this stream were dropped before this one, since nobody took them", "0, 1"
    )
    meaning = (
        meaning
        or "One word a command, refused ones included, in the order of the commands. All zeros:"
        " the command was carried out and its packets were right. The stream never stops the"
        " block: behind the word that is offered 16 more wait, then the oldest of those is"
        " dropped and the word after the gap has `lost` set."
    )
    return Stream(meaning + more, fields)
