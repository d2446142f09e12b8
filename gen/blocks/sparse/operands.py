"""The operands of `sparse_gemm`: checked, compressed, cut into groups."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.block import Arrays
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import accumulator_width, check_array
from gemmule.golden.common.requantize import offset_width, sum_width
from gemmule.golden.sparse.format import Pattern, compress, expand, normalize
from gemmule.golden.sparse.gemm import dense_as_groups
from gemmule.golden.systolic.gemm import check_shapes, largest_k
from gemmule.hw.sparse.params import SparseGemmParams

__all__ = [
    "Operands",
    "check_corrections",
    "check_operand_shapes",
    "groups_of",
    "operands",
    "weight_groups",
]

ANY = 62
"""An accumulator that no K overflows: what may really overflow is checked here."""


@dataclass(frozen=True)
class Operands:
    """What was asked for, ``a @ b``, and how the array computes it, ``spread`` by groups."""

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    spread: NDArray[np.int64]
    values: NDArray[np.int64]
    indices: NDArray[np.int64]


def check_operand_shapes(
    params: SparseGemmParams, arrays: Arrays, *, dense: bool
) -> tuple[int, int, int]:
    """Return M, K and N, once the shapes go together and no sum of K can overflow."""
    pattern = params.groups
    given = [name for name in ("b", "values", "indices") if name in arrays]
    if dense and given != ["b"]:
        raise UsageError(f"--dense takes b alone, not {' and '.join(given) or 'nothing'}")
    if given not in (["b"], ["values", "indices"]):
        raise UsageError(
            "the weights must be b, or values with indices, not "
            f"{' and '.join(given) or 'left out'}"
        )
    a, b = np.shape(arrays["a"]), arrays[given[0]].shape
    if given != ["b"]:
        if np.shape(arrays["indices"]) != b:
            raise UsageError(
                f"indices must have the shape of values, {list(b)}, "
                f"not {list(np.shape(arrays['indices']))}"
            )
        k = a[-1] if a else 0
        rows = pattern.groups(k) * pattern.kept
        if len(b) < 2 or b[-2] != rows:
            raise UsageError(
                f"a has K = {k} columns, so values must have {rows} rows, not shape {list(b)}"
            )
        b = (*b[:-2], k, b[-1])
    check_shapes(a, b, params.a_format, params.b_format, ANY)
    k = a[-1]
    full, rest = divmod(k, pattern.size)
    products = k if dense else full * pattern.kept + min(rest, pattern.kept)
    if products > largest_k(params.a_format, params.b_format, params.acc_width):
        raise UsageError(
            f"K of {k}, so {products} products, could overflow --acc-width {params.acc_width}: it"
            f" takes --acc-width {accumulator_width(params.a_format, params.b_format, products)}"
        )
    return a[-2], k, b[-1]


def operands(params: SparseGemmParams, arrays: Arrays, *, dense: bool) -> Operands:
    """Return ``a`` and ``b`` (or ``values`` and ``indices``), of legal shapes, in groups."""
    pattern = params.groups
    a = check_array("a", arrays["a"], params.a_format)
    b = _weights(params, arrays, a.shape[-1])
    if dense:
        return Operands(a, b, *dense_as_groups(a, b, pattern))
    missing = -a.shape[-1] % pattern.size
    spread = np.pad(a, [(0, 0)] * (a.ndim - 1) + [(0, missing)])
    return Operands(a, b, spread, *compress(b, pattern))


def _weights(params: SparseGemmParams, arrays: Arrays, k: int) -> NDArray[np.int64]:
    if "b" in arrays:
        return check_array("b", arrays["b"], params.b_format)
    values = check_array("values", arrays["values"], params.b_format)
    values, indices = normalize(values, arrays["indices"], params.groups)
    return expand(values, indices, params.groups, k=k)


def check_corrections(
    params: SparseGemmParams,
    ops: Operands,
    offset: NDArray[np.int64],
    a_zero: NDArray[np.int64],
    b_zero: NDArray[np.int64],
) -> None:
    """Refuse zero points whose corrections outgrow their bits, which are sized for a dense K.

    With a zero point of ``b`` even pruned weights count, so a sum has more terms than products.
    """
    total = (ops.a - a_zero).astype(np.float64) @ (ops.b - b_zero).astype(np.float64)
    sizes = {
        "offset": (offset, offset_width(params.acc_width)),
        "sum": (total, sum_width(params.acc_width) - 1),
        "row sum": (ops.a.sum(axis=-1), params.row_sum_width),
    }
    for name, (values, width) in sizes.items():
        if max(-values.min() - 1, values.max()) >= 2.0 ** (width - 1):
            raise UsageError(
                f"the zero points make a {name} of {int(np.abs(values).max())}, more than"
                f" --acc-width {params.acc_width} provides for"
            )


def groups_of(array: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Cut the last axis into groups: ``[..., n * size]`` to ``[..., n, size]``."""
    return array.reshape(*array.shape[:-1], -1, size)


def weight_groups(
    values: NDArray[np.int64], indices: NDArray[np.int64], pattern: Pattern
) -> NDArray[np.int64]:
    """Return ``[groups, N, 2 * kept]``: the values of each group of weights, then the indices."""
    parts = [
        part.reshape(-1, pattern.kept, part.shape[-1]).swapaxes(1, 2) for part in (values, indices)
    ]
    return np.concatenate(parts, axis=-1)
