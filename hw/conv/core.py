"""The matrix product within a convolution."""

from amaranth import Cat, Module, Signal, Value

from gemmule.hw.systolic.gemm import Gemm
from gemmule.hw.systolic.operands.operand import Operand

from .params import CoreParams

__all__ = ["Core"]


class Core(Gemm):
    """A :class:`Gemm` that tells at once where a packet of an operand does not end as it should.

    Members beside its own, 1 bit each: ``misfit``, and ``holds`` while a beat of an operand is
    there that no product has taken.
    """

    def __init__(self, params: CoreParams, *, shared: bool = False):
        super().__init__(params, shared=shared)
        self.misfit, self.holds = Signal(), Signal()

    def _operands(self, m: Module) -> list[Operand]:
        operands = super()._operands(m)
        a, b, *_ = (Value.cast(each.queue.faults) for each in operands)
        waits = [each.skid.o.valid for each in operands if each.skid]
        m.d.comb += [self.misfit.eq((a | b).any()), self.holds.eq(Cat(waits).any())]
        return operands
