"""Matrix multiplication of quantized integers: what every array of cells must compute."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import (
    Format,
    accumulator_width,
    check_array,
    product_range,
    signed_bits,
)
from gemmule.golden.common.requantize import Requantization

__all__ = [
    "check_operands",
    "check_shapes",
    "corrections",
    "gemm",
    "largest_k",
    "row_sum_width",
    "zero_points",
]


def gemm(
    a: ArrayLike,
    b: ArrayLike,
    *,
    a_format: Format | str = "s8",
    b_format: Format | str = "s8",
    acc_width: int = 32,
    a_zero_point: ArrayLike | None = None,
    b_zero_point: ArrayLike | None = None,
    **requantization: Any,
) -> NDArray[np.int64]:
    """Return ``c = requantize((a - a_zero_point) @ (b - b_zero_point))``, exact.

    ``requantization`` is what :meth:`Requantization.check` takes: ``bias``, ``multiplier``,
    ``shift``, ``row_multiplier``, ``row_shift``, ``zero_point``, ``rounding``, ``c_format``,
    ``clamp`` and the hardware's ``out_width``, ``multiplier_width``, ``max_shift``. The result
    saturates to its format.

    Parameters
    ----------
    a : ints of ``a_format``, ``[M, K]`` or ``[batch, M, K]``
    b : ints of ``b_format``, ``[K, N]`` or ``[batch, K, N]``
    a_zero_point : int of ``a_format``, ``[1]``
    b_zero_point : ints of ``b_format``, ``[1]`` or ``[N]``

    Returns
    -------
    int64 array of ``np.matmul``'s shape

    Examples
    --------
    >>> gemm([[1, 2], [3, 4]], [[5, 6], [7, 8]])
    array([[19, 22],
           [43, 50]])
    >>> gemm([[100, 100]], [[100], [100]], multiplier=[3], shift=[9], bias=[7])
    array([[117]])
    >>> gemm([[9], [9]], [[9]], multiplier=[1], shift=[2], row_multiplier=[3, 1], row_shift=[1, 0])
    array([[30],
           [20]])
    >>> gemm([[0, 255]], [[1], [1]], a_format="u8", a_zero_point=[128])
    array([[-1]])
    """
    a, b = check_operands(a, b, a_format, b_format, acc_width)
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    requantize = Requantization.check(b.shape[-1], rows=(*batch, a.shape[-2]), **requantization)
    a_zero = zero_points("a_zero_point", a_zero_point, Format.parse(a_format), 1)
    b_zero = zero_points("b_zero_point", b_zero_point, Format.parse(b_format), b.shape[-1])
    # Sums are below 2**50, so every partial sum is exact in float64, where BLAS is fast.
    acc = (a - a_zero).astype(np.float64) @ (b - b_zero).astype(np.float64)
    return requantize(acc.astype(np.int64))


def check_operands(
    a: ArrayLike, b: ArrayLike, a_format: Format | str, b_format: Format | str, acc_width: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return ``a`` and ``b`` as int64, once their shapes, K and their values are legal."""
    a_format, b_format = Format.parse(a_format), Format.parse(b_format)
    check_shapes(np.shape(a), np.shape(b), a_format, b_format, acc_width)
    return check_array("a", a, a_format), check_array("b", b, b_format)


def check_shapes(
    a: Sequence[int], b: Sequence[int], a_format: Format, b_format: Format, acc_width: int
) -> None:
    """Refuse shapes of ``a`` and ``b`` that do not multiply, and a K that could overflow."""
    for name, given, shape in (("a", a, "[M, K]"), ("b", b, "[K, N]")):
        if len(given) not in (2, 3) or 0 in given:
            raise UsageError(
                f"{name} must have shape {shape} or [batch, {shape[1:]}, each at least 1, not"
                f" {list(given)}"
            )
    k = a[-1]
    if b[-2] != k:
        raise UsageError(
            f"a has K = {k} columns, so b must have {k} rows, not {b[-2]}"
            f" (a is {list(a)}, b is {list(b)})"
        )
    if len(a) == len(b) == 3 and a[0] != b[0] and 1 not in (a[0], b[0]):
        raise UsageError(f"a has a batch of {a[0]}, so b must not have {b[0]}")
    if k > largest_k(a_format, b_format, acc_width):
        raise UsageError(
            f"K of {k} could overflow --acc-width {acc_width}, where {a_format} x {b_format} may"
            f" sum {largest_k(a_format, b_format, acc_width)} products: it takes --acc-width"
            f" {accumulator_width(a_format, b_format, k)}"
        )


def zero_points(
    name: str, values: ArrayLike | None, fmt: Format, columns: int
) -> NDArray[np.int64]:
    """Return ``values`` ``[columns]`` of an operand's zero points; these may be ``[1]`` or None."""
    values = np.atleast_1d(np.asarray(0 if values is None else values))
    if values.shape not in {(1,), (columns,)}:
        allowed = "[1]" if columns == 1 else f"[1] or [{columns}]"
        raise UsageError(f"{name} must have shape {allowed}, not {list(values.shape)}")
    return np.broadcast_to(check_array(name, values, fmt), (columns,))


def largest_k(a_format: Format | str, b_format: Format | str, acc_width: int) -> int:
    """Count the products that a signed sum of ``acc_width`` bits holds, whatever the operands are.

    Examples
    --------
    >>> largest_k("s8", "s8", 32), largest_k("u8", "u8", 32)
    (131071, 33025)
    """
    low, high = product_range(a_format, b_format)
    most = ((1 << acc_width - 1) - 1) // high
    return min(most, (1 << acc_width - 1) // -low) if low else most


def row_sum_width(a_format: Format | str, b_format: Format | str, acc_width: int) -> int:
    """Count the signed bits of plus or minus the longest sum of ``a`` that the accumulator allows.

    Examples
    --------
    >>> row_sum_width("s8", "s8", 32)
    25
    """
    fmt, k = Format.parse(a_format), largest_k(a_format, b_format, acc_width)
    return signed_bits(k * fmt.low, k * max(fmt.high, -fmt.low))


def corrections(
    b: ArrayLike,
    *,
    bias: ArrayLike | None = None,
    a_zero_point: ArrayLike | None = None,
    b_zero_point: ArrayLike | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return ``(offset, zeros)``: what turns the sum of plain products into that with zero points.

    ``(a - za) @ (b - zb) + bias == a @ b + offset - zeros * sum(a)``, the sum along each row, with

    ``offset[n] = bias[n] - za * (sum(b[:, n]) - K * zb[n])`` and ``zeros[n] = zb[n]``.

    ``offset`` (``[..., N]``, as many as ``b`` has columns) fits
    :func:`golden.common.requantize.offset_width` signed bits.

    Examples
    --------
    >>> corrections([[1, 2], [3, 4]], bias=[10, 20], a_zero_point=[5], b_zero_point=[1])
    (array([0, 0]), array([1, 1]))
    """
    b = np.asarray(b, dtype=np.int64)
    columns = b.shape[-1]
    a_zero = np.asarray(0 if a_zero_point is None else a_zero_point, dtype=np.int64)
    b_zero = np.asarray(0 if b_zero_point is None else b_zero_point, dtype=np.int64)
    bias = np.asarray(0 if bias is None else bias, dtype=np.int64)
    return bias - a_zero * (b - b_zero).sum(axis=-2), np.broadcast_to(b_zero, (columns,))
