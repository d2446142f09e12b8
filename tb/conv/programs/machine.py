"""A machine that runs a convolution's program with matrix products: what the hardware must do."""

from collections.abc import Sequence

import numpy as np

from gemmule.gen.compile.convolution.lower.lowering import lowered
from gemmule.gen.compile.convolution.lower.operands import REORGANIZED, Operands
from gemmule.gen.compile.convolution.lower.program import Bank, Copy, Pass, Product
from gemmule.gen.compile.convolution.lower.result_addresses import gathered, result_shape
from gemmule.gen.compile.convolution.lower.target import Hardware, Target

__all__ = ["execute"]

UNSET = -(1 << 60)


class Memory:
    """Regions by name, each as large as its largest index: every read is of what was written."""

    def __init__(self):
        self.regions: dict[str, dict[int, int]] = {}

    def read(self, bank: Bank) -> None:
        """Check what is loaded: every read of an element of a region must give the same value."""
        for load in bank.loads:
            vectors = load.vectors
            region = self.regions.setdefault(vectors.region, {})
            values = vectors.values.reshape(-1, vectors.lanes)
            for first, vector in zip(vectors.index.ravel().tolist(), values, strict=True):
                for lane, value in enumerate(vector.tolist()):
                    if vectors.region == REORGANIZED:
                        assert region.get(first + lane, value) == value
                    assert region.setdefault(first + lane, value) == value


class Side:
    """An operand's banks: loads in, the beats of passes out."""

    def __init__(self, room: int, lanes: int, memory: Memory):
        self.room, self.lanes = room, lanes
        self.memory = memory
        self.banks: list[Bank] = []

    def walk(self, loads: Sequence[Bank], passes: Sequence[Pass]) -> np.ndarray:
        """Return the beats of one product; every load must fit, every address must be loaded."""
        assert all(0 < len(bank) <= self.room for bank in loads)
        for bank in loads:
            assert len(bank.arriving) == len(bank)
            self.memory.read(bank)
        self.banks += loads
        beats = []
        for each in passes:
            address, real = each.walk.beats()
            if not real.any() and not each.release:
                beats.append(np.full((len(real), self.lanes), each.pad))
                continue
            arrived = self.banks[0].arriving
            assert (address[real] >= 0).all()
            assert (address[real] < len(arrived)).all()
            vectors = arrived[np.where(real, address, 0)]
            beats.append(np.where(real[:, None], vectors, each.pad))
            if each.release:
                self.banks.pop(0)
        assert [each.final for each in passes] == [False] * (len(passes) - 1) + [True]
        return np.concatenate(beats)


def execute(target: Target, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the sums of an operation; each place of the result must be written exactly once."""
    memory, hardware, zeros = Memory(), target.hardware, target.zeros
    a_side = Side(hardware.a_bank, hardware.rows, memory)
    b_side = Side(hardware.b_bank, hardware.cols, memory)
    shape = result_shape(target)
    result = np.full(int(np.prod(shape)), UNSET)
    reorganized: dict[int, int] = {}
    for step in lowered(Operands(target, a, b)):
        left = a_side.walk(step.a_loads, step.a_passes)
        places, real = step.places.beats()
        if isinstance(step, Copy):
            for place, vector in zip(places.tolist(), left, strict=True):
                reorganized |= {place + lane: int(value) for lane, value in enumerate(vector)}
            continue
        right = b_side.walk(step.b_loads, step.b_passes)[:, : step.n]
        sums, row_sums = multiply(step, left, right, hardware)
        zero = zeros.b[slice(*step.columns)]
        sums = sums - zeros.a * (step.b_sum - step.k * zero) - row_sums[:, None] * zero
        at = places[real][:, None] + np.arange(step.n)
        assert (result[at] == UNSET).all()
        result[at] = sums[real]
    assert not a_side.banks
    assert not b_side.banks
    read = memory.regions.get(REORGANIZED, {})
    # Lanes beyond the channels are read, too, and of no meaning.
    assert all(reorganized.get(place, value) == value for place, value in read.items())
    whole = gathered(target, result.reshape(shape))
    assert (whole != UNSET).all()
    return whole


def multiply(
    product: Product, left: np.ndarray, right: np.ndarray, hardware: Hardware
) -> tuple[np.ndarray, np.ndarray]:
    """Return ``c`` and the sums along the rows of ``a``, from the beats in the array's order."""
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
