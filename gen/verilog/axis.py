"""A block's streams as AXI4-Streams: how payload fields lie in bytes, and bytes in beats."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.options import Options, option

from .manifest import CodeInfo, StreamInfo

__all__ = ["AxisField", "AxisForm", "AxisStream", "axis_manifest", "axis_streams"]

LARGEST_TDATA = 1024
"""Bits of the widest TDATA that common DMA engines take."""

DEEPEST = 1 << 16


@dataclass(frozen=True, kw_only=True)
class AxisForm(Options):
    """What the AXI4-Streams of a package are like; the block itself is the same in all of them."""

    streams: str = option(
        "plain",
        choices=("plain", "dma"),
        help="AXI4-Streams as wide as their bytes, or with widths of a power of two, TLAST, TKEEP",
    )
    tdata_width: int | None = option(
        None,
        low=8,
        high=LARGEST_TDATA,
        help="TDATA bits of all streams, only with --streams dma; each its own where not given",
    )
    fifo_depth: str = option(
        "0", help="depth of the queue before each input, or before some: a=512,scale=16"
    )

    def check(self) -> None:
        width = self.tdata_width
        if width is not None and self.streams != "dma":
            raise UsageError("--tdata-width needs --streams dma")
        if width is not None and width & (width - 1):
            raise UsageError(f"--tdata-width must be a power of two, not {width}")
        _depths(self.fifo_depth)

    def depths(self, inputs: Iterable[str]) -> dict[str, int]:
        """Return the depth of the queue before each of the block's ``inputs``; 0 is none."""
        inputs, found = list(inputs), _depths(self.fifo_depth)
        if isinstance(found, int):
            return dict.fromkeys(inputs, found)
        if unknown := [name for name in found if name not in inputs]:
            raise UsageError(
                f"--fifo-depth: there is no input {unknown[0]!r}; they are {', '.join(inputs)}"
            )
        return dict.fromkeys(inputs, 0) | found


def _depths(text: str) -> int | dict[str, int]:
    parts = [part.partition("=") for part in text.split(",")]
    numbers = [count if is_named else name for name, is_named, count in parts]
    named = {name.strip(): number for (name, _, _), number in zip(parts, numbers, strict=True)}
    plain = len(parts) == 1 and not parts[0][1]
    right = plain or (len(named) == len(parts) and all(each[1] for each in parts))
    for number in numbers:
        digits = number.strip()
        right &= digits.isdecimal() and len(digits) < 9 and int(digits) <= DEEPEST
        right = right and int(digits) != 1
    if not right:
        raise UsageError(
            f"--fifo-depth must be 0 or in 2..{DEEPEST}, for all inputs or as a=512,scale=16 for"
            f" some, not {text[:80]!r}"
        )
    return int(numbers[0]) if plain else {name: int(number) for name, number in named.items()}


