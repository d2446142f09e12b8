"""Convolutions as jobs: a layer compiled for the hardware, its maps and its program in memory."""

from collections.abc import Mapping
from typing import Any

from gemmule.gen.driver.device import Device
from gemmule.gen.driver.job import Job, Owned, given_back
from gemmule.golden.common.errors import UsageError

from .asked import Asked, Given, unit_of
from .filters import Filters
from .placed import Placed

__all__ = ["Layers"]

ORDER = ("wait", "wait_value", "signal")
"""Options that say when commands begin, and what they count."""


class Layers:
    """Convolutions, forward and backward.

    The methods take

    - ``x`` and ``w`` of ``op="forward"`` (what it is if nothing is said) and of ``"transposed"``,
      ``dy`` and ``w`` of ``"input_grad"``, ``x`` and ``dy`` of ``"weight_grad"``; w may be of
      ``filters``, which have all options but those of order;
    - ``stride``, ``padding``, ``dilation``, ``groups``, ``output_padding``, ``kernel``,
      ``input_height``, ``input_width`` and ``method``, the run options of the block;
    - ``bias``, ``multiplier``, ``shift``, ``zero_point``, ``rounding``, ``c_format`` and ``clamp``
      of the result, and what stands for 0 in operands: ``x_zero_point``, ``w_zero_point``,
      ``dy_zero_point``;
    - ``wait``, ``wait_value`` and ``signal``, as ``submit`` of products.

    Operands are copied, channels last, to memory of the job's own, and its result from there: it is
    an array of its own.

    Examples
    --------
    >>> import numpy as np
    >>> from gemmule.gen.driver.accelerator import Accelerator
    >>> from gemmule.gen.driver.buses.golden import GoldenBus
    >>> from gemmule.golden.conv.hardware import ConvolutionHardware
    >>> from gemmule.golden.soc.hardware import Hardware
    >>> acc = Accelerator(GoldenBus(Hardware(convolution=ConvolutionHardware(rows=4, cols=4))))
    >>> x, w = np.arange(9).reshape(1, 1, 3, 3), np.ones((1, 1, 2, 2), int)
    >>> acc.conv2d(x, w, stride=2, padding=1)[0, 0]
    array([[ 0,  3],
           [ 9, 24]], dtype=int32)
    >>> with acc.filters(w, multiplier=1, shift=1) as kept:
    ...     [int(acc.conv2d(each, kept).sum()) for each in (x, x + 1)]
    [32, 40]
    """

    def __init__(self, device: Device):
        self._device = device

    def conv2d(
        self, x: Given = None, w: Given | Filters = None, dy: Given = None, **options: Any
    ) -> Job:
        """Begin the convolution of ``x [N, C, H, W]`` with ``w [O, C/groups, Kh, Kw]``.

        It gives ``y [N, O, Ho, Wo]``; ``"input_grad"`` gives ``dx``, shaped as x, and
        ``"weight_grad"`` ``dw``, shaped as w. Of ``"transposed"`` w is ``[C, O/groups, Kh, Kw]``.
        """
        return self._begin("conv2d", w, {"x": x, "dy": dy}, options)

    def conv3d(self, x: Given = None, w: Given | Filters = None, **options: Any) -> Job:
        """Begin the convolution of ``x [N, C, D, H, W]`` with ``w [O, C/groups, Kd, Kh, Kw]``.

        It gives ``y [N, O, Do, Ho, Wo]``. Of ``"transposed"`` w is ``[C, O/groups, Kd, Kh, Kw]``;
        there are no gradients.
        """
        return self._begin("conv3d", w, {"x": x}, options)

    def _begin(
        self, name: str, w: Given | Filters, others: Mapping[str, Given], options: dict[str, Any]
    ) -> Job:
        device = self._device
        pool, hardware = device.pool, unit_of(device, name)
        order = {each: options.pop(each, 0) for each in ORDER}
        own: list[Owned] = []
        with given_back(own):
            if isinstance(w, Filters):
                if options:
                    raise UsageError(f"{sorted(options)[0]}: filters have their options already")
                kept = w.placed(pool, w.asked.met(device, others))
            else:
                asked = Asked.of(device, hardware, {"w": w, **others}, options)
                kept = Placed.make(pool, asked.compiled(), own)
            placed = kept.met(pool, own)
        result = placed.layer.result
        return device.launch([placed.command], own, placed.regions["c"], [], order, result)
