"""A product as commands: its right operand prepared, and which commands a batch takes."""

from dataclasses import dataclass, field

from gemmule.gen.driver.buffers import Buffer
from gemmule.gen.driver.operands import LARGEST_SIDE, LONGEST_STRIDE, Operand
from gemmule.golden.common.errors import UsageError
from gemmule.golden.soc.commands import VERSION, Flags, Opcode

from .settings import Settings

__all__ = ["Weights", "commands_of"]


@dataclass
class Weights:
    """The right operand of products, in shared memory with what follows from it.

    As a context manager it is given back at the end.
    """

    b: Operand
    settings: Settings
    records: list[Buffer] = field(default_factory=list)

    def __enter__(self) -> "Weights":
        return self

    def __exit__(self, *_: object) -> None:
        self.free()

    def record(self, index: int) -> int:
        """Return the address of the settings of a matrix of the batch; 0 where sums are raw."""
        if not self.records:
            return 0
        return self.records[index if len(self.records) > 1 else 0].address

    def free(self) -> None:
        """Give the memory back; no job may use it any more. Twice does no harm."""
        self.b.free()
        while self.records:
            self.records.pop().free()


def commands_of(a: Operand, weights: Weights, c: Operand) -> list[dict[str, int]]:
    """Return the commands of a job: one, unless matrices of the batch differ in ``b``."""
    b = weights.b
    k, n = b.array.shape[-2:]
    m = a.array.shape[-2]
    batch = max(len(a), len(b))
    strides = {name: each.stride for name, each in (("a", a), ("b", b), ("c", c))}
    if batch > 1 and len(b) == 1 and _even(a) and _even(c):
        strides |= {name: _step(each) for name, each in (("a", a), ("c", c)) if m == 1}
        batch, m = 1, m * batch
    record = weights.settings.records is not None
    common = {
        "opcode": Opcode.GEMM,
        "version": VERSION,
        "flags": 0 if record else Flags.RAW,
        "c_size": weights.settings.c_size,
        **{f"{name}_stride": stride for name, stride in strides.items()},
        "m": m,
        "n": n,
        "k": k,
    }
    if m > LARGEST_SIDE:
        raise UsageError(f"a must have at most {LARGEST_SIDE} rows, not {m}")
    return [
        {
            **common,
            "a": a.matrix(index),
            "b": b.matrix(index),
            "c": c.matrix(index),
            "settings": weights.record(index),
        }
        for index in range(batch)
    ]


def _step(operand: Operand) -> int:
    """Return the bytes from a matrix of a batch to the next."""
    return operand.array.strides[0]


def _even(operand: Operand) -> bool:
    """Return whether all rows of a batch are equally far apart."""
    if operand.array.ndim == 2:
        return False
    _batch, rows, _columns = operand.array.shape
    if rows == 1:
        return abs(operand.array.strides[0]) < LONGEST_STRIDE
    return operand.array.strides[0] == rows * operand.array.strides[1]
