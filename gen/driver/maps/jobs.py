"""Pooling, concatenation, slices and larger maps: each a method that begins a job."""

from collections.abc import Sequence
from typing import Any

from gemmule.gen.driver.device import Device
from gemmule.gen.driver.job import Job
from gemmule.gen.driver.vector.stored import Given

from .average import average_pool
from .moves import concat, cut, resize
from .pool import Window, max_pool

__all__ = ["Maps"]


class Maps:
    """What is done to feature maps ``[N, *space, C]``, of one to three axes of space.

    Each is a list of commands of elements that follow each other without the host. Options of
    results are as of all jobs; ``multiplier`` with ``shift`` scales ``x - x_zero_point``, and
    without a scale results are of the format of ``x``. ``kernel``, ``stride``, ``padding`` and
    ``dilation`` are one number, or one for each axis; ``padding`` may also have the begins first
    and then the ends. With ``ceil_mode`` a last window may reach beyond the padding.
    """

    def __init__(self, device: Device):
        self._device = device

    def max_pool(
        self,
        x: Given,
        kernel: int | Sequence[int],
        *,
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        out: Any = None,
        **options: Any,
    ) -> Job:
        """Begin the greatest element of each window, as :func:`golden.pool.pooling.max_pool`.

        Axis by axis, slowest first: a window of k at a stride of 1 takes ``ceil(log2(k))`` commands
        and a few for its ends, at another stride k - 1. Each reads two maps of the size of its
        result and writes one.
        """
        window = Window(
            kernel=kernel, stride=stride, padding=padding, dilation=dilation, ceil_mode=ceil_mode
        )
        return max_pool(self._device, x, window, out, options)

    def average_pool(
        self,
        x: Given,
        kernel: int | Sequence[int],
        *,
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        count_padding: bool = False,
        out: Any = None,
        **options: Any,
    ) -> Job:
        """Begin the mean of each window, as :func:`golden.pool.pooling.average_pool`.

        Sums are exact, in 16 bits, or in two parts of 16 bits where they are larger: each prime
        factor p of a window at a stride of 1 takes p - 1 commands. One more scales, or one for each
        part of the result whose windows count as many cells.
        """
        window = Window(
            kernel=kernel, stride=stride, padding=padding, dilation=dilation, ceil_mode=ceil_mode
        )
        return average_pool(self._device, x, window, out, options, count_padding=count_padding)

    def global_average_pool(self, x: Given, *, out: Any = None, **options: Any) -> Job:
        """Begin the mean of each channel, ``[N, 1, ..., C]``: :meth:`average_pool` of whole maps.

        Halves are added: ``ceil(log2(size))`` commands an axis.
        """
        window = Window(kernel=None)
        return average_pool(self._device, x, window, out, options, count_padding=False)

    def concat(
        self, parts: Sequence[Given], axis: int = -1, *, out: Any = None, **options: Any
    ) -> Job:
        """Begin parts side by side along an axis, each scaled: a command for each.

        ``multiplier``, ``shift`` and ``x_zero_point`` are one number, or one for each part.
        """
        return concat(self._device, parts, axis, out, options)

    def slice(self, x: Given, index: Any, *, out: Any = None, **options: Any) -> Job:
        """Begin ``x[index]``, scaled, of any array; ``index`` is as ``numpy.s_`` makes it."""
        return cut(self._device, x, index, out, options)

    def resize(self, x: Given, factors: Sequence[int], *, out: Any = None, **options: Any) -> Job:
        """Begin maps in which each element is repeated ``factors`` times along the axes of space.

        It is ONNX's Resize to the nearest at whole factors: a command for each repetition, of
        columns first.
        """
        return resize(self._device, x, factors, out, options)
