# amaranth: UnusedElaboratable=no
"""The AXI4-Stream top of a generated package, under cocotbext-axi with random pauses."""

import json
import re
from itertools import permutations

import numpy as np
import pytest

from gemmule.gen.blocks.systolic.gemm import GemmRun
from gemmule.gen.catalog import find
from gemmule.gen.docs.examples.own_block import ADDER, AdderParams
from gemmule.gen.package.generate import generate
from gemmule.gen.simulation.engine import build
from gemmule.gen.simulation.simulator import SimulationError
from gemmule.gen.verilog.axis import AxisForm
from gemmule.gen.verilog.emit import Emitted
from gemmule.gen.verilog.manifest import Manifest
from gemmule.hw.systolic.params import GemmParams
from gemmule.tb.benches.task import Task
from gemmule.tb.benches.verify import run_bench
from gemmule.tb.systolic.stimuli import gemm

CASES = {
    "adder, whole bytes": (ADDER, AdderParams(lanes=3, format="s5")),
    "gemm, padded lanes": (
        find("gemm"),
        GemmParams(rows=3, cols=2, a_format="u4", b_format="s5", acc_depth=8),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_package_works_between_axi_streams(case, tmp_path):
    block, params = CASES[case]
    rng = np.random.default_rng(5)
    if block is ADDER:
        run = block.adapter.Run(bias=-2)
        arrays = {name: rng.integers(-16, 16, (4, 9)) for name in "xy"}
    else:
        run = GemmRun()
        arrays = gemm(params, run, rng)
    verification = bench(block, params, run, arrays, tmp_path)
    assert verification.ran == 3
    assert not verification.failed, verification.log


def test_the_bench_sees_a_wrong_sign(tmp_path):
    params = AdderParams(lanes=2, format="s6")
    arrays = {name: np.full((1, 4), -7) for name in "xy"}

    def unsigned(verilog: str) -> str:
        changed = re.sub(r"(core_total_payload\[8\], ){6}", "6'h00, ", verilog)
        assert changed != verilog
        return changed

    verification = bench(ADDER, params, ADDER.adapter.Run(), arrays, tmp_path, mutate=unsigned)
    assert verification.failed == verification.ran == 3


DMA = AxisForm(streams="dma", tdata_width=32, fifo_depth="command=4,b=64,scale=8")
SMALL = GemmParams(rows=3, cols=2, a_format="u4", b_format="s5", acc_depth=8)


def test_gemm_runs_through_stock_dmas_and_through_one_channel(tmp_path):
    """M: streams of powers of two with TLAST and TKEEP; 1.2: queues make one channel enough."""
    run = GemmRun()
    arrays = gemm(SMALL, run, np.random.default_rng(6))
    benches = ["gemmule.tb.package.cocotb_axis", "gemmule.tb.package.cocotb_channel"]
    verification = bench(find("gemm"), SMALL, run, arrays, tmp_path, form=DMA, benches=benches)
    assert verification.ran == 4
    assert not verification.failed, verification.log


def test_one_channel_without_queues_stops_in_every_order():
    """1.2: whichever packet of a gemm comes first waits for one behind it, and so for ever."""
    model, run = build(find("gemm"), SMALL), GemmRun()
    job = find("gemm").adapter.plan(SMALL, run, gemm(SMALL, run, np.random.default_rng(6)))
    for order in permutations(["a", "b", "scale"]):
        sent = {"command": job.send["command"]}
        for name in order:
            sent[name] = job.send[name]
            # A channel gives no packet before the one in front of it has been taken whole.
            try:
                model.run(sent, {}, patience=500)
            except SimulationError as error:
                taken = int(re.search(rf"; {name} (\d+) of", str(error))[1])
                assert taken < len(sent[name])
                break
        else:
            pytest.fail(f"one channel in the order {order} is enough")


def bench(
    block,
    params,
    run,
    arrays,
    folder,
    *,
    mutate=str,
    form=None,
    benches=("gemmule.tb.package.cocotb_axis",),
):
    generate(block, params, folder / "ip", name="mine", form=form)
    parts = [(folder / "ip" / f"mine{part}.v").read_text() for part in ("", "_axis")]
    manifest = Manifest.from_json(json.loads((folder / "ip" / "mine.json").read_text()))
    task = Task(block, params, run, arrays, manifest)
    return run_bench(
        Emitted(mutate("".join(parts)), manifest, "mine_axis"),
        benches,
        seed=7,
        env=task.save(folder),
        folder=folder,
    )
