"""A layer compiled: its program, what lies in memory before it, and the result behind it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gemmule.golden.common.formats import check_values
from gemmule.golden.conv.commands import Opcode
from gemmule.golden.conv.hardware import ConvolutionHardware
from gemmule.golden.conv.records import beat_units, command_units, packed

from .checks import check_banks, check_sums, check_width
from .encode import commands, settings
from .groups import Merge
from .image import Image, check_extent, stored
from .layer import Arrays, ConvRun, Layer
from .lower.lowering import lowered
from .lower.operands import Operands
from .lower.program import Copy, Product
from .lower.result_addresses import gathered, result_shape
from .lower.schedule import Content, scheduled

__all__ = ["Compiled", "compiled", "refuse"]


@dataclass(frozen=True, eq=False)
class Compiled:
    """A layer for some hardware.

    Attributes
    ----------
    hardware
    layer : what was asked for, checked
    merge : how its groups lie side by side
    lowered : the layer that follows from both, which is what the program computes
    steps : products and copies, in order
    order : the commands, in order, and what each carries
    commands : the commands as numbers, of :mod:`golden.conv.layout`
    settings : what the columns of each product are requantized with, as numbers
    image : the memory, and the regions of it that the sides of the array reach
    """

    hardware: ConvolutionHardware
    layer: Layer
    merge: Merge
    lowered: Layer
    steps: Sequence[Product | Copy]
    order: Sequence[tuple[Opcode, Content]]
    commands: Sequence[int]
    settings: Sequence[int]
    image: Image

    @property
    def products(self) -> list[Product]:
        """Those of the steps that multiply."""
        return [step for step in self.steps if isinstance(step, Product)]

    @cached_property
    def program(self) -> bytes:
        """The commands, and the settings behind them, as records in memory."""
        return packed(self.commands, command_units(self.hardware)) + packed(
            self.settings, beat_units(self.hardware)
        )

    @property
    def command_units(self) -> int:
        """The units of the program that are commands."""
        return len(self.commands) * command_units(self.hardware)

    @property
    def units(self) -> int:
        """The units of the whole program."""
        return self.command_units + len(self.settings) * beat_units(self.hardware)

    @property
    def after(self) -> NDArray[np.uint8]:
        """The image after a run, results that nobody asked for included."""
        shape = result_shape(self.merge.target)
        places = gathered(self.merge.target, np.arange(np.prod(shape)).reshape(shape))
        return self.image.with_results(places.ravel(), self.lowered.golden.ravel())

    def refilled(self, array: NDArray) -> "Compiled":
        """Return the same for another streamed operand, as large: all but its map stays."""
        name, (streamed, _) = self.layer.operation.arrays[0], self.layer.operation.maps
        fmt = self.hardware.format_of(name)
        check_values(name, array, fmt, shape=self.layer.a.shape)
        layer = replace(self.layer, a=np.asarray(array).astype(fmt.dtype))
        lowered = replace(self.lowered, a=self.merge.streamed(layer.a))
        elements = Operands(self.merge.target, lowered.a, lowered.b).elements(streamed)
        octets = stored(elements, self.image.sizes[streamed])
        image = replace(self.image, filled={**self.image.filled, streamed: octets})
        return replace(self, layer=layer, lowered=lowered, image=image)

    def result(self, octets: NDArray[np.uint8]) -> NDArray:
        """Return the result as the user has it, of the bytes of the region of ``c``."""
        target, fmt = self.merge.target, self.layer.requantization.format
        table = self.image.results(octets, result_shape(target), fmt)
        return self.merge.picked(gathered(target, table)).astype(fmt.dtype)


def refuse(hardware: ConvolutionHardware, run: ConvRun, arrays: Arrays) -> tuple[Layer, Merge]:
    """Refuse a wrong layer and, by arithmetic on its sizes, too large sums and maps.

    What is returned has its operands as they are given.
    """
    layer = Layer.refuse(hardware, run, arrays)
    merge = Merge.best(hardware, layer.target(hardware))
    fmt = layer.requantization.format
    check_extent(hardware, merge.target, fmt, (layer.a.shape, layer.b.shape))
    check_width(hardware, run, run.operation.products(layer.geometry))
    return layer, merge


def compiled(
    hardware: ConvolutionHardware, run: ConvRun, arrays: Arrays, *, whole: bool = False
) -> Compiled:
    """Cut a layer to some hardware; lay out its memory, loads, passes and products.

    :class:`UsageError` names what is wrong with the layer, or what the hardware has no room for.
    Addresses in commands count from the beginning of their side's region of the image; with
    ``whole`` each of the regions is all of it.
    """
    layer, merge = refuse(hardware, run, arrays)
    layer = layer.narrowed(hardware)
    target, dense = merge.target, merge.layer(layer)
    operands = Operands(target, dense.a, dense.b)
    steps = list(lowered(operands))
    made = [step for step in steps if isinstance(step, Product)]
    check_sums(hardware, run, made, target, layer.geometry)
    check_banks(hardware, steps)
    image = Image.lay_out(hardware, operands, dense.requantization.format, whole=whole)
    order = list(scheduled(steps, target.hardware))
    return Compiled(
        hardware,
        layer,
        merge,
        dense,
        steps,
        order,
        commands(hardware, dense, image, order),
        settings(hardware, dense, made),
        image,
    )
