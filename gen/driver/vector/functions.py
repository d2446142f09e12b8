"""Functions of elements and rows: each a method that begins a job."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import ArrayLike, NDArray

from gemmule.gen.driver.device import Device
from gemmule.gen.driver.job import Job
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format
from gemmule.golden.soc.commands import Combine
from gemmule.golden.soc.functions import ROW_FUNCTIONS

from .chain import Chain, apart, unit_of
from .row import Affine, RowFunction, Softmax
from .start import start
from .stored import Given, stored

__all__ = ["Functions"]

COMBINES = {name.lower(): Combine[name] for name in ("ADD", "MULTIPLY", "MAXIMUM", "MINIMUM")}

FLAG = Format(signed=False, width=1)


class Functions:
    """What needs a function that is built in; :class:`~.vector.jobs.Jobs` tells all else."""

    def __init__(self, device: Device):
        self._device = device

    def apply(
        self,
        function: str,
        x: Given,
        b: Given | None = None,
        *,
        combine: str = "add",
        out: Any = None,
        **options: Any,
    ) -> Job:
        """Begin a function of each element, by the name of its block."""
        if function in (*ROW_FUNCTIONS, "transpose"):
            raise UsageError(f"apply: {function} is not of each element: it is a method of its own")
        return self._function(function, x, b, combine, out, options)

    def softmax(
        self,
        x: Given,
        b: Given | None = None,
        *,
        mask: Given | None = None,
        delta: float = 1.0,
        log2: bool = False,
        combine: str = "add",
        out: Any = None,
        **options: Any,
    ) -> Job:
        """Begin softmax along the last axis, over what ``mask`` keeps, times ``delta``.

        What is masked is 0. With ``log2`` results are 4-bit codes of the logarithm. There is a mask
        or a ``b``, not both.
        """
        if mask is not None and b is not None:
            raise UsageError("mask: softmax takes either a mask or a second operand b")
        row = Softmax(delta, log2)
        return self._function("softmax", x, b, combine, out, options, row=row, mask=mask)

    def layernorm(
        self,
        x: Given,
        gamma: ArrayLike,
        beta: ArrayLike | None = None,
        b: Given | None = None,
        *,
        epsilon: float = 1e-5,
        combine: str = "add",
        out: Any = None,
        **options: Any,
    ) -> Job:
        """Begin ``gamma * (t - mean) / sqrt(variance + epsilon) + beta`` along the last axis."""
        row = Affine(gamma, beta, epsilon)
        return self._function("layernorm", x, b, combine, out, options, row=row)

    def rmsnorm(
        self,
        x: Given,
        gamma: ArrayLike,
        beta: ArrayLike | None = None,
        b: Given | None = None,
        *,
        epsilon: float = 1e-5,
        combine: str = "add",
        out: Any = None,
        **options: Any,
    ) -> Job:
        """Begin ``gamma * t / sqrt(mean of squares + epsilon) + beta`` along the last axis."""
        row = Affine(gamma, beta, epsilon)
        return self._function("rmsnorm", x, b, combine, out, options, row=row)

    def _function(
        self,
        function: str,
        x: Given,
        b: Given | None,
        combine: str,
        out: Any,
        options: Mapping[str, Any],
        *,
        row: RowFunction | None = None,
        mask: Given | None = None,
    ) -> Job:
        """Begin a function."""
        device, width = self._device, 32 if b is None else 16
        unit = unit_of(device.hardware, function, function)
        if combine not in COMBINES:
            raise UsageError(f"combine must be one of {', '.join(COMBINES)}, not {combine!r}")
        kind = Combine.NONE if b is None else COMBINES[combine]
        kind = kind if mask is None else Combine.MASK
        order, scale = apart(options)
        fmt, result = unit.formats(function)
        result = row.result(result) if row else result
        chain = Chain.make(device.hardware, function, kind, result, scale)
        own = fmt if chain.plain else None
        arrays = [stored(device, "x", x, width=width, fmt=own)]
        if b is not None:
            arrays.append(stored(device, "b", b, width=width))
        if mask is not None:
            arrays.append(stored(device, "mask", mask, fmt=FLAG))
            _check_mask(arrays[1], arrays[0])
        return start(device, chain, arrays, out, order, row.of(unit, function) if row else None)


def _check_mask(mask: NDArray, x: NDArray) -> None:
    """Refuse a mask that does not spread to what it masks."""
    sides = (*(1,) * (x.ndim - mask.ndim), *mask.shape)
    if mask.ndim > x.ndim or any(a not in (1, b) for a, b in zip(sides, x.shape, strict=True)):
        raise UsageError(
            f"mask must spread to the shape {list(x.shape)} of x, not {list(mask.shape)}"
        )
