"""A convolution's program as the commands of the hardware."""

from collections.abc import Iterator, Sequence

import numpy as np
from amaranth import Shape
from numpy.typing import NDArray

from gemmule.gen.block import Beats
from gemmule.golden.common.lanes import Number, last_of, rows_to_words, to_words, words
from gemmule.golden.common.memory import ADDRESS_WIDTH, LENGTH_WIDTH
from gemmule.golden.common.requantize import Rounding
from gemmule.golden.conv.commands import Opcode
from gemmule.golden.systolic.beats import DIM_WIDTH
from gemmule.hw.common.stream.payload import packet
from gemmule.hw.conv.command import command_layout
from gemmule.hw.conv.params import LayerParams
from gemmule.hw.conv.walk_params import BpParams

from .encode_walk import fields
from .image import RESULT, Image
from .layer import Layer
from .lower.operands import REORGANIZED
from .lower.program import Copy, Pass, Product
from .lower.schedule import Content, Fill

__all__ = ["commands", "pass_fields", "scales"]


def commands(
    params: LayerParams,
    layer: Layer,
    image: Image,
    order: Sequence[tuple[Opcode, Content]],
) -> Beats:
    """Encode the whole layer as one program: a packet, which ends when all results are written."""
    layout = packet(command_layout(params))
    width = command_layout(params)["kind"].width
    last = layout["last"].offset
    beats = np.zeros((len(order), words(layout.size)), np.uint32)
    opcodes = np.array([opcode.value for opcode, _ in order])
    for opcode in Opcode:
        rows = [
            [(opcode.value, width), *_fields(params, layer, image, opcode, content)]
            for each, content in order
            if each is opcode
        ]
        if rows:
            packed = rows_to_words(rows)
            beats[opcodes == opcode.value, : packed.shape[1]] = packed
    beats[-1, last // 32] |= np.uint32(1 << last % 32)
    return beats


def scales(params: LayerParams, layer: Layer, made: Sequence[Product]) -> Beats:
    """Encode what the columns of each product are requantized with: a packet, a beat a product."""
    layout = params.core.requantizer.lane_layout
    table = {name: np.zeros((len(made), params.cols), np.int64) for name in layout.members}
    for number, product in enumerate(made):
        for name, values in _column_scales(layer, product).items():
            table[name][number, : product.n] = values
    lanes = [
        (table[name][:, lane], field.width) for lane in range(params.cols) for name, field in layout
    ]
    return to_words(*lanes, (last_of(len(made)), 1))


def _column_scales(layer: Layer, product: Product) -> dict[str, NDArray[np.int64]]:
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
    params: LayerParams, layer: Layer, image: Image, opcode: Opcode, content: Content
) -> Iterator[Number]:
    """Yield the numbers of one command, in the order of its layout."""
    core = params.core
    match opcode, content:
        case Opcode.PRODUCT, Product() as product:
            yield from _product(params, layer, product)
        case Opcode.A_PASS, Pass() as each:
            yield from pass_fields(each, params.a_walks, core.a_format.width)
        case Opcode.B_PASS, Pass() as each:
            yield from pass_fields(each, params.b_walks, core.b_format.width)
        case Opcode.PLACES, (Product() | Copy()) as step:
            yield from _places(params, image, step)
        case Opcode.A_LOAD | Opcode.B_LOAD, Fill() as fill:
            yield from _load(params, image, opcode, fill)


def _product(params: LayerParams, layer: Layer, product: Product) -> Iterator[Number]:
    scale, bound = layer.requantization, params.out_width + 1
    yield from ((size, DIM_WIDTH) for size in (product.m, product.n, product.k))
    yield int(product.stationary_sums), 1
    yield int(Rounding[scale.rounding.upper()]), Shape.cast(Rounding).width
    yield from ((value, bound) for value in (scale.zero_point, scale.low, scale.high))


def pass_fields(each: Pass, params: BpParams, width: int) -> list[Number]:
    """Return the numbers of :func:`hw.conv.operand.pass_layout`, of a format of ``width`` bits."""
    return [
        *fields(each.walk, params),
        (each.pad, width),
        (int(each.release), 1),
        (int(each.final), 1),
    ]


def _places(params: LayerParams, image: Image, step: Product | Copy) -> Iterator[Number]:
    region, length = (REORGANIZED, params.rows) if isinstance(step, Copy) else (RESULT, step.n)
    yield from fields(image.places(region, step.places), params.places)
    yield length, LENGTH_WIDTH
    yield image.sizes[region], 2
    yield int(isinstance(step, Copy)), 1


def _load(params: LayerParams, image: Image, opcode: Opcode, fill: Fill) -> Iterator[Number]:
    region, burst = fill.load.vectors.region, fill.burst
    depth = params.x_depth if opcode is Opcode.A_LOAD else params.w_depth
    yield image.address(region, burst.first), ADDRESS_WIDTH
    yield fill.vectors, depth.bit_length()
    for level in range(params.AXES + 1):
        count, step = burst.loops[level] if level < len(burst.loops) else (1, 0)
        yield count, params.size_width + 1
        yield (step << image.sizes[region]) % (1 << ADDRESS_WIDTH), ADDRESS_WIDTH
    yield burst.requests, depth.bit_length()
    yield int(fill.closes), 1
    if opcode is Opcode.B_LOAD and params.transposes:
        yield int(fill.load.transposed), 1
