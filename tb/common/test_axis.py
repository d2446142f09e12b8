# amaranth: UnusedElaboratable=no
"""The AXI4-Stream top of a generated package, under cocotbext-axi with random pauses."""

import json

import numpy as np
import pytest

from gemmule.gen.catalog import find
from gemmule.gen.emit import Emitted
from gemmule.gen.package import generate
from gemmule.gen.systolic.gemm import GemmRun
from gemmule.hw.systolic.params import GemmParams
from gemmule.tb.common.adder import ADDER, AdderParams
from gemmule.tb.common.task import Task
from gemmule.tb.common.verify import run_bench
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
    assert verification.ran == 2
    assert not verification.failed, verification.log


def test_the_bench_sees_a_wrong_sign(tmp_path):
    params = AdderParams(lanes=2, format="s6")
    arrays = {name: np.full((1, 4), -7) for name in "xy"}

    def unsigned(verilog: str) -> str:
        return verilog.replace("{7{total_payload[8]}}", "{7{1'b0}}")

    verification = bench(ADDER, params, ADDER.adapter.Run(), arrays, tmp_path, mutate=unsigned)
    assert verification.failed == verification.ran == 2


def bench(block, params, run, arrays, folder, *, mutate=lambda verilog: verilog):
    generate(block, params, folder / "ip")
    parts = [(folder / "ip" / f"{block.name}{part}.v").read_text() for part in ("", "_axis")]
    verilog = "".join(parts)
    manifest = json.loads((folder / "ip" / f"{block.name}.json").read_text())
    task = Task(block, params, run, arrays, manifest)
    return run_bench(
        Emitted(mutate(verilog), manifest, f"{block.name}_axis"),
        ["gemmule.tb.common.bench_axis"],
        seed=7,
        env=task.save(folder),
        folder=folder,
    )
