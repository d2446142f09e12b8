"""A schedule's chains through the RTL of `gemm`: sources that wait for the results they read."""

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np

from gemmule.gen.block import Job
from gemmule.gen.blocks.systolic.gemm import GemmRun
from gemmule.gen.blocks.tokens.schedule.chains import MatMul, Need, Schedule, Step
from gemmule.gen.catalog import find
from gemmule.gen.simulation.engine import build
from gemmule.golden.systolic.beats import Tiling
from gemmule.hw.systolic.params import GemmParams
from gemmule.tb.common.jobs import run_jobs
from gemmule.tb.systolic.stimuli import scaled

__all__ = ["chain_cycles"]


def chain_cycles(
    schedule: Schedule, plan: Sequence[Step], rng: np.random.Generator
) -> Iterator[int]:
    """Yield the cycles of each chain in RTL; no beat is offered before the results that it reads.

    The numbers are random, and the results those of the golden model.
    """
    params = GemmParams(rows=schedule.rows, cols=schedule.cols, row_scales=True)
    model = build(find("gemm"), params)
    for _, placed in groupby(schedule.placed.items(), key=lambda each: each[1].chain):
        tilings = {number: each.tiling for number, each in placed}
        jobs = [
            _job(params, tiling, plan[number].product, rng) for number, tiling in tilings.items()
        ]
        out = dict(zip(tilings, np.cumsum([job.receive["c"] for job in jobs]), strict=True))
        behind = {}
        for operand in ("a", "b"):
            waits = [
                _waits(len(job.send[operand]), operand, tiling, plan[number].needs, out)
                for job, (number, tiling) in zip(jobs, tilings.items(), strict=True)
            ]
            behind[operand] = "c", np.concatenate(waits)
        yield run_jobs(model, jobs, behind=behind).cycles


def _job(params: GemmParams, tiling: Tiling, each: MatMul, rng: np.random.Generator) -> Job:
    """Plan the product as it is put, with settings of its own for each channel."""
    run = GemmRun(
        run_dataflow="os" if tiling.output_stationary else "ws",
        swap="always" if tiling.by_row else "never",
    )
    arrays = scaled(params, rng, (each.m, each.n, each.k))
    return find("gemm").adapter.plan(params, run, arrays)


def _waits(
    beats: int, operand: str, tiling: Tiling, needs: Sequence[Need], out: dict[int, int]
) -> np.ndarray:
    """Return for each beat of an operand how many results of the chain must be out."""
    waits = np.zeros(beats, np.int64)
    for need in needs:
        if need.step in out and (need.right == tiling.by_row) == (operand == "a"):
            tile = need.k // tiling.rows
            each = tiling.stretches[0] if operand == "a" else tiling.rows
            first = need.k if tiling.output_stationary else tile * each
            waits[first:] = np.maximum(waits[first:], out[need.step])
    return waits
