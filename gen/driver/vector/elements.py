"""Sums, products, numbers scaled anew: each a method that begins a job."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import ArrayLike

from gemmule.gen.driver.device import Device
from gemmule.gen.driver.job import Job
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format
from gemmule.golden.soc.commands import Combine

from .chain import Chain, apart, unit_of
from .start import start, start_turned
from .stored import Given, stored

__all__ = ["Elements"]

BYTE = Format(signed=True, width=8)


class Elements:
    """What needs no function; all else of it is told at :class:`~.vector.jobs.Jobs`."""

    def __init__(self, device: Device):
        self._device = device

    def add(self, a: Given, b: Given, *, out: Any = None, **options: Any) -> Job:
        """Begin ``(a - a_zero_point) * a_multiplier + (b - b_zero_point) * b_multiplier``.

        The sum is divided by ``2**shift``, rounded once, and the zero point is added. Factors may
        be negative; there may be a ``multiplier`` of the sum.
        """
        return self._plain("add", Combine.ADD, {"a": a, "b": b}, out, options)

    def multiply(self, a: Given, b: Given, *, out: Any = None, **options: Any) -> Job:
        """Begin ``(a - a_zero_point) * (b - b_zero_point) * multiplier / 2**shift``."""
        return self._plain("multiply", Combine.MULTIPLY, {"a": a, "b": b}, out, options)

    def maximum(self, a: Given, b: Given, *, out: Any = None, **options: Any) -> Job:
        """Begin the greater of ``a - a_zero_point`` and ``b - b_zero_point``, scaled."""
        return self._plain("maximum", Combine.MAXIMUM, {"a": a, "b": b}, out, options)

    def minimum(self, a: Given, b: Given, *, out: Any = None, **options: Any) -> Job:
        """Begin the lesser of ``a - a_zero_point`` and ``b - b_zero_point``, scaled."""
        return self._plain("minimum", Combine.MINIMUM, {"a": a, "b": b}, out, options)

    def requantize(
        self,
        a: Given,
        multiplier: ArrayLike | None = None,
        shift: ArrayLike | None = None,
        *,
        out: Any = None,
        **options: Any,
    ) -> Job:
        """Begin ``(a - a_zero_point) * multiplier / 2**shift``, of integers of up to 32 bits."""
        options |= {"multiplier": multiplier, "shift": shift}
        return self._plain("requantize", Combine.NONE, {"a": a}, out, options)

    def transpose(
        self,
        a: Given,
        multiplier: ArrayLike | None = None,
        shift: ArrayLike | None = None,
        *,
        out: Any = None,
        **options: Any,
    ) -> Job:
        """Begin ``a`` with its last two axes exchanged, scaled as by :meth:`requantize`, to bytes.

        ``c_format`` has at most 8 bits, and is s8 where nothing is said of it. A batch takes a
        command for each matrix.
        """
        unit_of(self._device.hardware, "transpose", "transpose")
        order, scale = apart(options | {"multiplier": multiplier, "shift": shift})
        chain = Chain.make(self._device.hardware, "transpose", Combine.NONE, BYTE, scale)
        if chain.format.width > BYTE.width:
            raise UsageError(f"c_format must have at most 8 bits, not be {chain.format}")
        array = stored(self._device, "a", a)
        return start_turned(self._device, chain, array, out, order)

    def _plain(
        self,
        name: str,
        combine: Combine,
        given: Mapping[str, Given],
        out: Any,
        options: Mapping[str, Any],
    ) -> Job:
        """Begin what has no function."""
        device, width = self._device, 32 if len(given) == 1 else 16
        unit_of(device.hardware, name, "none")
        order, scale = apart(options)
        chain = Chain.make(device.hardware, "none", combine, None, scale)
        arrays = [stored(device, each, array, width=width) for each, array in given.items()]
        return start(device, chain, arrays, out, order)
