"""Layers of networks as they are published, each shape once, with how often it occurs."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from gemmule.golden.conv.geometry import Geometry

__all__ = [
    "DEIT_S",
    "MOBILENET_V2",
    "RESNET50",
    "VIT_TI_BLOCK",
    "Product",
    "label",
    "macs_of",
    "strided",
]


@dataclass(frozen=True)
class Product:
    """A matrix product of M rows, N columns and sums over K."""

    m: int
    n: int
    k: int


Layer = Geometry | Product


def _conv(side: int, channels: int, filters: int, kernel: int, stride: int = 1, groups: int = 1):
    """Return a convolution whose padding lets a stride of 1 keep the sides."""
    return Geometry(
        batch=1,
        channels=channels,
        filters=filters,
        size=(side, side),
        kernel=(kernel, kernel),
        stride=stride,
        padding=kernel // 2,
        groups=groups,
    )


def _resnet50() -> Iterator[Geometry]:
    """Yield the convolutions of He et al., CVPR 2016, table 1, strides in the 3 x 3 layers."""
    yield _conv(224, 3, 64, 7, 2)
    side, channels = 56, 64
    for stage, blocks in enumerate((3, 4, 6, 3)):
        width = 64 << stage
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            yield _conv(side, channels, width, 1)
            yield _conv(side, width, width, 3, stride)
            if not block:
                yield _conv(side, channels, 4 * width, 1, stride)
            side, channels = side // stride, 4 * width
            yield _conv(side, width, channels, 1)


def _mobilenet_v2() -> Iterator[Geometry]:
    """Yield the convolutions of Sandler et al., CVPR 2018, table 2, width 1."""
    yield _conv(224, 3, 32, 3, 2)
    side, channels = 112, 32
    table = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2))
    table += ((6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
    for expansion, filters, repeats, first in table:
        for repeat in range(repeats):
            stride, wide = 1 if repeat else first, expansion * channels
            if expansion > 1:
                yield _conv(side, channels, wide, 1)
            yield _conv(side, wide, wide, 3, stride, groups=wide)
            side, channels = side // stride, filters
            yield _conv(side, wide, filters, 1)
    yield _conv(side, channels, 1280, 1)


def _transformer(tokens: int, width: int, heads: int) -> Iterator[Product]:
    """Yield the products of a block: q, k, v, each head's attention, projection, MLP."""
    yield Product(tokens, 3 * width, width)
    for _ in range(heads):
        yield Product(tokens, tokens, width // heads)
        yield Product(tokens, width // heads, tokens)
    yield Product(tokens, width, width)
    yield Product(tokens, 4 * width, width)
    yield Product(tokens, width, 4 * width)


RESNET50: Counter[Layer] = Counter(_resnet50())
MOBILENET_V2: Counter[Layer] = Counter(_mobilenet_v2())
VIT_TI_BLOCK: Counter[Layer] = Counter(_transformer(197, 192, 3))
DEIT_S: Counter[Layer] = Counter(list(_transformer(197, 384, 6)) * 12)
"""Of a block of ViT-Ti (Touvron et al., ICML 2021) and of the twelve blocks of DeiT-S."""


def strided(network: Counter[Layer]) -> list[Geometry]:
    """Return the convolutions with a stride above 1, but for those whose input has no gradient."""
    found = [each for each in network if isinstance(each, Geometry) and max(each.stride) > 1]
    return [each for each in found if each.channels > 3]


def label(layer: Layer) -> str:
    """Name a layer by its sizes."""
    if isinstance(layer, Product):
        return f"{layer.m}x{layer.k} @ {layer.k}x{layer.n}"
    side, kernel = layer.size[0], layer.kernel[0]
    text = f"{side}x{side} {layer.channels}-{layer.filters} k{kernel}"
    text += f" s{layer.stride[0]}" if layer.stride[0] > 1 else ""
    return text + (" depthwise" if layer.groups > 1 else "")


def macs_of(network: Counter[Layer]) -> int:
    """Count multiply-accumulates."""
    return sum(
        count * (each.macs if isinstance(each, Geometry) else each.m * each.n * each.k)
        for each, count in network.items()
    )
