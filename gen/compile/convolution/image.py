"""The memory of one convolution: where its operands and its result lie, in bytes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format
from gemmule.golden.common.memory import ADDRESS_WIDTH, element_size
from gemmule.golden.conv.hardware import ConvolutionHardware
from gemmule.golden.conv.pattern import Axis, Loop, Walk

from .lower.operands import GRADIENT, INPUT, REORGANIZED, WEIGHTS, Operands
from .lower.result_addresses import result_shape
from .lower.target import Target

__all__ = ["RESULT", "Image", "check_extent", "stored"]

RESULT = "result"
ALIGNMENT = 64
UNTOUCHED = 0xA5
"""What every byte is that the host does not set: a result that nobody writes shows."""


@dataclass(frozen=True)
class Image:
    """Maps one after the other, and what part of them each side reaches.

    Attributes
    ----------
    size : bytes of the whole
    filled : the maps that the host fills, as bytes
    bases : the first byte of each map
    sizes : of each map, the power of 2 of an element's bytes
    regions
        The bytes that loads of ``a``, loads of ``b`` and places of ``c`` reach: from the first of
        each its addresses count. Those of ``a`` or ``b`` meet those of ``c`` where a map is
        written and then read.
    """

    size: int
    filled: Mapping[str, NDArray[np.uint8]]
    bases: Mapping[str, int]
    sizes: Mapping[str, int]
    regions: Mapping[str, range]

    @classmethod
    def lay_out(
        cls, hardware: ConvolutionHardware, operands: Operands, fmt: Format, *, whole: bool
    ) -> "Image":
        """Return the operands, room for a reorganized map where there will be one, and a result.

        With ``whole``, each region is all of the image.
        """
        target, maps = operands.target, operands.filled
        extents = {name: elements.size for name, elements in maps.items()}
        if target.stores_zeros:
            extents[REORGANIZED] = operands.reorganized_extent
        extents[RESULT] = prod(result_shape(target))
        sizes = _sizes(hardware, target, fmt)
        bases, ends, end = {}, {}, 0
        for name, extent in extents.items():
            bases[name] = end
            ends[name] = end + (extent << sizes[name])
            end = -(-ends[name] // ALIGNMENT) * ALIGNMENT
        _check_end(end)
        filled = {name: stored(elements, sizes[name]) for name, elements in maps.items()}
        regions = {
            side: range(end) if whole else range(bases[names[0]], ends[names[-1]])
            for side, names in _reached(target).items()
        }
        return cls(end, filled, bases, sizes, regions)

    def fill(self, memory: NDArray[np.uint8], first: int = 0) -> None:
        """Write the maps that the host fills to memory, which begins at the image's byte ``first``.

        Maps that are not wholly there are left out.
        """
        for name, octets in self.filled.items():
            begin, end = self.bases[name] - first, self.bases[name] - first + len(octets)
            if begin >= 0 and end <= len(memory):
                memory[begin:end] = octets

    @property
    def bytes(self) -> NDArray[np.uint8]:
        """The whole before a run."""
        octets = np.full(self.size, UNTOUCHED, np.uint8)
        self.fill(octets)
        return octets

    @property
    def pieces(self) -> Iterator[tuple[range, tuple[str, ...]]]:
        """Yield bytes that must lie together, and the sides whose regions they are."""
        order = sorted(self.regions, key=lambda side: self.regions[side].start)
        piece = self.regions[order[0]]
        sides: tuple[str, ...] = ()
        for side in order:
            region = self.regions[side]
            if region.start >= piece.stop:
                yield piece, sides
                piece, sides = region, ()
            piece, sides = range(piece.start, max(piece.stop, region.stop)), (*sides, side)
        yield piece, sides

    def address(self, side: str, name: str, element: int) -> int:
        """Return the address of an element's first byte, from where the side's region begins."""
        return self.bases[name] - self.regions[side].start + (element << self.sizes[name])

    def places(self, name: str, walk: Walk) -> Walk:
        """Return a walk over elements as one over bytes of the region of ``c``."""
        size = self.sizes[name]
        return Walk(
            axes=tuple(Axis(a.start, a.limit, a.pitch << size, a.spread) for a in walk.axes),
            loops=tuple(Loop(each.bound, each.moves, each.step << size) for each in walk.loops),
            base=self.address("c", name, walk.base),
        )

    def with_results(
        self, where: NDArray[np.int64], values: NDArray[np.int64]
    ) -> NDArray[np.uint8]:
        """Return the whole after a run wrote ``values`` to the elements ``where`` of the result."""
        size, after = self.sizes[RESULT], self.bytes
        octets = values.astype("<i8").view(np.uint8).reshape(-1, 8)[:, : 1 << size]
        first = self.bases[RESULT] + (where << size)
        after[first[:, None] + np.arange(1 << size)] = octets
        return after

    def results(
        self, octets: NDArray[np.uint8], shape: tuple[int, ...], fmt: Format
    ) -> NDArray[np.int64]:
        """Return the elements of the result, of the bytes of the region of ``c`` after a run."""
        size, base = self.sizes[RESULT], self.address("c", RESULT, 0)
        octets = np.ascontiguousarray(octets[base : base + (prod(shape) << size)])
        elements = octets.view(f"<i{1 << size}").astype(np.int64).reshape(shape)
        # Lanes have a sign: without one, a result as wide as they are is extended by its top bit.
        return elements if fmt.signed else elements & ((1 << fmt.width) - 1)


def stored(elements: NDArray[np.integer], size: int) -> NDArray[np.uint8]:
    """Return elements of ``2**size`` bytes each."""
    return elements.astype(f"<i{1 << size}").view(np.uint8)


def check_extent(
    hardware: ConvolutionHardware, target: Target, fmt: Format, shapes: Sequence[Sequence[int]]
) -> None:
    """Refuse maps that addresses cannot reach, before any is laid out.

    ``shapes`` are those of the operands as they are given; the result's is known.
    """
    sizes = _sizes(hardware, target, fmt)
    maps = zip((*shapes, result_shape(target)), (*target.operation.maps, RESULT), strict=True)
    _check_end(sum(prod(shape) << sizes[name] for shape, name in maps))


def _check_end(end: int) -> None:
    if end > 1 << ADDRESS_WIDTH:
        raise UsageError(f"the layer's maps take {end} bytes; addresses reach {1 << ADDRESS_WIDTH}")


def _sizes(hardware: ConvolutionHardware, target: Target, fmt: Format) -> dict[str, int]:
    """Return how large elements are: as large as the side that reads them takes them."""
    formats = hardware.a_format, hardware.b_format, fmt
    a, b, result = (element_size(each.width) for each in formats)
    last = b if target.operation.maps[1] == GRADIENT else a
    compact = a if target.stores_zeros else last
    return {INPUT: a, WEIGHTS: b, GRADIENT: compact, REORGANIZED: last, RESULT: result}


def _reached(target: Target) -> dict[str, tuple[str, ...]]:
    """Return the maps that each side reaches, neighbors, in the order in which they lie.

    What is reorganized is read as a streamed operand, written, and read back by its own side.
    """
    a, b = target.operation.maps
    if not target.stores_zeros:
        return {"a": (a,), "b": (b,), "c": (RESULT,)}
    last = b == GRADIENT
    return {
        "a": (a, GRADIENT) if last else (GRADIENT, REORGANIZED),
        "b": (REORGANIZED,) if last else (b,),
        "c": (REORGANIZED, RESULT),
    }
