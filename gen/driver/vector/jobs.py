"""Sums, products, functions of elements and rows: each a method that begins a job."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import ArrayLike, NDArray

from gemmule.gen.driver.buffers import Buffer
from gemmule.gen.driver.device import Device
from gemmule.gen.driver.job import Job
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format
from gemmule.golden.soc.commands import Combine
from gemmule.golden.soc.functions import ROW_FUNCTIONS

from .chain import Chain, unit_of
from .row import Affine, RowFunction, Softmax
from .start import start, start_turned
from .stored import stored

__all__ = ["Jobs"]

Given = ArrayLike | Buffer

COMBINES = {name.lower(): Combine[name] for name in ("ADD", "MULTIPLY", "MAXIMUM", "MINIMUM")}

FLAG, BYTE = Format(signed=False, width=1), Format(signed=True, width=8)

ORDER = ("wait", "wait_value", "signal")


class Jobs:
    """What the vector unit computes, in one pass over memory; every method returns a job.

    Operands are arrays of integers or buffers, of any shape; two of them broadcast as NumPy's do.
    Jobs wait for those whose results they read, and else overlap. All methods have

    - ``out``, in shared memory, where the result goes: it may be an operand, element for element;
    - ``zero_point``, ``c_format``, ``clamp`` and ``rounding`` of the result;
    - ``wait``, ``wait_value`` and ``signal``, as ``submit`` of products.

    Methods of a function take ``x`` in the format that the function's block has, and give codes of
    its other format. Numbers of any other scale come in by ``a_zero_point`` and ``multiplier`` with
    ``shift``, and go out by ``result_multiplier`` with ``result_shift``::

        t = (x - a_zero_point) * multiplier / 2**shift + offset
        c = function(t) * result_multiplier / 2**result_shift + zero_point

    each quotient rounded once, to what the function takes and to ``c_format`` (s8). With a second
    operand ``b``, x is ``a`` of what ``combine`` ("add", "multiply", "maximum", "minimum") makes of
    them first, as the method of that name has it.

    Examples
    --------
    >>> from gemmule.gen.driver.accelerator import Accelerator
    >>> from gemmule.gen.driver.buses.golden import GoldenBus
    >>> from gemmule.golden.soc.functions import VectorHardware
    >>> from gemmule.golden.soc.hardware import Hardware
    >>> vector = VectorHardware(functions=("softmax",))
    >>> acc = Accelerator(GoldenBus(Hardware(vector=vector)))
    >>> acc.add([[1, 2], [3, 4]], [10, 20], shift=[1])
    array([[ 6, 11],
           [ 6, 12]], dtype=int8)
    >>> acc.softmax([[0, 0]], result_multiplier=[1], result_shift=[8], c_format="u8")
    array([[64, 64]], dtype=uint8)
    """

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
        order, scale = _apart(options | {"multiplier": multiplier, "shift": shift})
        chain = Chain.make(self._device.hardware, "transpose", Combine.NONE, BYTE, scale)
        if chain.format.width > BYTE.width:
            raise UsageError(f"c_format must have at most 8 bits, not be {chain.format}")
        array = stored(self._device, "a", a)
        return start_turned(self._device, chain, array, out, order)

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
        order, scale = _apart(options)
        chain = Chain.make(device.hardware, "none", combine, None, scale)
        arrays = [stored(device, each, array, width=width) for each, array in given.items()]
        return start(device, chain, arrays, out, order)

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
        order, scale = _apart(options)
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


def _apart(options: Mapping[str, Any]) -> tuple[dict[str, int], dict[str, Any]]:
    """Return when commands begin, and what else is said."""
    order = {name: options.get(name, 0) for name in ORDER}
    return order, {name: value for name, value in options.items() if name not in ORDER}


def _check_mask(mask: NDArray, x: NDArray) -> None:
    """Refuse a mask that does not spread to what it masks."""
    sides = (*(1,) * (x.ndim - mask.ndim), *mask.shape)
    if mask.ndim > x.ndim or any(a not in (1, b) for a, b in zip(sides, x.shape, strict=True)):
        raise UsageError(
            f"mask must spread to the shape {list(x.shape)} of x, not {list(mask.shape)}"
        )
