"""Random small layers, compiled once for all the commands that carry them out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import cycle, islice

import numpy as np

from gemmule.gen.compile.convolution.compiled import Compiled, compiled
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format
from gemmule.golden.common.requantize import STEP
from gemmule.golden.conv.geometry import Geometry
from gemmule.golden.conv.hardware import ConvolutionHardware
from gemmule.golden.conv.layout import Lanes, Number, flat, lane
from gemmule.golden.conv.operation import Method, Operation
from gemmule.golden.conv.records import UNIT, beat_units, command_units, packed
from gemmule.hw.conv.params import LayerParams
from gemmule.tb.soc.convolution.common import made

__all__ = ["MOST_UNITS", "Piece", "Program", "layers"]

LAYERS = 40
"""Of a pool."""

MOST_UNITS = 200
"""Of a program."""

MOST_BYTES, MOST_BEATS = 8_000, 3_000
"""Of all maps of a layer, and of its products."""


@dataclass(frozen=True)
class Piece:
    """Bytes that lie together, and where in them the regions of some sides are."""

    size: int
    regions: Mapping[str, range]


@dataclass(frozen=True)
class Program:
    """A layer as memory holds it, without its operands: any bytes will do for these."""

    name: str
    commands: tuple[int, ...]
    settings: tuple[int, ...]
    pieces: tuple[Piece, ...]

    @property
    def shares(self) -> bool:
        """Whether the result lies in a region that is read: a map is written, and read then."""
        return len(self.pieces) < 3

    def records(self, unit: ConvolutionHardware) -> tuple[bytes, int]:
        """Return what memory holds, and the units of it that are commands."""
        first = packed(self.commands, command_units(unit))
        return first + packed(self.settings, beat_units(unit)), len(first) // UNIT


@cache
def layers(params: LayerParams, seed: int) -> tuple[Program, ...]:
    """Return a pool: each operation, by each method, that the hardware has has its turn."""
    return tuple(islice(_layers(params, np.random.default_rng(seed)), LAYERS))


def _layers(params: LayerParams, rng: np.random.Generator) -> Iterator[Program]:
    for op, method in cycle(_jobs(params.golden)):
        while (found := _layer(params, op, method, rng)) is None:
            pass
        yield found


def _jobs(unit: ConvolutionHardware) -> list[tuple[Operation, Method]]:
    """Return the operations that there are, forward as often as each other one."""
    volumes = Operation.FORWARD, Operation.TRANSPOSED
    found = []
    for op in Operation:
        if op.dataflow in unit.dataflows and (unit.axes == 2 or op in volumes):
            found += [(op, Method.ZERO_FREE)] * (3 if op is Operation.FORWARD else 1)
            if op is not Operation.FORWARD:
                found += [(op, Method.BP_IM2COL), (op, Method.EXPLICIT)]
    return found


def _layer(
    params: LayerParams, op: Operation, method: Method, rng: np.random.Generator
) -> Program | None:
    """Return a random layer, or None if this one is illegal or large."""
    unit = params.golden
    scaling = str(rng.choice(["none", "bias", "tensor", "column"]))
    try:
        geometry = _geometry(unit.axes, rng)
        if geometry.macs > MOST_BEATS * unit.rows * unit.cols:
            return None
        run, arrays = made(
            params,
            geometry,
            op=op.value,
            method=method.value,
            scaling=scaling,
            zeros=bool(rng.integers(2)),
            seed=int(rng.integers(1 << 16)),
        )
        if scaling in ("tensor", "column"):
            width = min((8, 16, 32)[rng.integers(3)], unit.out_width)
            run = replace(run, c_format=Format(signed=True, width=width))
        layer = compiled(unit, run, arrays)
    except UsageError:
        return None
    if layer.units > MOST_UNITS or layer.image.size > MOST_BYTES:
        return None
    settings = tuple(layer.settings)
    if rng.random() < 0.4:
        settings = tuple(_settings(unit, rng) for _ in settings)
    name = f"{op.value} {method.value}"
    return Program(name, tuple(layer.commands), settings, tuple(_pieces(layer)))


def _geometry(axes: int, rng: np.random.Generator) -> Geometry:
    """Return any geometry, which may be illegal: a :class:`UsageError`."""

    def each(low: int, high: int) -> tuple[int, ...]:
        one = int(rng.integers(low, high + 1))
        other = rng.integers(low, high + 1, axes).tolist()
        return (one,) * axes if rng.random() < 0.5 else tuple(other)

    groups = int(rng.choice([1, 1, 2, 3]))
    channels, filters = (groups * int(rng.integers(1, 12 // groups)) for _ in range(2))
    most = 7 if axes == 2 else 4
    return Geometry(
        batch=int(rng.integers(1, 3)),
        channels=channels,
        filters=filters,
        size=each(1, most),
        kernel=each(1, 3 if rng.random() < 0.8 else 5),
        stride=each(1, 3),
        padding=each(0, 2) + each(0, 2),
        dilation=each(1, 2) if rng.random() < 0.3 else (1,) * axes,
        groups=groups,
    )


def _settings(unit: ConvolutionHardware, rng: np.random.Generator) -> int:
    """Return a beat of settings of any value."""
    beat, at = 0, 0
    for name, each in flat(Lanes(lane(unit), unit.cols)):
        assert isinstance(each, Number)
        drawn = int.from_bytes(rng.bytes(8), "little") % (1 << int(rng.integers(each.width + 1)))
        if name.endswith("drop"):
            drawn = min(drawn, unit.max_shift // STEP)
        elif each.signed and rng.random() < 0.5:
            drawn = -drawn
        beat |= (drawn & (1 << each.width) - 1) << at
        at += each.width
    return beat


def _pieces(layer: Compiled) -> Iterator[Piece]:
    for piece, sides in layer.image.pieces:
        regions = {side: layer.image.regions[side] for side in sides}
        first = piece.start
        yield Piece(
            len(piece),
            {side: range(each.start - first, each.stop - first) for side, each in regions.items()},
        )
