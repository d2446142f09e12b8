"""Which job an answer belongs to."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from gemmule.hw.common.pipeline import wire

from .layouts import JOBS

__all__ = ["Ledger"]


class Ledger(wiring.Component):
    """Count requests and answers, which come in order, and tell jobs apart by their numbers.

    A job may have no request at all: it is over when those before it are.

    Latency: a job is over 1 cycle after its last answer, 2 after it ``leaves`` if that is later.
    Throughput: an answer a cycle, of whatever job, and a job a cycle. Back-pressure: an end waits.

    Parameters
    ----------
    most : int
        A power of two, above what is ever asked for and not answered.

    Members
    -------
    asks, answers : In(1)
    leaves : In(1), leaving : In(range(JOBS))
        The job has no more requests, but for one that asks in this cycle.
    job : Out(range(JOBS))
        This cycle's answer is for it.
    over : Out(1), ended : Out(range(JOBS)), told : In(1)
        This job is over, of those that are the oldest; until it is told.
    """

    def __init__(self, most: int):
        self._most = most
        super().__init__({
            **dict.fromkeys(("asks", "answers", "leaves"), In(1)),
            "leaving": In(range(JOBS)),
            "job": Out(range(JOBS)),
            "over": Out(1),
            "ended": Out(range(JOBS)),
            "told": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        asked, answered = (Signal(range(self._most), name=n) for n in ("asked", "answered"))
        # Both counts, one more: no sum lies before a comparison, or behind what is late.
        then_asked = Signal.like(asked, name="then_asked", init=1)
        then_answered = Signal.like(answered, name="then_answered", init=1)
        edges = [Signal.like(asked, name=f"edge_{n}", reset_less=True) for n in range(JOBS)]
        known = Signal(JOBS)
        # Jobs are counted to twice their number: all of them may be over, and none of them told.
        owner, oldest = (Signal(range(2 * JOBS), name=name) for name in ("owner", "oldest"))
        reached = Cat(Mux(self.answers, then_answered == edge, answered == edge) for edge in edges)
        through = wire(m, "through", known & reached)
        passes = Signal(JOBS)
        with m.Switch(self.job):
            for first in range(JOBS):
                with m.Case(first):
                    for behind in range(JOBS):
                        row = [(first + n) % JOBS for n in range(behind + 1)]
                        with m.If(Cat(through[n] for n in row).all()):
                            m.d.comb += passes[row[-1]].eq(1)
                            m.d.sync += owner.eq(owner + behind + 1)
        m.d.comb += [
            self.job.eq(owner[: len(self.job)]),
            self.ended.eq(oldest[: len(self.ended)]),
            self.over.eq(oldest != owner),
        ]
        m.d.sync += [oldest.eq(oldest + (self.over & self.told)), known.eq(known & ~passes)]
        with m.If(self.asks):
            m.d.sync += [asked.eq(then_asked), then_asked.eq(then_asked + 1)]
        with m.If(self.answers):
            m.d.sync += [answered.eq(then_answered), then_answered.eq(then_answered + 1)]
        for n, edge in enumerate(edges):
            with m.If(self.leaves & (self.leaving == n)):
                m.d.sync += [edge.eq(Mux(self.asks, then_asked, asked)), known[n].eq(1)]
        return m
