"""A convolution's program as numbers: the commands of the hardware, and their settings."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.common.lanes import Number, to_words
from gemmule.golden.common.memory import ADDRESS_WIDTH, LENGTH_WIDTH
from gemmule.golden.common.requantize import Rounding
from gemmule.golden.conv.commands import Opcode
from gemmule.golden.conv.hardware import ConvolutionHardware
from gemmule.golden.conv.layout import KIND, flat, lane
from gemmule.golden.conv.limits import WalkLimits
from gemmule.golden.systolic.beats import DIM_WIDTH

from .encode_walk import fields
from .image import RESULT, Image
from .layer import Layer
from .lower.operands import REORGANIZED
from .lower.program import Copy, Pass, Product
from .lower.schedule import Content, Fill

__all__ = ["commands", "pass_fields", "settings"]

ROUNDING_WIDTH = max(Rounding).bit_length()


def commands(
    hardware: ConvolutionHardware,
    layer: Layer,
    image: Image,
    order: Iterable[tuple[Opcode, Content]],
) -> list[int]:
    """Return the whole layer as one program, of :func:`golden.conv.layout.contents`."""
    return [
        _joined([(opcode, KIND.width), *_fields(hardware, layer, image, opcode, content)])
        for opcode, content in order
    ]


def settings(hardware: ConvolutionHardware, layer: Layer, made: Sequence[Product]) -> list[int]:
    """Return what the columns of each product are requantized with: a number for each product.

    Its lanes are those of :func:`golden.conv.layout.lane`, the first in the low bits.
    """
    widths = {name: number.width for name, number in flat(lane(hardware))}
    table = {name: np.zeros((len(made), hardware.cols), np.int64) for name in widths}
    for row, product in enumerate(made):
        for name, values in _column_settings(layer, product).items():
            table[name][row, : product.n] = values
    beats = to_words(
        *(
            (table[name][:, column], width)
            for column in range(hardware.cols)
            for name, width in widths.items()
        )
    )
    return [int.from_bytes(beat.tobytes(), "little") for beat in beats]


def _joined(numbers: Iterable[Number]) -> int:
    """Return numbers side by side, the first in the low bits; two's complement."""
    joined = at = 0
    for value, width in numbers:
        joined |= (int(value) & (1 << width) - 1) << at
        at += width
    return joined


def _column_settings(layer: Layer, product: Product) -> dict[str, NDArray[np.int64]]:
    """Return the settings of a product's columns; the zero points are in the offset."""
    span = slice(*product.columns)
    scale = layer.requantization
    multiplier, drop = scale.normalized()
    zero = layer.zeros.b[span]
    offset = scale.bias[span] - layer.zeros.a * (product.b_sum - product.k * zero)
    return {
        "offset": offset,
        "multiplier": multiplier[span],
        "drop": drop[span],
        "b_zero_point": zero,
    }


def _fields(
    hardware: ConvolutionHardware, layer: Layer, image: Image, opcode: Opcode, content: Content
) -> Iterator[Number]:
    """Yield the numbers of one command, in the order of its layout."""
    match opcode, content:
        case Opcode.PRODUCT, Product() as product:
            yield from _product(hardware, layer, product)
        case Opcode.A_PASS, Pass() as each:
            yield from pass_fields(each, hardware.a_walks, hardware.a_format.width)
        case Opcode.B_PASS, Pass() as each:
            yield from pass_fields(each, hardware.b_walks, hardware.b_format.width)
        case Opcode.PLACES, (Product() | Copy()) as step:
            yield from _places(hardware, image, step)
        case Opcode.A_LOAD | Opcode.B_LOAD, Fill() as fill:
            yield from _load(hardware, image, opcode, fill)


def _product(hardware: ConvolutionHardware, layer: Layer, product: Product) -> Iterator[Number]:
    scale, bound = layer.requantization, hardware.out_width + 1
    yield from ((size, DIM_WIDTH) for size in (product.m, product.n, product.k))
    yield int(product.stationary_sums), 1
    yield int(Rounding[scale.rounding.upper()]), ROUNDING_WIDTH
    yield from ((value, bound) for value in (scale.zero_point, scale.low, scale.high))


def pass_fields(each: Pass, limits: WalkLimits, width: int) -> list[Number]:
    """Return the numbers of :func:`golden.conv.layout.passing`, of a format of ``width`` bits."""
    return [
        *fields(each.walk, limits),
        (each.pad, width),
        (int(each.release), 1),
        (int(each.final), 1),
    ]


def _places(hardware: ConvolutionHardware, image: Image, step: Product | Copy) -> Iterator[Number]:
    name, length = (REORGANIZED, hardware.rows) if isinstance(step, Copy) else (RESULT, step.n)
    yield from fields(image.places(name, step.places), hardware.places)
    yield length, LENGTH_WIDTH
    yield image.sizes[name], 2
    yield int(isinstance(step, Copy)), 1


def _load(
    hardware: ConvolutionHardware, image: Image, opcode: Opcode, fill: Fill
) -> Iterator[Number]:
    second = opcode is Opcode.B_LOAD
    name, burst = fill.load.vectors.region, fill.burst
    limits = hardware.b_walks if second else hardware.a_walks
    count_width = limits.address_width + 1
    yield image.address("b" if second else "a", name, burst.first), ADDRESS_WIDTH
    yield fill.vectors, count_width
    for level in range(hardware.axes + 1):
        count, step = burst.loops[level] if level < len(burst.loops) else (1, 0)
        yield count, hardware.size_width + 1
        yield step << image.sizes[name], ADDRESS_WIDTH
    yield burst.requests, count_width
    yield int(fill.closes), 1
    if second and hardware.transposes:
        yield int(fill.load.transposed), 1
