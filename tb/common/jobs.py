"""Jobs one after the other through one model, without a gap between them."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from gemmule.gen.block import Beats, Job
from gemmule.gen.simulation.simulate import compare
from gemmule.gen.simulation.simulator import Result, Simulator

__all__ = ["apart", "joined", "run_jobs"]


def joined(jobs: Sequence[Job]) -> tuple[dict[str, Beats], dict[str, int]]:
    """Join jobs: what to send for all of them, and how many beats come back."""
    send = {name: np.concatenate([job.send[name] for job in jobs]) for name in jobs[0].send}
    return send, {name: sum(job.receive[name] for job in jobs) for name in jobs[0].receive}


def apart(jobs: Sequence[Job], received: Mapping[str, Beats]) -> Iterator[dict[str, Beats]]:
    """Yield each job's part of what came back."""
    begun = dict.fromkeys(jobs[0].receive, 0)
    for job in jobs:
        ends = {name: begun[name] + count for name, count in job.receive.items()}
        yield {name: received[name][begun[name] : end] for name, end in ends.items()}
        begun = ends


def run_jobs(model: Simulator, jobs: Sequence[Job], **how) -> Result:
    """Run all jobs as one, and compare each with its golden results."""
    result = model.run(*joined(jobs), **how)
    for job, beats in zip(jobs, apart(jobs, result.received), strict=True):
        outputs = job.decode(beats)
        for name, expected in job.golden.items():
            compare(name, outputs[name], expected)
    return result
