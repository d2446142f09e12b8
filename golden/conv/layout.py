"""The bits of a program: the numbers of each kind of command, and of a column's settings."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gemmule.golden.common.formats import Format
from gemmule.golden.common.memory import ADDRESS_WIDTH, LENGTH_WIDTH
from gemmule.golden.common.requantize import STEP, Rounding, offset_width
from gemmule.golden.systolic.beats import DIM_WIDTH

from .commands import Opcode
from .hardware import ConvolutionHardware
from .limits import WalkLimits

__all__ = [
    "KIND",
    "Lanes",
    "Layout",
    "Number",
    "command_width",
    "contents",
    "decoded",
    "flat",
    "lane",
    "load",
    "passing",
    "placing",
    "walking",
    "width",
]


@dataclass(frozen=True)
class Number:
    """An integer of so many bits, two's complement if it is signed."""

    width: int
    signed: bool = False


@dataclass(frozen=True)
class Lanes:
    """``count`` times the same, the first in the low bits."""

    layout: "Layout"
    count: int


Layout = Number | Lanes | Mapping[str, "Layout"]
"""What some bits are: by name, the first in the low bits."""

KIND = Number(max(Opcode).bit_length())
"""What a command begins with: its :class:`.commands.Opcode`; its content is above."""

FLAG = Number(1)


def width(layout: Layout) -> int:
    """Count the bits of a layout.

    Examples
    --------
    >>> width({"sizes": Lanes(Number(4), 3), "last": FLAG})
    13
    """
    if isinstance(layout, Number):
        return layout.width
    if isinstance(layout, Lanes):
        return layout.count * width(layout.layout)
    return sum(map(width, layout.values()))


def flat(layout: Layout, name: str = "") -> Iterator[tuple[str, Number]]:
    """Yield the numbers of a layout from bit 0 on, and the path to each.

    Examples
    --------
    >>> [name for name, _ in flat({"sizes": Lanes({"low": FLAG}, 2), "last": FLAG})]
    ['sizes.0.low', 'sizes.1.low', 'last']
    """
    if isinstance(layout, Number):
        yield name, layout
        return
    parts = (
        ((str(n), layout.layout) for n in range(layout.count))
        if isinstance(layout, Lanes)
        else layout.items()
    )
    for part, each in parts:
        yield from flat(each, f"{name}.{part}" if name else part)


def decoded(layout: Layout, bits: int) -> Any:
    """Return what ``bits`` say: a number, a list of lanes, or a dictionary; more bits are ignored.

    Examples
    --------
    >>> decoded({"low": Number(2), "high": Lanes(Number(2, signed=True), 2)}, 0b01_11_10)
    {'low': 2, 'high': [-1, 1]}
    """
    if isinstance(layout, Number):
        value = bits & (1 << layout.width) - 1
        return value - (value >> layout.width - 1 << layout.width) if layout.signed else value
    if isinstance(layout, Lanes):
        step = width(layout.layout)
        return [decoded(layout.layout, bits >> n * step) for n in range(layout.count)]
    found = {}
    for name, each in layout.items():
        found[name] = decoded(each, bits)
        bits >>= width(each)
    return found


def walking(limits: WalkLimits) -> dict[str, Layout]:
    """Lay out a walk: where it starts, the loops innermost first, and the masks of its axes."""
    jump: dict[str, Layout] = {
        "step": Number(limits.address_width),
        "whole": Lanes(Number(limits.coordinate_width, signed=True), limits.axes),
    }
    axis: dict[str, Layout] = {"limit": Number(limits.size_width)}
    if limits.spread_width:
        jump["part"] = Lanes(Number(limits.spread_width), limits.axes)
        axis |= {"spread": Number(limits.spread_width), "pitch": Number(limits.address_width)}
    loop: dict[str, Layout] = {"turns": Number(limits.size_width), "jump": jump}
    return {
        "origin": jump,
        "loops": Lanes(loop, limits.loops),
        "axes": Lanes(axis, limits.axes),
    }


def passing(limits: WalkLimits, fmt: Format) -> dict[str, Layout]:
    """Lay out one pass over a bank: the walk, and what follows from it.

    ``pad`` stands for each lane of a masked beat, ``release`` gives the bank back after the last
    beat, ``final`` lets that beat end the packet.
    """
    pad = Number(fmt.width, fmt.signed)
    return {"walk": walking(limits), "pad": pad, "release": FLAG, "final": FLAG}


def load(limits: WalkLimits, *, transposes: bool) -> dict[str, Layout]:
    """Lay out requests of ``vectors`` each, from the byte ``base`` on, in nested loops.

    The loops are innermost first.

    ``requests`` is how many there are: the product of the loops' counts; a stride counts bytes. The
    bank ``closes`` after the last of them, or goes on with the next load. ``turned``: each request
    is a square to transpose, and brings as many vectors into the bank as there are lanes.
    """
    loop = {"count": Number(limits.size_width + 1), "stride": Number(ADDRESS_WIDTH)}
    return {
        "base": Number(ADDRESS_WIDTH),
        "vectors": Number(limits.address_width + 1),
        "loops": Lanes(loop, limits.axes + 1),
        "requests": Number(limits.address_width + 1),
        "closes": FLAG,
        **({"turned": FLAG} if transposes else {}),
    }


def placing(limits: WalkLimits) -> dict[str, Layout]:
    """Lay out where a packet's vectors go: a walk over bytes, and ``length`` lanes of each.

    ``size`` is the power of 2 of an element's bytes. ``copied``: the vectors are those of the
    streamed operand, and not results. The walk has as many steps as the packet has vectors.
    """
    return {
        "walk": walking(limits),
        "length": Number(LENGTH_WIDTH),
        "size": Number(2),
        "copied": FLAG,
    }


def contents(hardware: ConvolutionHardware) -> dict[Opcode, dict[str, Layout]]:
    """Return what each kind of command carries behind its :data:`KIND`."""
    bound = Number(hardware.out_width + 1, signed=True)
    a, b = hardware.a_walks, hardware.b_walks
    return {
        Opcode.PRODUCT: {
            **dict.fromkeys(("m", "n", "k"), Number(DIM_WIDTH)),
            "output_stationary": FLAG,
            "rounding": Number(max(Rounding).bit_length()),
            **dict.fromkeys(("zero_point", "low", "high"), bound),
        },
        Opcode.A_PASS: passing(a, hardware.a_format),
        Opcode.B_PASS: passing(b, hardware.b_format),
        Opcode.A_LOAD: load(a, transposes=False),
        Opcode.B_LOAD: load(b, transposes=hardware.transposes),
        Opcode.PLACES: placing(hardware.places),
        Opcode.FENCE: {},
    }


def command_width(hardware: ConvolutionHardware) -> int:
    """Count the bits of a command, which has room for every kind."""
    return KIND.width + max(map(width, contents(hardware).values()))


def lane(hardware: ConvolutionHardware) -> dict[str, Layout]:
    """Lay out what a column of a product is requantized with; a beat has one for each column.

    ``multiplier`` and ``drop`` are those of :func:`golden.common.requantize.normalize_scale`.
    """
    drops = hardware.max_shift // STEP
    return {
        "offset": Number(offset_width(hardware.acc_width), signed=True),
        "multiplier": Number(hardware.multiplier_width + STEP),
        "drop": Number(max(drops, 1).bit_length()),
        "b_zero_point": Number(hardware.b_format.width + 1, signed=True),
    }
