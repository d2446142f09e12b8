"""A convolution's program as the commands of the hardware."""

from collections.abc import Iterator, Sequence

import numpy as np
from amaranth import Shape

from gemmule.gen.block import Beats
from gemmule.golden.common.lanes import Field, pack_rows, words
from gemmule.golden.common.memory import ADDRESS_WIDTH, LENGTH_WIDTH
from gemmule.golden.common.requantize import Rounding
from gemmule.golden.conv.layout import SPREAD
from gemmule.golden.conv.order import Fill, Kind
from gemmule.golden.conv.program import Copy, Pass, Product
from gemmule.golden.systolic.beats import DIM_WIDTH
from gemmule.hw.common.streams import packet
from gemmule.hw.conv.command import command_layout
from gemmule.hw.conv.params import LayerParams
from gemmule.hw.conv.walk_params import BpParams

from .image import RESULT, Image
from .layer import Layer
from .walks import fields

__all__ = ["commands", "pass_beats"]


def commands(
    params: LayerParams,
    layer: Layer,
    image: Image,
    order: Sequence[tuple[Kind, object]],
) -> Beats:
    """The whole layer as one program: a packet, which ends when all results are written."""
    layout = packet(command_layout(params))
    kind_width = command_layout(params)["kind"].width
    last = layout["last"].offset
    beats = np.zeros((len(order), words(layout.size)), np.uint32)
    kinds = np.array([kind.value for kind, _ in order])
    for kind in Kind:
        rows = [
            [(kind.value, kind_width), *_fields(params, layer, image, kind, content)]
            for each, content in order if each is kind
        ]  # fmt: skip
        if rows:
            packed = pack_rows(rows)
            beats[kinds == kind.value, : packed.shape[1]] = packed
    beats[-1, last // 32] |= np.uint32(1 << last % 32)
    return beats


def pass_beats(passes: Sequence[Pass], params: BpParams, width: int) -> Beats:
    """Passes as the beats of ``hw.conv.operand.pass_layout``, of a format of ``width`` bits."""
    return pack_rows([_pass(each, params, width) for each in passes])


def _fields(
    params: LayerParams, layer: Layer, image: Image, kind: Kind, content: object
) -> Iterator[Field]:
    """The numbers of one command, in the order of its layout."""
    core = params.core
    if kind is Kind.PRODUCT:
        yield from _product(params, layer, content)
    elif kind is Kind.X_PASS:
        yield from _pass(content, params.x_walks, core.a_format.width)
    elif kind is Kind.W_PASS:
        yield from _pass(content, params.w_walks, core.b_format.width)
    elif kind is Kind.PLACES:
        yield from _places(params, image, content)
    elif kind is not Kind.FENCE:
        yield from _load(params, image, kind, content)


def _product(params: LayerParams, layer: Layer, product: Product) -> Iterator[Field]:
    scale, bound = layer.requantization, params.out_width + 1
    yield from ((size, DIM_WIDTH) for size in (product.m, product.n, product.k))
    yield int(product.stationary_sums), 1
    yield int(Rounding[scale.rounding.upper()]), Shape.cast(Rounding).width
    yield from ((value, bound) for value in (scale.zero_point, scale.low, scale.high))


def _pass(each: Pass, params: BpParams, width: int) -> list[Field]:
    return [
        *fields(each.walk, params), (each.pad, width), (int(each.release), 1), (int(each.final), 1),
    ]  # fmt: skip


def _places(params: LayerParams, image: Image, step: Product | Copy) -> Iterator[Field]:
    copied = isinstance(step, Copy)
    region = SPREAD if copied else RESULT
    yield from fields(image.places(region, step.places), params.places)
    yield params.rows if copied else step.n, LENGTH_WIDTH
    yield image.sizes[region], 2
    yield int(copied), 1


def _load(params: LayerParams, image: Image, kind: Kind, fill: Fill) -> Iterator[Field]:
    region, run = fill.load.vectors.region, fill.run
    depth = params.x_depth if kind is Kind.X_LOAD else params.w_depth
    yield image.address(region, run.first), ADDRESS_WIDTH
    yield fill.vectors, depth.bit_length()
    for level in range(params.AXES + 1):
        count, step = run.loops[level] if level < len(run.loops) else (1, 0)
        yield count, params.size_width + 1
        yield (step << image.sizes[region]) % (1 << ADDRESS_WIDTH), ADDRESS_WIDTH
    yield run.requests, depth.bit_length()
    yield int(fill.closes), 1
    if kind is Kind.W_LOAD and params.turns:
        yield int(fill.load.turned), 1
