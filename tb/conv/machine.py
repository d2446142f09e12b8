"""A machine that runs a convolution's program with matrix products: what the hardware must do."""

from collections.abc import Sequence

import numpy as np

from gemmule.golden.conv.geometry import Geometry
from gemmule.golden.conv.operations import Zeros, products, result, table_shape
from gemmule.golden.conv.program import Hardware, Load, Pass, Product

__all__ = ["execute"]

UNSET = -(1 << 60)


class Side:
    """An operand's banks: loads in, the beats of passes out."""

    def __init__(self, room: int):
        self.room = room
        self.banks: list[Load] = []

    def walk(self, loads: Sequence[Load], passes: Sequence[Pass]) -> np.ndarray:
        """The beats of one product; every load must fit, every address must be loaded."""
        assert all(len(vectors) <= self.room for vectors in loads)
        self.banks += loads
        beats = []
        for each in passes:
            address, real = each.walk.beats()
            assert (address[real] >= 0).all()
            assert (address[real] < len(self.banks[0])).all()
            vectors = self.banks[0][np.where(real, address, 0)]
            beats.append(np.where(real[:, None], vectors, each.pad))
            if each.release:
                self.banks.pop(0)
        assert [each.final for each in passes] == [False] * (len(passes) - 1) + [True]
        return np.concatenate(beats)


def execute(
    operation: str,
    method: str,
    geometry: Geometry,
    a: np.ndarray,
    b: np.ndarray,
    zeros: Zeros,
    hardware: Hardware,
) -> np.ndarray:
    """The sums of an operation; each place of the result must be made exactly once."""
    x, w = Side(hardware.a_bank), Side(hardware.b_bank)
    table = np.full(table_shape(operation, geometry, hardware), UNSET)
    for product in products(operation, method, geometry, a, b, zeros, hardware):
        left = x.walk(product.a_loads, product.a_passes)
        right = w.walk(product.b_loads, product.b_passes)[:, : product.n]
        sums, row_sums = multiply(product, left, right, hardware)
        zero = zeros.b[slice(*product.columns)]
        sums = sums - zeros.a * (product.b_sum - product.k * zero) - row_sums[:, None] * zero
        keep = product.rows >= 0
        assert (table[product.rows[keep], slice(*product.columns)] == UNSET).all()
        table[product.rows[keep], slice(*product.columns)] = sums[keep]
    assert not x.banks
    assert not w.banks
    assert (table != UNSET).all()
    return result(operation, geometry, table, hardware)


def multiply(
    product: Product, left: np.ndarray, right: np.ndarray, hardware: Hardware
) -> tuple[np.ndarray, np.ndarray]:
    """``c`` and the sums along the rows of ``a``, from the beats in the array's order."""
    rows = hardware.rows
    if product.stationary_sums:
        left = left.reshape(-1, product.k, rows)
        right = right.reshape(len(left), product.k, -1)
        assert (right.sum(1) == product.b_sum).all()
        sums = np.einsum("tkr,tkn->trn", left, right).reshape(product.m, -1)
        return sums, left.sum(1).ravel()
    left = left.reshape(-1, product.m, rows)
    right = right.reshape(len(left), rows, -1)[:, ::-1]
    assert (right.sum((0, 1)) == product.b_sum).all()
    return np.einsum("kmr,krn->mn", left, right), left.sum((0, 2))
