"""HeatViT's classifier as products for an array: small layers of several heads side by side."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import NamedTuple

from gemmule.golden.tokens.heatvit import layer_shapes

from .chains import MatMul, Need, Plan

__all__ = ["Merged", "Part", "Shape", "add", "merge", "ways"]


class Part(NamedTuple):
    """A layer of a head; those of the heads' weights, `head1` and `head2`, are of all heads."""

    layer: str
    head: int = 0


@dataclass(frozen=True)
class Shape:
    """The classifier of ``heads`` x ``d`` channels on ``images`` of ``count`` tokens each."""

    heads: int
    d: int
    count: int
    images: int = 1

    @property
    def rows(self) -> int:
        """The number of tokens of all images."""
        return self.count * self.images

    def layer(self, name: str) -> tuple[int, int]:
        """Return inputs and outputs of a layer, the mean over tokens among them."""
        if name == "mean":
            return self.count, self.d // 2
        inputs, outputs = layer_shapes(self.heads, self.d, self.heads)[name][-2:]
        # The means of the heads' channels are part of the product: its weights are repeated.
        return (inputs * self.d, outputs) if name == "head1" else (inputs, outputs)


@dataclass(frozen=True)
class Merged:
    """Layers side by side, of the tokens ``low`` to ``high``.

    Their inputs lie beside each other, their weights on the diagonal, and between those zeros,
    which add nothing; bias, multiplier and shift go by column. The means of an image, ``1 / N`` of
    ``ones [1, N] @ halves [N, d/2]`` of each head, have their left operand in common instead.
    """

    parts: tuple[Part, ...]
    low: int
    high: int

    def product(self, shape: Shape) -> MatMul:
        """Return what the array multiplies."""
        inputs, outputs = zip(*(shape.layer(part.layer) for part in self.parts), strict=True)
        if self.parts[0].layer == "mean":
            return MatMul(1, shape.count, sum(outputs))
        return MatMul(self.high - self.low, sum(inputs), sum(outputs))

    def macs(self, shape: Shape) -> int:
        """Count the multiply-accumulates that the layers need: the zeros do not count."""
        sizes = (shape.layer(part.layer) for part in self.parts)
        tokens = 1 if self.parts[0].layer == "mean" else self.high - self.low
        return tokens * sum(inputs * outputs for inputs, outputs in sizes)


def ways(shape: Shape, rows: int, cols: int) -> Iterator[list[Merged]]:
    """Yield the classifier's products in several ways, for an array of ``rows`` x ``cols`` cells.

    Behind the mean, one part of the tokens may run while another's results are on their way, and
    its scores are out early; but a part of fewer tokens than rows can take as long as one of as
    many. Means of all heads are one product, or of as few as fill the rows.
    """
    images = tuple(range(shape.count, shape.rows, shape.count))
    cuts = [(), images] if images else [(), (shape.count // 2,)]
    if not images and shape.count > rows:
        cuts.append((shape.count - rows,))
    few = max(1, rows // (shape.d // 2))
    for cut, means in product(cuts, (shape.heads, few)):
        yield merge(shape, rows, cols, cut, means)


def merge(
    shape: Shape, rows: int, cols: int, cut: Sequence[int] = (), means: int = 1
) -> list[Merged]:
    """List the classifier's products, with as many heads side by side as rows and columns take.

    Behind the mean, the tokens are cut at ``cut``; ``means`` heads' means are one product.
    """
    d, heads = shape.d, shape.heads
    second = _groups("mlp2", heads, min(rows // (d // 2), cols // (d // 4)))
    third = _groups("mlp3", heads, min(rows // (d // 4), cols // 2))
    weights = (Part("head2"),)
    both = Merged(third[-1] + weights, 0, 1).product(shape)
    if both.k <= rows and both.n <= cols:
        third[-1] += weights
    else:
        third.append(weights)
    layers = (
        (_groups("feature", heads, 1), ()),
        (_groups("mean", heads, means), range(shape.count, shape.rows, shape.count)),
        ([(Part("head1"),)], ()),
        (_groups("mlp1", heads, 1), cut),
        (second, cut),
        (third, cut),
    )
    return [
        Merged(group, low, high)
        for groups, edges in layers
        for low, high in pairwise((0, *edges, shape.rows))
        for group in groups
    ]


def add(plan: Plan, merged: Sequence[Merged], shape: Shape, tokens: Sequence[int]) -> list[int]:
    """Add the products to ``plan``; ``tokens`` are the steps that give each head's channels."""
    numbers: list[int] = []
    for each in merged:
        needs, k = [], 0
        for part in each.parts:
            for source, start, right in _sources(part, shape):
                givers = [
                    number
                    for number, other in zip(numbers, merged, strict=False)
                    if source in other.parts and other.low < each.high and each.low < other.high
                ]
                if source.layer == "tokens":
                    givers = [tokens[source.head]]
                needs += [Need(giver, k + start, right) for giver in givers]
            k += shape.layer(part.layer)[0]
        numbers.append(plan.add(each.product(shape), *needs))
    return numbers


def _sources(part: Part, shape: Shape) -> Iterator[tuple[Part, int, bool]]:
    """Yield what a layer reads, from which of its inputs on, and whether as the right operand."""
    layer, head = part
    if layer == "feature":
        yield Part("tokens", head), 0, False
    elif layer == "head1":
        for each in range(shape.heads):
            yield Part("tokens", each), each * shape.d, False
    elif layer == "mean":
        yield Part("feature", head), 0, True
    elif layer == "mlp1":
        yield Part("feature", head), 0, False
        yield Part("mean", head), shape.d // 2, False
    else:
        before = {"mlp2": "mlp1", "mlp3": "mlp2", "head2": "head1"}
        yield Part(before[layer], head), 0, False


def _groups(layer: str, heads: int, size: int) -> list[tuple[Part, ...]]:
    parts = [Part(layer, head) for head in range(heads)]
    size = max(size, 1)
    return [tuple(parts[first : first + size]) for first in range(0, heads, size)]
