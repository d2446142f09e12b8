"""Worked examples: every beat of a small job, as hexadecimal text that can be read back."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.block import Beats, Block
from gemmule.gen.verilog.axis import AxisStream
from gemmule.golden.common.options import Options

from .form import Example, Sheet, variant_parts
from .words import Row, from_bytes, lasts, rows, to_bytes

__all__ = ["Printed", "Words", "parse", "payloads", "printed"]

DIGITS = 96
"""Hexadecimal digits in a line; longer words go on in the next."""

_FENCE = re.compile(r"^```hex (\S+)\n(.*?)^```$", re.M | re.S)


@dataclass(frozen=True)
class Words:
    """The words of one stream, or the bytes of ``memory``, of an example."""

    port: str
    count: int
    text: str


@dataclass(frozen=True)
class Printed:
    """An example as a sheet shows it."""

    title: str
    sent: list[Words]
    received: list[Words]
    arrays: dict[str, str]
    options: dict[str, object]


def printed(
    block: Block, params: Options, sheet: Sheet, streams: list[AxisStream], example: Example
) -> Printed:
    """Return an example in text."""
    run = block.simulated_by().Run(**example.run)
    job = block.simulated_by().plan(params, run, example.arrays)
    results = job.results() if job.results else {}
    by_name = {each.name: each for each in streams}
    sent = [
        _words(by_name[name], np.asarray(beats), sheet)
        for name, beats in job.send.items()
        if len(beats)
    ]
    if job.memory:
        sent.append(_memory("memory_before", job.memory.image))
    received = [
        _words(by_name[name], beats, sheet)
        for name, beats in results.items()
        if name != "memory" and len(beats)
    ]
    if "memory" in results:
        received.append(_memory("memory_after", results["memory"]))
    arrays = dict(example.arrays) | {f"{name} (result)": it for name, it in job.golden.items()}
    return Printed(
        example.title,
        sent,
        received,
        {name: _array(it) for name, it in arrays.items()},
        dict(example.run),
    )


def parse(text: str) -> list[dict[str, tuple[list[bytes], list[bool]]]]:
    """Return a data sheet's examples: of each, port -> the words' bytes, and which have TLAST."""
    found = []
    for part in re.split(r"^### Example ", text, flags=re.M)[1:]:
        example = {}
        for port, body in _FENCE.findall(part):
            joined = body.replace("\\\n", "")
            lines = [line.split("#")[0].split() for line in joined.splitlines()]
            words = [line for line in lines if line]
            step = 1 if port.startswith("memory") else -1
            octets = [bytes.fromhex(line[0])[::step] for line in words]
            example[port] = octets, [line[-1] == "last" for line in words]
        found.append(example)
    return found


def payloads(stream: AxisStream, words: tuple[list[bytes], list[bool]]) -> Beats:
    """Return the beats of the bare block, from what :func:`parse` found."""
    octets, last = words
    return from_bytes(stream, np.array([list(each) for each in octets], np.uint8), np.array(last))


def _words(stream: AxisStream, beats: Beats, sheet: Sheet) -> Words:
    octets, ends = to_bytes(stream, beats), lasts(stream, beats)
    fields, lines = rows(stream), []
    few = sum(row.lanes for row in fields) <= 12 or len(fields) == 1
    for number, word in enumerate(octets):
        note = "  # " + _note(fields, word, stream, sheet) if few else ""
        digits = word.tobytes()[::-1].hex()
        first = len(digits) % DIGITS or DIGITS
        pieces = [digits[:first], *_cut(digits[first:])]
        tail = " last" if ends is not None and ends[number] else ""
        text = "\\\n".join(pieces) + tail
        if len(text) + len(note) > 110 and note:
            lines.append(note.strip())
            note = ""
        lines.append(text + note)
    return Words(stream.prefix, len(beats), "\n".join(lines))


def _cut(digits: str) -> Iterator[str]:
    for start in range(0, len(digits), DIGITS):
        yield digits[start : start + DIGITS]


def _memory(name: str, image: NDArray[np.uint8]) -> Words:
    lines = [
        f"{image[start : start + 32].tobytes().hex()}  # from byte {start} on"
        for start in range(0, len(image), 32)
    ]
    return Words(name, len(image), "\n".join(lines))


def _note(fields: list[Row], word: NDArray[np.uint8], stream: AxisStream, sheet: Sheet) -> str:
    """Write the word's fields in decimal; of those with variants, the parts that are not 0."""
    parts = []
    for row in fields:
        values = [
            int.from_bytes(word[place : place + row.octets].tobytes(), "little", signed=row.signed)
            for place in row.places
        ]
        short = str(values[0]) if len(values) == 1 else str(values).replace(" ", "")
        variants = sheet.variants.get(f"{stream.name}.{row.name}", ())
        for variant in variants:
            name, value = variant.when.replace("`", "").split(" is ")
            if f"{name}={value}" in parts:
                short = f"{variant.name}: {variant_parts(variant, values[0])}"
        parts.append(f"{row.name}={short}" if not variants else short)
    return " ".join(parts)


def _array(values: NDArray) -> str:
    return f"{np.asarray(values).tolist()}"
