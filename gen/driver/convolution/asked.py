"""A convolution as a user asks for it: names and options that there are, arrays that are there."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gemmule.gen.compile.convolution.compiled import Compiled, compiled
from gemmule.gen.compile.convolution.layer import ConvRun, VolumeRun
from gemmule.gen.driver.buffers import Buffer
from gemmule.gen.driver.device import Device
from gemmule.gen.driver.operands import array_of
from gemmule.golden.common.errors import UsageError
from gemmule.golden.conv.hardware import ConvolutionHardware

__all__ = ["Asked", "Given", "unit_of"]

Given = ArrayLike | Buffer | None
"""An operand, or None where the operation takes others."""

RUNS: Mapping[int, type[ConvRun]] = {2: ConvRun, 3: VolumeRun}
"""The run options, by the axes of a convolution."""

SCALES = (
    "bias",
    "multiplier",
    "shift",
    "zero_point",
    "x_zero_point",
    "w_zero_point",
    "dy_zero_point",
)
"""Arrays beside the operands."""


def unit_of(device: Device, name: str | None = None) -> ConvolutionHardware:
    """Return the convolution unit, if it is one of the method ``name``, or any where None."""
    unit = device.hardware.convolution
    has = "none" if unit is None else f"conv{unit.axes}d"
    if unit is None or (name and has != name):
        needs = name or "conv2d or conv3d"
        raise UsageError(f"{name or 'filters'}: this hardware has --convolution {has}, not {needs}")
    return unit


@dataclass(frozen=True)
class Asked:
    """The run options and the arrays of a layer, or of a part of it."""

    hardware: ConvolutionHardware
    run: ConvRun
    arrays: Mapping[str, NDArray]

    @classmethod
    def of(
        cls,
        device: Device,
        hardware: ConvolutionHardware,
        operands: Mapping[str, Given],
        options: Mapping[str, Any],
    ) -> "Asked":
        """Sort what a user gives; what is None is as if it were not given."""
        kind = RUNS[hardware.axes]
        known = [each.name for each in fields(kind)]
        if strange := sorted(set(options) - {*known, *SCALES}):
            there = ", ".join((*known, *SCALES))
            raise UsageError(f"there is no {strange[0]!r}; what there is: {there}")
        given = {name: value for name, value in options.items() if value is not None}
        scales = {name: np.atleast_1d(given.pop(name)) for name in SCALES if name in given}
        return cls(hardware, kind(**given), scales).met(device, operands)

    def met(self, device: Device, operands: Mapping[str, Given]) -> "Asked":
        """Return it with more operands; jobs that write them are waited for."""
        found = {name: array_of(each) for name, each in operands.items() if each is not None}
        for each in found.values():
            device.settle(each)
        return replace(self, arrays={**self.arrays, **found})

    @property
    def streamed(self) -> NDArray | None:
        """The streamed operand, if it is there."""
        return self.arrays.get(self.run.operation.arrays[0])

    def compiled(self) -> Compiled:
        """Return it compiled; :class:`UsageError` tells what is wrong with it."""
        return compiled(self.hardware, self.run, self.arrays)
