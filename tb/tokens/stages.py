"""Jobs one after the other through one model, as stages follow each other in an encoder."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.block import Beats, Job
from gemmule.gen.simulation.simulate import compare
from gemmule.gen.simulation.simulator import Simulator
from gemmule.golden.common.lanes import from_words, last_of
from gemmule.tb.common.jobs import apart, joined

__all__ = ["HOW", "check_stages", "near", "run_stages", "some"]

HOW = ({"stall": 0.0}, {"stall": 0.5}, {"shy": True})
"""With what the ends of streams hold back; a shy sink waits to be offered something."""

PACKETS = ("decisions", "indices", "kept", "package", "scores")
"""Streams whose top bit is ``last``, and of which a stage is one packet."""


def run_stages(model: Simulator, jobs: Sequence[Job], **how) -> int:
    """Send all jobs without a gap, compare each with its golden results; return the cycles."""
    result = model.run(*joined(jobs), **how)
    widths = {stream.name: stream.width for stream in model.manifest.streams}
    check_stages(jobs, result.received, widths)
    return result.cycles


def check_stages(
    jobs: Sequence[Job], received: Mapping[str, Beats], widths: Mapping[str, int]
) -> None:
    """Compare each job's part of ``received`` with its golden results, and check each ``last``."""
    for job, beats in zip(jobs, apart(jobs, received), strict=True):
        for name, count in job.receive.items():
            if name in PACKETS:
                last = from_words(beats[name], widths[name] - 1, 1, 1, signed=False)[:, 0]
                assert last.astype(bool).tolist() == last_of(count).tolist(), f"last of {name}"
        outputs = job.decode(beats)
        for name, expected in job.golden.items():
            compare(name, outputs[name], expected)


def near(length: int, kind: str) -> int:
    """Return 0, 1, half of, all of, or one more than ``length``."""
    return {"none": 0, "one": 1, "half": length // 2, "all": length, "more": length + 1}[kind]


def some(kind: str, count: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Draw flags: all set, none, or half of them."""
    return rng.random(count) < {"all": 2.0, "none": -1.0, "half": 0.5}[kind]
