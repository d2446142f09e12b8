"""The layouts of a sheet as code: a C header, and an encoder in plain Python."""

import re
from collections.abc import Mapping
from importlib.resources import files
from pprint import pformat
from textwrap import wrap
from typing import Any

from gemmule.gen.verilog.axis import AxisStream

from .form import Sheet
from .view import variants_of
from .words import Row, rows

__all__ = ["code_view", "encoder_text"]


def code_view(name: str, sheet: Sheet, streams: list[AxisStream]) -> dict[str, Any]:
    """Return what the template of C headers speaks of."""
    return {
        "name": name,
        "prefix": _identifier(name),
        "PREFIX": _identifier(name).upper(),
        "constants": sheet.constants,
        "tables": [
            {
                "name": name,
                "length": len(values),
                "type": "int32_t" if all(-(1 << 31) <= x < 1 << 31 for x in values) else "int64_t",
                "lines": wrap(", ".join(map(str, values)), 92),
            }
            for name, values in sheet.tables.items()
        ],
        "streams": [
            {
                "name": each.name,
                "port": each.prefix,
                "octets": each.octets,
                "last": each.last is not None,
                "fields": [_field(row) for row in rows(each)],
                "parts": [
                    {
                        "variant": _identifier(variant.name),
                        "name": _identifier(part.name),
                        "bit": 8 * row.byte + part.offset,
                        "bits": part.width,
                        "lanes": part.lanes,
                        "type": "int64_t" if part.signed else "uint64_t",
                    }
                    for row, variant, parts in variants_of(sheet, each)
                    for part in parts
                    if part.width
                ],
            }
            for each in streams
        ],
    }


def encoder_text(name: str, sheet: Sheet, streams: list[AxisStream]) -> str:
    """Return the encoder of a package: tables, what all encoders do, and what this block's does."""
    head = [
        f'"""Words of the streams of `{name}`, for any program: needs the standard library alone.',
        "",
        "`pack` and `unpack` are for any stream; see the data sheet for what the fields mean.",
        '"""',
        "",
    ]
    layouts = {
        each.name: {
            "port": each.prefix,
            "bytes": each.octets,
            "tlast": each.last is not None,
            "fields": {
                row.name: {
                    "places": row.places,
                    "bytes": row.octets,
                    "bits": row.bits,
                    "signed": row.signed,
                    "scalar": not row.counts,
                }
                for row in rows(each)
            },
        }
        for each in streams
    }
    codes = {
        f"{each.name}.{row.name}": {code.name: code.value for code in row.codes}
        for each in streams
        for row in rows(each)
        if row.codes
    }
    variants: dict[str, Any] = {}
    for each in streams:
        for row, variant, parts in variants_of(sheet, each):
            variants.setdefault(f"{each.name}.{row.name}", {})[variant.name] = {
                part.name: (part.offset, part.width, part.lanes, part.signed) for part in parts
            }
    tables = {name: list(values) for name, values in sheet.tables.items()}
    text = "\n".join([
        *head,
        _assignment("STREAMS", layouts),
        _assignment("CODES", codes),
        _assignment("VARIANTS", variants),
        *(f"{key} = {value}" for key, value in sheet.constants.items()),
        *(_assignment(key, values) for key, values in tables.items()),
        "",
        _resource("encoder.py"),
    ])
    for file in sheet.encoder:
        text += "\n\n" + _resource(file)
    return text


def _assignment(name: str, value: Mapping | list) -> str:
    return f"{name} = {pformat(value, width=96, compact=True, sort_dicts=False)}"


def _resource(name: str) -> str:
    return files("gemmule.gen.package.templates").joinpath(f"{name}.txt").read_text()


def _field(row: Row) -> dict[str, Any]:
    counts, steps = [*row.counts], [*row.steps]
    while len(counts) < 2:
        counts, steps = [1, *counts], [0, *steps]
    return {
        "name": _identifier(row.name),
        "byte": row.byte,
        "bits": row.bits,
        "octets": row.octets,
        "lanes": row.lanes,
        "inner": counts[1],
        "step": steps[1] or row.octets,
        "outer_step": steps[0],
        "signed": row.signed,
        "type": "int64_t" if row.signed else "uint64_t",
        "codes": row.codes,
    }


def _identifier(name: str) -> str:
    return re.sub(r"\W", "_", name)
