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
from .image import Image, check_extent, stored
from .layer import Arrays, ConvRun, Layer
from .lower.lowering import lowered
from .lower.operands import Operands
from .lower.program import Copy, Product
from .lower.result_addresses import gathered, result_shape
from .lower.schedule import Content, scheduled
from .lower.target import Hardware, Target

__all__ = ["Compiled", "compiled", "refuse"]


@dataclass(frozen=True, eq=False)
class Compiled:
    """A layer for some hardware.

    Attributes
    ----------
    hardware
    layer : what was asked for, checked
    target : what was lowered
    steps : products and copies, in order
    order : the commands, in order, and what each carries
    commands : the commands as numbers, of :mod:`golden.conv.layout`
    settings : what the columns of each product are requantized with, as numbers
    image : the memory, and the regions of it that the sides of the array reach
    """

    hardware: ConvolutionHardware
    layer: Layer
    target: Target
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
    def places(self) -> NDArray[np.int64]:
        """The element of the result in memory at which each of the user's lies."""
        shape = result_shape(self.target)
        return gathered(self.target, np.arange(np.prod(shape)).reshape(shape))

    def refilled(self, array: NDArray) -> "Compiled":
        """Return the same for another streamed operand, as large: all but its map stays."""
        name, (streamed, _) = self.layer.operation.arrays[0], self.target.operation.maps
        fmt, layer = self.hardware.format_of(name), self.layer
        check_values(name, array, fmt, shape=layer.a.shape)
        layer = replace(layer, a=np.asarray(array).astype(fmt.dtype))
        elements = Operands(self.target, layer.a, layer.b).elements(streamed)
        octets = stored(elements, self.image.sizes[streamed])
        image = replace(self.image, filled={**self.image.filled, streamed: octets})
        return replace(self, layer=layer, image=image)

    def result(self, octets: NDArray[np.uint8]) -> NDArray:
        """Return the result as the user has it, of the bytes of the region of ``c``."""
        fmt = self.layer.requantization.format
        table = self.image.results(octets, result_shape(self.target), fmt)
        return gathered(self.target, table).astype(fmt.dtype)


def refuse(hardware: ConvolutionHardware, run: ConvRun, arrays: Arrays) -> None:
    """Refuse a wrong layer and, by arithmetic on its sizes, too large sums and maps."""
    layer = Layer.refuse(hardware, run, arrays)
    geometry, fmt = layer.geometry, layer.requantization.format
    target = layer.target(Hardware.of(hardware))
    check_extent(hardware, target, fmt, (layer.a.shape, layer.b.shape))
    check_width(hardware, run, run.operation.products(geometry))


def compiled(
    hardware: ConvolutionHardware, run: ConvRun, arrays: Arrays, *, whole: bool = False
) -> Compiled:
    """Cut a layer to some hardware; lay out its memory, loads, passes and products.

    :class:`UsageError` names what is wrong with the layer, or what the hardware has no room for.
    Addresses in commands count from the beginning of their side's region of the image; with
    ``whole`` each of the regions is all of it.
    """
    refuse(hardware, run, arrays)
    layer = Layer.check(hardware, run, arrays)
    sizes = Hardware.of(hardware)
    target = layer.target(sizes)
    operands = Operands(target, layer.a, layer.b)
    steps = list(lowered(operands))
    made = [step for step in steps if isinstance(step, Product)]
    check_sums(hardware, layer, made, target)
    check_banks(hardware, steps)
    image = Image.lay_out(hardware, operands, layer.requantization.format, whole=whole)
    order = list(scheduled(steps, sizes))
    return Compiled(
        hardware,
        layer,
        target,
        steps,
        order,
        commands(hardware, layer, image, order),
        settings(hardware, layer, made),
        image,
    )
