"""What the template of data sheets speaks of, from a block's sheet and manifest."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from typing import Any, NamedTuple

from gemmule.gen.block import Block
from gemmule.gen.verilog.axis import AxisStream
from gemmule.gen.verilog.manifest import FieldInfo, Manifest
from gemmule.gen.verilog.ports import layout_fields
from gemmule.golden.common.options import Options

from .example import printed
from .form import Field, Sheet, Stream, Variant
from .words import Row, bare, rows

__all__ = ["check_complete", "sheet_view", "variants_of"]


def sheet_view(
    block: Block,
    params: Options,
    sheet: Sheet,
    manifest: Manifest,
    streams: list[AxisStream],
) -> dict[str, Any]:
    """Return the parts of a data sheet that the form gives."""
    check_complete(sheet, streams, {each.name for each in manifest.ports})
    if manifest.latency is None and "{latency}" in sheet.latency:
        raise ValueError(
            "the sheet asks for {latency}, but the component has neither `LATENCY` nor `latency`"
        )
    return {
        "dma": any(each.form.streams == "dma" for each in streams),
        "sheet": _filled(sheet, {"{latency}": str(manifest.latency), "{name}": manifest.name}),
        "lone": [
            each.to_json() | {"meaning": sheet.ports.get(each.name, "")}
            for each in manifest.ports
            if "__" not in each.name
        ],
        "tables": [_table(sheet, each) for each in streams],
        "examples": [printed(block, params, sheet, streams, each) for each in sheet.examples],
    }


def check_complete(sheet: Sheet, streams: list[AxisStream], ports: set[str]) -> None:
    """Check that all streams, fields, and ports beside them are described, and nothing else is."""
    lone = {name for name in ports if "__" not in name} - {"clk", "rst"}
    if lone != set(sheet.ports):
        raise ValueError(f"the sheet must tell of the ports {sorted(lone)}")
    known = {each.name: {row.name for row in rows(each)} for each in streams}
    told = {name: set(each.fields) for name, each in sheet.streams.items()}
    if known != told:
        both = set(known) & set(told)
        lacking = [f"{name}.{field}" for name in both for field in known[name] - told[name]]
        wrong = [f"{name}.{field}" for name in both for field in told[name] - known[name]]
        lacking += set(known) - set(told)
        wrong += set(told) - set(known)
        raise ValueError(f"the sheet lacks {sorted(lacking)} and has too many: {sorted(wrong)}")
    inputs = {each.name for each in streams if each.is_input}
    if set(sheet.ahead) != inputs:
        raise ValueError(f"the sheet must say of {sorted(inputs)} how far they run ahead")


def _filled(sheet: Sheet, values: Mapping[str, str]) -> Sheet:
    texts = {each.name: getattr(sheet, each.name) for each in fields(sheet)}
    texts = {name: it for name, it in texts.items() if isinstance(it, str)}
    for key, value in values.items():
        texts = {name: it.replace(key, value) for name, it in texts.items()}
    return replace(sheet, **texts)


class VariantParts(NamedTuple):
    """A field, what it is in one kind of command, and its parts there, from bit 0 on."""

    row: Row
    variant: Variant
    parts: list[FieldInfo]


def variants_of(sheet: Sheet, stream: AxisStream) -> Iterator[VariantParts]:
    """Yield each variant of a stream's fields: the field, the variant, its parts from bit 0 on."""
    for row in rows(stream):
        for variant in sheet.variants.get(f"{stream.name}.{row.name}", ()):
            yield VariantParts(row, variant, layout_fields(variant.layout))


def _table(sheet: Sheet, stream: AxisStream) -> Mapping[str, Any]:
    about: Stream = sheet.streams[stream.name]
    found = rows(stream)
    return {
        "prefix": stream.prefix,
        "octets": stream.octets,
        "beats": stream.beats,
        "tlast": stream.tlast,
        "meaning": about.meaning,
        "lanes": any(row.lanes > 1 for row in found),
        "rows": [
            {
                "name": row.name,
                "byte": row.byte,
                "bits": row.bits,
                "lanes": " x ".join(
                    f"{count} x {step}" if len(row.counts) == 1 else f"({count} by {step})"
                    for count, step in zip(row.counts, row.steps, strict=True)
                )
                or "1",
                "codes": row.codes,
                **_told(row.signed, row.bits, about.fields[row.name]),
            }
            for row in found
        ],
        "variants": [
            {
                "field": row.name,
                "when": variant.when,
                "name": variant.name,
                "meaning": variant.meaning,
                "base": 8 * row.byte,
                "rows": [
                    {
                        "name": name,
                        "offset": alike[0].offset,
                        "bits": alike[0].width,
                        "lanes": _lanes(alike),
                        **_coded(
                            alike[0],
                            _told(alike[0].signed, alike[0].width, variant.fields[name]),
                        ),
                    }
                    for name, alike in _alike(parts).items()
                ],
            }
            for row, variant, parts in variants_of(sheet, stream)
        ],
    }


def _coded(part: FieldInfo, told: dict[str, str]) -> dict[str, str]:
    """Return ``told`` with the codes of the part, if it has some, beside its meaning."""
    codes = "; ".join(f"{code.value}: {code.text}" for code in part.codes)
    return told | {"meaning": f"{told['meaning']}: {codes}"} if codes else told


def _alike(parts: list[FieldInfo]) -> dict[str, list[FieldInfo]]:
    """Group the parts that have bits by their names without numbers."""
    found: dict[str, list[FieldInfo]] = {}
    for part in parts:
        if part.width:
            found.setdefault(bare(part.name), []).append(part)
    return found


def _lanes(alike: list[FieldInfo]) -> str:
    """Say how many there are, and the bits from one to the next."""
    first = alike[0]
    texts = []
    if len(alike) > 1:
        texts.append(f"{len(alike)} x {alike[1].offset - first.offset}")
    if first.lanes > 1:
        texts.append(f"{first.lanes} x {first.width}")
    return ", in each ".join(texts) or "1"


def _told(signed: bool, bits: int, about: Field) -> dict[str, str]:
    return {
        "numbers": f"{'signed' if signed else 'unsigned'}, {bits} bit{'s' if bits > 1 else ''}",
        "legal": about.legal + (f" ({about.unit})" if about.unit else ""),
        "meaning": about.meaning.replace("|", "\\|"),
    }
