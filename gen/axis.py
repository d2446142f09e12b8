"""A block's streams as AXI4-Streams: how payload fields lie in bytes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["AxisField", "AxisStream", "axis_streams"]


@dataclass(frozen=True)
class AxisField:
    """A field of a payload: ``lanes`` of ``width`` bits, each in ``octets`` bytes of TDATA.

    ``codes`` are the manifest's, of a field that carries one.
    """

    name: str
    offset: int
    width: int
    lanes: int
    signed: bool
    byte: int
    codes: Sequence[Mapping[str, Any]] = ()

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
    """A stream of the block: the Verilog expressions between its payload and TDATA, TLAST."""

    name: str
    is_input: bool
    width: int
    fields: tuple[AxisField, ...]
    last: int | None

    @property
    def prefix(self) -> str:
        """What the ports at the border begin with."""
        return f"{'s' if self.is_input else 'm'}_axis_{self.name}"

    @property
    def octets(self) -> int:
        """The bytes of TDATA."""
        return sum(each.octets * each.lanes for each in self.fields)

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

    @property
    def payload(self) -> list[str]:
        """The payload from TDATA and TLAST, most significant part first; padding is ignored."""
        placed = [(self.last, f"{self.prefix}_tlast")] if self.last is not None else []
        for each in self.fields:
            step, size = 8 * each.octets, each.width
            if each.whole:
                step, size = 0, each.width * each.lanes
            for lane in range(1 if each.whole else each.lanes):
                low = 8 * each.byte + lane * step
                placed.append((each.offset + lane * size, f"{self.prefix}_tdata{_bits(low, size)}"))
        return [text for _offset, text in sorted(placed, reverse=True)]

    @property
    def tdata(self) -> list[str]:
        """TDATA from the payload, most significant part first; lanes are extended to bytes."""
        source, parts = f"{self.name}_payload", []
        for each in self.fields:
            if each.whole:
                parts.append(source + _bits(each.offset, each.width * each.lanes))
                continue
            for lane in range(each.lanes):
                low = each.offset + lane * each.width
                parts.append(source + _bits(low, each.width))
                fill = f"{source}[{low + each.width - 1}]" if each.signed else "1'b0"
                parts.append(f"{{{8 * each.octets - each.width}{{{fill}}}}}")
        return parts[::-1]


def axis_streams(manifest: dict[str, Any]) -> list[AxisStream]:
    """The streams of a manifest, in its order."""
    return [_stream(each) for each in manifest["streams"]]


def _stream(stream: dict[str, Any]) -> AxisStream:
    fields, byte, last = [], 0, None
    for each in stream["fields"]:
        if each["name"] == "last" and each["width"] == each["lanes"] == 1:
            last = each["offset"]
            continue
        fields.append(AxisField(**each, byte=byte))
        byte += fields[-1].octets * each["lanes"]
    is_input = stream["direction"] == "input"
    return AxisStream(stream["name"], is_input, stream["width"], tuple(fields), last)


def _bits(low: int, width: int) -> str:
    return f"[{low + width - 1}:{low}]"
