"""Which job an answer belongs to."""

from amaranth import Array, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from gemmule.hw.common.pipeline import wire

from .layouts import JOBS

__all__ = ["Ledger"]


class Ledger(wiring.Component):
    """Count requests and answers, which come in order, and tell jobs apart by their numbers.

    Latency: 0 cycles; a job is over in the cycle of its last answer, or when it ``leaves`` if that
    is later.

    Parameters
    ----------
    most : int
        A power of two, above what is ever asked for and not answered.

    Members
    -------
    asks, answers : In(1)
    offered : In(1)
        A request of the job is offered that does not ask yet, or asks in this cycle.
    leaves : In(1), leaving : In(range(JOBS))
        The job has no more requests than those asked for and offered.
    job : Out(range(JOBS))
        The oldest job that is not over: this cycle's answer is for it.
    over : Out(1)
        It is, from the next cycle on.
    """

    def __init__(self, most: int):
        self._most = most
        super().__init__({
            **dict.fromkeys(("asks", "offered", "answers", "leaves"), In(1)),
            "leaving": In(range(JOBS)),
            "job": Out(range(JOBS)),
            "over": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        asked, answered = (Signal(range(self._most), name=n) for n in ("asked", "answered"))
        known = Signal(JOBS)
        edges = Array(Signal.like(asked, name=f"edge_{n}", reset_less=True) for n in range(JOBS))
        # Both counts, one more: no sum lies before a comparison, or behind what is late.
        then_asked = Signal.like(asked, name="then_asked", init=1)
        then_answered = Signal.like(answered, name="then_answered", init=1)
        edge = wire(m, "edge", edges[self.job])
        reached = Mux(self.answers, then_answered == edge, answered == edge)
        m.d.comb += self.over.eq(known.bit_select(self.job, 1) & reached)
        m.d.sync += self.job.eq(self.job + self.over)
        with m.If(self.asks):
            m.d.sync += [asked.eq(then_asked), then_asked.eq(then_asked + 1)]
        with m.If(self.answers):
            m.d.sync += [answered.eq(then_answered), then_answered.eq(then_answered + 1)]
        with m.If(self.over):
            m.d.sync += known.bit_select(self.job, 1).eq(0)
        with m.If(self.leaves):
            m.d.sync += [
                edges[self.leaving].eq(Mux(self.offered, then_asked, asked)),
                known.bit_select(self.leaving, 1).eq(1),
            ]
        return m
