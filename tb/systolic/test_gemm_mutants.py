# amaranth: UnusedElaboratable=no
"""The comparison with the golden model is seen to fail: each mutant breaks one line."""

from dataclasses import replace

import numpy as np
import pytest

from gemmule.gen.blocks.systolic.gemm import GemmRun
from gemmule.gen.catalog import find
from gemmule.gen.simulation.engine import build_emitted
from gemmule.gen.simulation.simulator import SimulationError
from gemmule.gen.verilog.emit import emit
from gemmule.golden.systolic import beats
from gemmule.hw.systolic import gemm as top
from gemmule.hw.systolic.params import GemmParams
from gemmule.tb.common.jobs import apart, joined
from gemmule.tb.common.module_mutants import infect
from gemmule.tb.systolic.stimuli import gemm, product, with_rows

PARAMS = GemmParams(rows=2, cols=2, acc_depth=4, row_scales=True)
SYSTOLIC = "gemmule.hw.systolic"
COMMON = "gemmule.hw.common.requantize"
MUTANTS = {
    "sums are read back too soon": ("sequencer", "Mux(a.first, TILE_GAP - 1,", "Mux(a.first, 0,"),
    "a stalled row is overtaken": ("sequencer", "Mux(row, after,", "Mux(begin, TILE_GAP - 1,"),
    "stale sums are not cleared": ("drain", "& ~wash) | row", "& ~wash)"),
    "results overflow the queue": ("sequencer", "(room != 0)", "1"),
    "drained tiles collide": ("drain", "(at.end & (self._gap != 0))", "0"),
    "weights are swapped late": ("sequencer", "row & self.a_at.first) | beat", "beat)"),
    "scales are overwritten": ("gemm", "(held != SCALE_BANKS)", "1"),
    "sums are not kept": ("results", "valid & ~token.final", "valid & 0"),
    "a is unsigned": ("array.cell", "else a * weight", "else a.as_unsigned() * weight"),
    "lanes beyond K are used": ("gemm", "(a.at.depth > row)", "1"),
    "a stretch of M is too long": ("operands.loops", "Mux(over, first.m_stretch,", "Mux(over, 1,"),
    "rows go before their settings come": ("sequencer", "self.row_settings >= rows", "1"),
    "settings of rows are not counted": ("row_scales", "self.take - self.completed", "self.take"),
    "rows take settings for each tile of K": (
        "results",
        "valid & token.final & token.by_row",
        "valid & token.by_row",
    ),
    "columns take settings of rows": (
        "gemm",
        "Mux(a.at.by_row, sequencer.completed, 0)",
        "sequencer.completed",
    ),
    "a row has no factor of its own": ("requantizer", "Mux(by_row, row, 1 << STEP)", "1 << STEP"),
    "a row has no shift of its own": ("requantizer", "Mux(by_row, row, 0)", "0"),
    "a row alone has factors beside it": ("requantizer", "Mux(instead, 1 << STEP, each)", "each"),
    "a row has nothing beside it": (
        "requantizer",
        "self.i.by_row & ~self.i.beside",
        "self.i.by_row",
    ),
    "rows take what is beside others": ("gemm", "settings.command.beside", "a.command.beside"),
    "a scale is awaited that never comes": (
        "operands.operand",
        "(guard.valid | absent)",
        "guard.valid",
    ),
}


def jobs():
    """Yield jobs of both dataflows in turn, with tiles of one row and of many."""
    rng = np.random.default_rng(10)
    block = find("gemm")
    for flow in ("ws", "os", "ws", "os"):
        run, swap = (GemmRun(run_dataflow=flow, swap=s) for s in ("never", "always"))
        # The first results of a dataflow are not requantized: that could hide what is stale.
        for shape in ((1, 3, 7), (9, 5, 3), (1, 1, 1), (7, 2, 1), (2, 5, 60)):
            yield block.adapter.plan(PARAMS, run, product(PARAMS, rng, shape))
        yield block.adapter.plan(PARAMS, run, gemm(PARAMS, run, rng))
        yield block.adapter.plan(PARAMS, swap, gemm(PARAMS, swap, rng))
        yield block.adapter.plan(PARAMS, run, with_rows(PARAMS, rng, gemm(PARAMS, run, rng)))
        # A row of results a beat: slow settings fall behind by more than the array's latency.
        yield block.adapter.plan(PARAMS, swap, product(PARAMS, rng, (2, 100, 1)))


def junk(array, length, axis):
    """Pad with something else what `golden.systolic.beats` pads with zeros."""
    widths = [(0, length - size if i == axis else 0) for i, size in enumerate(array.shape)]
    return np.pad(array, widths, constant_values=1)


def agrees(monkeypatch):
    """Tell whether the block gives what the golden model says, in one run of all jobs."""
    block = replace(find("gemm"), component=top.Gemm)
    monkeypatch.setattr(beats, "_pad", junk)
    planned = list(jobs())
    model = build_emitted(emit(block, PARAMS))
    try:
        runs = [
            model.run(*joined(planned), stall=stall, seed=1, patience=500).received
            for stall in (0.0, 0.5, (0.9, 0.0), (0.0, 0.9))
        ]
    except SimulationError:
        return False
    return all(
        np.array_equal(job.decode(beats)["c"], job.golden["c"])
        for received in runs
        for job, beats in zip(planned, apart(planned, received), strict=True)
    )


def test_the_unbroken_block_agrees(monkeypatch):
    assert agrees(monkeypatch)


@pytest.mark.parametrize("fault", MUTANTS)
def test_mutant_is_caught(fault, monkeypatch):
    module, old, new = MUTANTS[fault]
    family = COMMON if module == "requantizer" else SYSTOLIC
    infect(monkeypatch, f"{family}.{module}", old, new)
    assert not agrees(monkeypatch)
