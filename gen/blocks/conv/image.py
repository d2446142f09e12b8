"""The external memory of one convolution: where its operands and its result lie, in bytes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format
from gemmule.golden.common.memory import ADDRESS_WIDTH, element_size
from gemmule.golden.conv.pattern import Axis, Loop, Walk
from gemmule.hw.conv.params import LayerParams

from .lower.operands import GRADIENT, INPUT, REORGANIZED, WEIGHTS, Operands
from .lower.result_addresses import result_shape
from .lower.target import Target

__all__ = ["RESULT", "Image", "check_extent"]

RESULT = "result"
ALIGNMENT = 64
UNTOUCHED = 0xA5
"""What every byte is that the host does not set: a result that nobody writes shows."""


@dataclass(frozen=True)
class Image:
    """Regions one after the other: ``bases`` in bytes, ``sizes`` as powers of 2 of an element's."""

    bytes: NDArray[np.uint8]
    bases: Mapping[str, int]
    sizes: Mapping[str, int]

    @classmethod
    def lay_out(cls, params: LayerParams, operands: Operands, fmt: Format) -> "Image":
        """Return the operands, room for a reorganized map where there will be one, and a result."""
        target, maps = operands.target, operands.filled
        extents = {name: elements.size for name, elements in maps.items()}
        if target.stores_zeros:
            extents[REORGANIZED] = operands.reorganized_extent
        extents[RESULT] = prod(result_shape(target))
        sizes = _sizes(params, target, fmt)
        bases, end = {}, 0
        for name, extent in extents.items():
            bases[name] = end
            end += -(-(extent << sizes[name]) // ALIGNMENT) * ALIGNMENT
        _check_end(end)
        image = np.full(end, UNTOUCHED, np.uint8)
        for name, elements in maps.items():
            octets = elements.astype(f"<i{1 << sizes[name]}").view(np.uint8)
            image[bases[name] : bases[name] + len(octets)] = octets
        return cls(image, bases, sizes)

    def address(self, region: str, element: int) -> int:
        """Return the address of an element's first byte."""
        return self.bases[region] + (element << self.sizes[region])

    def places(self, region: str, walk: Walk) -> Walk:
        """Return a walk over elements as one over bytes."""
        size = self.sizes[region]
        return Walk(
            axes=tuple(Axis(a.start, a.limit, a.pitch << size, a.spread) for a in walk.axes),
            loops=tuple(Loop(each.bound, each.moves, each.step << size) for each in walk.loops),
            base=self.address(region, walk.base),
        )

    def with_results(
        self, where: NDArray[np.int64], values: NDArray[np.int64]
    ) -> NDArray[np.uint8]:
        """Return the image after a run wrote ``values`` to the elements ``where`` of the result."""
        size, after = self.sizes[RESULT], self.bytes.copy()
        octets = values.astype("<i8").view(np.uint8).reshape(-1, 8)[:, : 1 << size]
        first = self.bases[RESULT] + (where << size)
        after[first[:, None] + np.arange(1 << size)] = octets
        return after

    def results(
        self, memory: NDArray[np.uint8], shape: tuple[int, ...], fmt: Format
    ) -> NDArray[np.int64]:
        """Return the elements of the result after a run."""
        size, base = self.sizes[RESULT], self.bases[RESULT]
        octets = np.ascontiguousarray(memory[base : base + (int(np.prod(shape)) << size)])
        elements = octets.view(f"<i{1 << size}").astype(np.int64).reshape(shape)
        # Lanes have a sign: without one, a result as wide as they are is extended by its top bit.
        return elements if fmt.signed else elements & ((1 << fmt.width) - 1)


def check_extent(
    params: LayerParams, target: Target, fmt: Format, shapes: Sequence[Sequence[int]]
) -> None:
    """Refuse maps that addresses cannot reach, before any is laid out.

    ``shapes`` are those of the operands as they are given; the result's is known.
    """
    sizes = _sizes(params, target, fmt)
    regions = zip((*shapes, result_shape(target)), (*target.operation.maps, RESULT), strict=True)
    _check_end(sum(prod(shape) << sizes[region] for shape, region in regions))


def _check_end(end: int) -> None:
    if end > 1 << ADDRESS_WIDTH:
        raise UsageError(f"the layer's maps take {end} bytes; addresses reach {1 << ADDRESS_WIDTH}")


def _sizes(params: LayerParams, target: Target, fmt: Format) -> dict[str, int]:
    """Return how large elements are: as large as the side that reads them takes them."""
    core = params.core
    a, b, result = (element_size(f.width) for f in (core.a_format, core.b_format, fmt))
    last = b if target.operation.maps[1] == GRADIENT else a
    compact = a if target.stores_zeros else last
    return {INPUT: a, WEIGHTS: b, GRADIENT: compact, REORGANIZED: last, RESULT: result}
