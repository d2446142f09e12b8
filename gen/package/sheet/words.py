"""Words of a stream as bytes: each lane of each field at a byte of its own."""

import re
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.block import Beats
from gemmule.gen.verilog.axis import AxisField, AxisStream
from gemmule.gen.verilog.manifest import CodeInfo

__all__ = ["Row", "bare", "from_bytes", "lasts", "rows", "to_bytes"]


@dataclass(frozen=True)
class Row:
    """A field in all its lanes; ``counts`` lanes in each dimension lie ``steps`` bytes apart."""

    name: str
    byte: int
    octets: int
    bits: int
    signed: bool
    counts: tuple[int, ...]
    steps: tuple[int, ...]
    codes: tuple[CodeInfo, ...]

    @property
    def lanes(self) -> int:
        """All of them."""
        return prod(self.counts)

    @property
    def places(self) -> list[int]:
        """The first byte of each lane, in order."""
        places = [self.byte]
        for count, step in zip(self.counts, self.steps, strict=True):
            places = [place + n * step for place in places for n in range(count)]
        return places


def bare(name: str) -> str:
    """Return a field's name without the numbers of lanes.

    Examples
    --------
    >>> bare("data.3.shift"), bare("payload")
    ('data.shift', 'payload')
    """
    return re.sub(r"\.\d+(?=\.|$)", "", name)


def rows(stream: AxisStream) -> list[Row]:
    """Return the fields of a stream, those of its vector's lanes as one."""
    found: dict[str, list[AxisField]] = {}
    for each in stream.fields:
        found.setdefault(bare(each.name), []).append(each)
    made = []
    for name, alike in found.items():
        first = alike[0]
        counts, steps = [first.lanes], [first.octets]
        if len(alike) > 1:
            counts, steps = [len(alike), *counts], [alike[1].byte - first.byte, *steps]
        kept = [(c, s) for c, s in zip(counts, steps, strict=True) if c > 1]
        made.append(
            Row(
                name,
                first.byte,
                first.octets,
                first.width,
                first.signed,
                tuple(c for c, _ in kept),
                tuple(s for _, s in kept),
                first.codes,
            )
        )
    return made


def to_bytes(stream: AxisStream, beats: Beats) -> NDArray[np.uint8]:
    """Return ``[words, octets]``: what TDATA carries; lanes are extended to whole bytes."""
    bits = _bits(beats, stream.width)
    made = np.zeros((len(bits), 8 * stream.octets), np.uint8)
    for each in stream.fields:
        lanes = bits[:, each.offset : each.offset + each.lanes * each.width]
        lanes = lanes.reshape(len(bits), each.lanes, each.width)
        fill = lanes[..., -1:] if each.signed else np.zeros_like(lanes[..., -1:])
        lanes = np.concatenate([lanes, np.repeat(fill, 8 * each.octets - each.width, axis=2)], 2)
        made[:, 8 * each.byte : 8 * (each.byte + each.octets * each.lanes)] = lanes.reshape(
            len(bits), 8 * each.octets * each.lanes
        )
    return np.packbits(made, axis=1, bitorder="little")


def from_bytes(
    stream: AxisStream, octets: NDArray[np.uint8], lasts: NDArray[np.bool_] | None
) -> Beats:
    """Return the payloads of words, the inverse of :func:`to_bytes`, with TLAST."""
    bits = np.unpackbits(octets, axis=1, bitorder="little")
    made = np.zeros((len(bits), -(-stream.width // 32) * 32), np.uint8)
    for each in stream.fields:
        span = bits[:, 8 * each.byte : 8 * (each.byte + each.octets * each.lanes)]
        span = span.reshape(len(bits), each.lanes, 8 * each.octets)[..., : each.width]
        made[:, each.offset : each.offset + each.lanes * each.width] = span.reshape(
            len(bits), each.lanes * each.width
        )
    if stream.last is not None and lasts is not None:
        made[:, stream.last] = lasts
    packed = np.packbits(made, axis=1, bitorder="little")
    return packed.view("<u4").reshape(len(bits), -1)


def lasts(stream: AxisStream, beats: Beats) -> NDArray[np.bool_] | None:
    """Return TLAST of each word, None where the stream has none."""
    if stream.last is None:
        return None
    return _bits(beats, stream.width)[:, stream.last].astype(bool)


def _bits(beats: Beats, width: int) -> NDArray[np.uint8]:
    octets = np.ascontiguousarray(beats, dtype="<u4").view(np.uint8)
    octets = octets.reshape(len(beats), 4 * -(-width // 32))
    return np.unpackbits(octets, axis=1, bitorder="little")[:, :width]