@dataclass(frozen=True)
class AxisField:
    """A field of a payload: ``lanes`` of ``width`` bits, each in ``octets`` bytes of a word.

    ``codes`` are the manifest's, of a field that carries one.
    """

    name: str
    offset: int
    width: int
    lanes: int
    signed: bool
    byte: int
    codes: tuple[CodeInfo, ...] = ()

    @property
    def octets(self) -> int:
        """The bytes of a lane."""
        return -(-self.width // 8)

    @property
    def whole(self) -> bool:
        """Whether lanes fill their bytes, so that the field can be copied in one piece."""
        return self.width == 8 * self.octets


@dataclass(frozen=True)
class AxisStream:
    """A stream of the block at its border: words of bytes, each in one beat or several.

    ``tdata_octets`` is TDATA's width in bytes; a word takes ``beats`` of them, low bytes first.
    ``last`` is the payload's bit that TLAST is, None where the block's stream has no packets.
    ``fifo_depth`` words are queued before an input.
    """

    name: str
    is_input: bool
    width: int
    fields: tuple[AxisField, ...]
    last: int | None
    form: AxisForm = AxisForm()
    fifo_depth: int = 0

    @property
    def prefix(self) -> str:
        """What the ports at the border begin with."""
        return f"{'s' if self.is_input else 'm'}_axis_{self.name}"

    @property
    def used_octets(self) -> int:
        """The bytes of a word that mean something; at least 1."""
        return max(1, sum(each.octets * each.lanes for each in self.fields))

    @property
    def tdata_octets(self) -> int:
        """The bytes of TDATA."""
        if self.form.streams == "plain":
            return self.used_octets
        if self.form.tdata_width:
            return self.form.tdata_width // 8
        return min(LARGEST_TDATA // 8, 1 << (self.used_octets - 1).bit_length())

    @property
    def beats(self) -> int:
        """The beats of a word."""
        return -(-self.used_octets // self.tdata_octets)

    @property
    def octets(self) -> int:
        """The bytes of a word as a DMA moves it, those that fill its last beat with zeros too."""
        return self.beats * self.tdata_octets

    @property
    def tlast(self) -> str | None:
        """What TLAST ends: a ``packet`` of the block, each ``word``; None where there is none."""
        if self.last is not None:
            return "packet"
        return "word" if self.form.streams == "dma" else None

    @property
    def tkeep(self) -> bool:
        """Whether there is a TKEEP: all ones at outputs, ignored at inputs."""
        return self.form.streams == "dma"

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The fields for a table: those of a vector's lanes, ``data.3.shift``, in one row."""
        found: dict[str, list[AxisField]] = {}
        for each in self.fields:
            found.setdefault(re.sub(r"\.\d+(?=\.|$)", "", each.name), []).append(each)
        return [
            {
                "name": name,
                "field": alike[0],
                "lanes": alike[0].lanes * len(alike),
                "step": alike[1].byte - alike[0].byte if len(alike) > 1 else alike[0].octets,
            }
            for name, alike in found.items()
        ]


def axis_streams(streams: Sequence[StreamInfo], form: AxisForm = AxisForm()) -> list[AxisStream]:
    """Return the streams of a manifest as they are at the border, in their order."""
    depths = form.depths(each.name for each in streams if each.is_input)
    return [_stream(each, form, depths.get(each.name, 0)) for each in streams]


def axis_manifest(top: str, streams: Iterable[AxisStream], form: AxisForm) -> dict[str, Any]:
    """Return the border as plain data: all that a program needs to fill words and read them."""
    return {
        "top": top,
        "form": form.as_dict(),
        "ports": ["aclk", "aresetn", "clear", "clearing"],
        "streams": [
            {
                "name": each.name,
                "prefix": each.prefix,
                "direction": "input" if each.is_input else "output",
                "tdata_width": 8 * each.tdata_octets,
                "beats": each.beats,
                "word_bytes": each.octets,
                "tlast": each.tlast,
                "tkeep": each.tkeep,
                "fifo_depth": each.fifo_depth,
                "fields": [_place(field) for field in each.fields],
            }
            for each in streams
        ],
    }


def _place(field: AxisField) -> dict[str, Any]:
    """Tell where a field lies in the word: lane ``i`` begins at bit ``bit + i * lane_step``."""
    described = {
        key: it
        for key, it in asdict(field).items()
        if key not in ("offset", "codes") or (key == "codes" and it)
    }
    return described | {"bit": 8 * field.byte, "lane_step": 8 * field.octets}


def _stream(stream: StreamInfo, form: AxisForm, fifo_depth: int) -> AxisStream:
    fields: list[AxisField] = []
    byte, last = 0, None
    for each in stream.fields:
        if each.name == "last" and each.width == each.lanes == 1:
            last = each.offset
            continue
        if not each.width * each.lanes:
            continue
        place = AxisField(
            each.name, each.offset, each.width, each.lanes, each.signed, byte, each.codes
        )
        fields.append(place)
        byte += place.octets * place.lanes
    return AxisStream(
        stream.name, stream.is_input, stream.width, tuple(fields), last, form, fifo_depth
    )
