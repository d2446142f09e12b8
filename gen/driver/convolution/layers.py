"""Convolutions as jobs: a layer compiled for the hardware, its maps and its program in memory."""

from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gemmule.gen.compile.convolution.compiled import compiled
from gemmule.gen.compile.convolution.layer import ConvRun, VolumeRun
from gemmule.gen.driver.buffers import Buffer
from gemmule.gen.driver.device import Device
from gemmule.gen.driver.job import Job, Owned, given_back
from gemmule.gen.driver.operands import array_of
from gemmule.golden.common.errors import UsageError
from gemmule.golden.conv.hardware import ConvolutionHardware

from .placed import Placed

__all__ = ["Layers"]

Given = ArrayLike | Buffer | None
"""An operand, or None where the operation takes others."""

ORDER = ("wait", "wait_value", "signal")
"""Options that say when commands begin, and what they count."""

SCALING = ("bias", "multiplier", "shift", "zero_point")
ZERO_POINTS = ("x_zero_point", "w_zero_point", "dy_zero_point")


class Layers:
    """Convolutions, forward and backward.

    The methods take

    - ``x`` and ``w`` of ``op="forward"`` (what it is if nothing is said) and of ``"transposed"``,
      ``dy`` and ``w`` of ``"input_grad"``, ``x`` and ``dy`` of ``"weight_grad"``;
    - ``stride``, ``padding``, ``dilation``, ``groups``, ``output_padding``, ``kernel``,
      ``input_height``, ``input_width`` and ``method``, the run options of the block;
    - ``bias``, ``multiplier``, ``shift``, ``zero_point``, ``rounding``, ``c_format`` and ``clamp``
      of the result, and what stands for 0 in operands: ``x_zero_point``, ``w_zero_point``,
      ``dy_zero_point``;
    - ``wait``, ``wait_value`` and ``signal``, as ``submit`` of products.

    Operands are copied, channels last, to memory of the job's own, and its result from there: it is
    an array of its own.
    """

    def __init__(self, device: Device):
        self._device = device

    def conv2d(self, x: Given = None, w: Given = None, dy: Given = None, **options: Any) -> Job:
        """Begin the convolution of ``x [N, C, H, W]`` with ``w [O, C/groups, Kh, Kw]``.

        It gives ``y [N, O, Ho, Wo]``; ``"input_grad"`` gives ``dx``, shaped as x, and
        ``"weight_grad"`` ``dw``, shaped as w. Of ``"transposed"`` w is ``[C, O/groups, Kh, Kw]``.
        """
        return self._begin("conv2d", ConvRun, {"x": x, "w": w, "dy": dy}, options)

    def conv3d(self, x: Given = None, w: Given = None, **options: Any) -> Job:
        """Begin the convolution of ``x [N, C, D, H, W]`` with ``w [O, C/groups, Kd, Kh, Kw]``.

        It gives ``y [N, O, Do, Ho, Wo]``. Of ``"transposed"`` w is ``[C, O/groups, Kd, Kh, Kw]``;
        there are no gradients.
        """
        return self._begin("conv3d", VolumeRun, {"x": x, "w": w}, options)

    def _begin(
        self, name: str, kind: type[ConvRun], operands: dict[str, Given], options: dict[str, Any]
    ) -> Job:
        device = self._device
        hardware = _unit(device, name)
        order = {each: options.pop(each, 0) for each in ORDER}
        scale = {each: options.pop(each, None) for each in (*SCALING, *ZERO_POINTS)}
        arrays = {each: array_of(value) for each, value in operands.items() if value is not None}
        arrays |= {each: np.atleast_1d(v) for each, v in scale.items() if v is not None}
        for each in arrays.values():
            device.settle(each)
        layer = compiled(hardware, _run(kind, options), arrays)
        own: list[Owned] = []
        with given_back(own):
            placed = Placed.make(device.pool, layer, own)
        return device.launch(
            [placed.command], own, placed.regions["c"], [], order, finish=layer.result
        )


def _unit(device: Device, name: str) -> ConvolutionHardware:
    """Return the convolution unit, if it is one of the method ``name``."""
    unit = device.hardware.convolution
    has = "none" if unit is None else f"conv{unit.axes}d"
    if unit is None or has != name:
        raise UsageError(f"{name}: this hardware has --convolution {has}, not {name}")
    return unit


def _run(kind: type[ConvRun], options: dict[str, Any]) -> ConvRun:
    """Return the run options; what is None is as if it were not given."""
    known = [each.name for each in fields(kind)]
    if strange := sorted(set(options) - set(known)):
        there = ", ".join((*known, *SCALING, *ZERO_POINTS, *ORDER))
        raise UsageError(f"there is no {strange[0]!r}; what there is: {there}")
    return kind(**{name: value for name, value in options.items() if value is not None})
