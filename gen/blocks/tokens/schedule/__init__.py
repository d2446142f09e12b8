"""The schedule of products that follow each other on one `gemm` array.

A :class:`Plan` lists products and which results each of them reads; a :class:`Schedule` puts them
on an array of ``rows`` x ``cols`` cells, in chains that fill and drain it as seldom as the reads
allow.

Examples
--------
>>> plan = Plan()
>>> hidden = plan.add(MatMul(m=50, k=64, n=32))
>>> output = plan.add(MatMul(m=50, k=32, n=8), Need(hidden))
>>> schedule = Schedule(rows=16, cols=16).run(plan)
>>> schedule.cycles, schedule.chains
(644, 2)

Whole encoders, dense or with tokens selected on the way:

>>> Array(rows=64, cols=32).encoder(DEIT["DeiT-T"])["cycles"] > 0
True
"""

from .chains import MatMul, Need, Placed, Plan, Schedule, Step
from .encoder import DEIT, SPVIT, Array, Encoder

__all__ = [
    "DEIT",
    "SPVIT",
    "Array",
    "Encoder",
    "MatMul",
    "Need",
    "Placed",
    "Plan",
    "Schedule",
    "Step",
]
