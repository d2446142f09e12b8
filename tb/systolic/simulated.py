"""A run of `gemm` that must be right, and on time."""

from collections.abc import Mapping

import numpy as np

from gemmule.gen.blocks.systolic.gemm import GemmRun
from gemmule.gen.simulation.simulate import Simulation, simulate
from gemmule.hw.systolic.params import GemmParams

__all__ = ["simulated"]


def simulated(
    params: GemmParams,
    arrays: Mapping[str, np.ndarray],
    run: GemmRun,
    *,
    stall: float = 0.0,
    seed: int = 0,
) -> Simulation:
    """Simulate, which compares with the golden model; without stalls the cycle model holds too."""
    result = simulate("gemm", params, arrays, run=run, stall=stall, seed=seed)
    if not stall:
        assert result.cycles == result.counters["modeled_cycles"]
    return result
