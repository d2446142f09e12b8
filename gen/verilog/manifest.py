"""What is written beside a block's Verilog, as types: ports, streams, fields, codes.

On disk it is JSON: :meth:`Manifest.to_json` gives the keys in their order, and what does not apply
is left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["CodeInfo", "FieldInfo", "Manifest", "PortInfo", "StreamInfo", "VariantInfo"]

Json = dict[str, Any]


@dataclass(frozen=True)
class PortInfo:
    """A port as the Verilog names it; ``direction`` is ``input`` or ``output``."""

    name: str
    direction: str
    width: int

    def to_json(self) -> Json:
        """Return plain data."""
        return {"name": self.name, "direction": self.direction, "width": self.width}


@dataclass(frozen=True)
class CodeInfo:
    """A value of a field that carries codes, and what it means."""

    value: int
    name: str
    text: str

    def to_json(self) -> Json:
        """Return plain data."""
        return {"value": self.value, "name": self.name, "text": self.text}


@dataclass(frozen=True)
class FieldInfo:
    """A field of a payload: ``lanes`` of ``width`` bits each, from the bit ``offset`` on."""

    name: str
    offset: int
    width: int
    lanes: int
    signed: bool
    codes: tuple[CodeInfo, ...] = ()

    def to_json(self) -> Json:
        """Return plain data, with codes only where there are some."""
        made = {
            "name": self.name,
            "offset": self.offset,
            "width": self.width,
            "lanes": self.lanes,
            "signed": self.signed,
        }
        return made | ({"codes": [each.to_json() for each in self.codes]} if self.codes else {})

    @classmethod
    def from_json(cls, data: Json) -> "FieldInfo":
        """Return the field that :meth:`to_json` described."""
        return cls(**data | {"codes": tuple(CodeInfo(**each) for each in data.get("codes", ()))})


@dataclass(frozen=True)
class VariantInfo:
    """What a command of one kind has in its content; fields count from the payload's bit 0."""

    kind: CodeInfo
    fields: tuple[FieldInfo, ...]

    def to_json(self) -> Json:
        """Return plain data."""
        return {"kind": self.kind.to_json(), "fields": [each.to_json() for each in self.fields]}

    @classmethod
    def from_json(cls, data: Json) -> "VariantInfo":
        """Return the variant that :meth:`to_json` described."""
        return cls(CodeInfo(**data["kind"]), tuple(map(FieldInfo.from_json, data["fields"])))


@dataclass(frozen=True)
class StreamInfo:
    """A stream: the width of its payload, and the payload's fields, low bits first."""

    name: str
    direction: str
    width: int
    fields: tuple[FieldInfo, ...]
    variants: tuple[VariantInfo, ...] = ()

    @property
    def is_input(self) -> bool:
        """Whether the block takes it."""
        return self.direction == "input"

    def field(self, name: str) -> FieldInfo:
        """Return the field called ``name``."""
        return _named(self.fields, name, f"the stream {self.name}")

    def to_json(self) -> Json:
        """Return plain data, with variants only where there are some."""
        made = {
            "name": self.name,
            "direction": self.direction,
            "width": self.width,
            "fields": [each.to_json() for each in self.fields],
        }
        variants = [each.to_json() for each in self.variants]
        return made | ({"variants": variants} if variants else {})

    @classmethod
    def from_json(cls, data: Json) -> "StreamInfo":
        """Return the stream that :meth:`to_json` described."""
        fields = tuple(map(FieldInfo.from_json, data["fields"]))
        variants = tuple(map(VariantInfo.from_json, data.get("variants", ())))
        return cls(data["name"], data["direction"], data["width"], fields, variants)


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What was written: name, parameters, latency, ports, streams, versions.

    A package adds its ``vlnv``, its border ``axis`` as plain data, and the digests of its
    ``files``.
    """

    name: str
    block: str
    summary: str
    params: Mapping[str, Any]
    latency: int | None
    ports: tuple[PortInfo, ...]
    streams: tuple[StreamInfo, ...]
    versions: Mapping[str, str]
    notes: str | None = None
    vlnv: str | None = None
    axis: Json | None = None
    files: Mapping[str, str] | None = None

    def stream(self, name: str) -> StreamInfo:
        """Return the stream called ``name``."""
        return _named(self.streams, name, f"the block {self.name}")

    def to_json(self) -> Json:
        """Return plain data in the order in which it is written."""
        made = {
            "name": self.name,
            "block": self.block,
            "summary": self.summary,
            "params": dict(self.params),
            "latency": self.latency,
            "ports": [each.to_json() for each in self.ports],
            "streams": [each.to_json() for each in self.streams],
            "versions": dict(self.versions),
        }
        for key in ("notes", "vlnv", "axis", "files"):
            if getattr(self, key) is not None:
                made[key] = getattr(self, key)
        return made

    @classmethod
    def from_json(cls, data: Json) -> "Manifest":
        """Return the manifest that :meth:`to_json` described."""
        ports = tuple(PortInfo(**each) for each in data["ports"])
        streams = tuple(map(StreamInfo.from_json, data["streams"]))
        return cls(**data | {"ports": ports, "streams": streams})


def _named(found: tuple[Any, ...], name: str, where: str) -> Any:
    for each in found:
        if each.name == name:
            return each
    raise KeyError(f"{where} has no {name!r}, only {', '.join(each.name for each in found)}")
