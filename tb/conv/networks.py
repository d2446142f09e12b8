"""Strided layers of networks: what the backward benchmarks run on."""

from gemmule.golden.conv.geometry import Geometry

__all__ = ["LAYERS", "layer"]

LAYERS: dict[str, tuple[int, int, int, int, int, int]] = {
    "five 224x224 3-64 k3": (224, 3, 64, 3, 2, 0),
    "five 112x112 64-64 k3": (112, 64, 64, 3, 2, 1),
    "five 56x56 256-512 k1": (56, 256, 512, 1, 2, 0),
    "five 28x28 244-244 k3": (28, 244, 244, 3, 2, 1),
    "five 14x14 1024-2048 k1": (14, 1024, 2048, 1, 2, 0),
    "resnet50 224x224 3-64 k7": (224, 3, 64, 7, 2, 3),
    "resnet50 56x56 128-128 k3": (56, 128, 128, 3, 2, 1),
    "resnet50 28x28 256-256 k3": (28, 256, 256, 3, 2, 1),
    "resnet50 28x28 512-1024 k1": (28, 512, 1024, 1, 2, 0),
    "resnet50 14x14 512-512 k3": (14, 512, 512, 3, 2, 1),
    "alexnet 224x224 3-64 k11": (224, 3, 64, 11, 4, 2),
}
"""Side, input and output channels, kernel, stride, padding.

``five``: the list that is recalled as BP-im2col's own (arXiv 2209.09434), so ours by choice. The
other layers of ResNet-50, 56x56 256-512 and 14x14 1024-2048, are in that list already.
"""


def layer(name: str, batch: int = 2) -> Geometry:
    """Return the layer of :data:`LAYERS` with this name."""
    side, channels, filters, kernel, stride, padding = LAYERS[name]
    return Geometry(
        batch=batch,
        channels=channels,
        filters=filters,
        size=(side, side),
        kernel=(kernel, kernel),
        stride=stride,
        padding=padding,
    )
