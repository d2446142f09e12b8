"""A block under cocotb: what `gemmule verify` runs, with the user's parameters and data."""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from unittest.mock import patch

import cocotb_tools.config
from cocotb_tools.check_results import get_results
from cocotb_tools.runner import get_runner

from gemmule.gen.block import Arrays, Block
from gemmule.gen.compile import Kind, compiled
from gemmule.gen.emit import Emitted, emit
from gemmule.golden.common.options import Options
from gemmule.tb.common.task import Task

__all__ = ["BENCH", "Verification", "run_bench", "verify"]

BENCH = "gemmule.tb.common.bench_block"

_LIBS = cocotb_tools.config.libs_dir
# cocotb's own runner makes every signal visible and writable, so that nothing is optimized, and
# compiles Verilator's library again for each design.
COCOTB = Kind(
    "Vtop",
    verilate=("--vpi", "--public-depth", "1", "--timescale", "1ns/1ps"),
    library=("verilated.cpp", "verilated_threads.cpp", "verilated_vpi.cpp"),
    glue=(cocotb_tools.config.share_dir / "lib" / "verilator" / "verilator.cpp",),
    link=(f"-Wl,-rpath,{_LIBS}", f"-L{_LIBS}", "-lcocotbvpi_verilator"),
)


@dataclass(frozen=True)
class Verification:
    """How many cocotb tests ran and failed, and the simulator's log."""

    ran: int
    failed: int
    log: str

    @property
    def passed(self) -> bool:
        """Whether tests ran, and none failed."""
        return self.ran > 0 and not self.failed


def verify(
    block: Block,
    params: Options,
    run: Options,
    arrays: Arrays,
    seed: int = 1,
    *,
    emitted: Emitted | None = None,
) -> Verification:
    """Run the bench of all blocks, and the block's own if it has one, on one job.

    ``emitted`` is the block's Verilog, unless a test wants to see the benches fail on another.
    """
    emitted = emitted or emit(block, params)
    benches = [BENCH, *([block.bench] if block.bench else [])]
    folder = Path(mkdtemp(prefix="gemmule-"))
    try:
        task = Task(block, params, run, arrays, emitted.manifest)
        return run_bench(emitted, benches, seed=seed, env=task.save(folder), folder=folder)
    finally:
        shutil.rmtree(folder)


def run_bench(
    emitted: Emitted, benches: Sequence[str], *, seed: int, env: Mapping[str, str], folder: Path
) -> Verification:
    """Run the cocotb tests of the modules ``benches`` on a design, with results in ``folder``."""
    program = compiled(COCOTB, emitted.verilog, emitted.top, {}, program=emitted.top)
    log = folder / "bench.log"
    results = folder / "results.xml"
    # Its own way to name the results under pytest, and to exit there, is not wanted.
    environment = {k: v for k, v in os.environ.items() if k != "PYTEST_CURRENT_TEST"}
    with patch.dict(os.environ, environment, clear=True):
        get_runner("verilator").test(
            hdl_toplevel=emitted.top,
            hdl_toplevel_lang="verilog",
            test_module=list(benches),
            build_dir=program.parent,
            test_dir=folder,
            results_xml=str(results),
            seed=seed,
            extra_env={**env, "NO_COLOR": "1"},
            log_file=log,
        )
    ran, failed = get_results(results) if results.exists() else (0, 0)
    return Verification(ran, failed, log.read_text() if log.exists() else "")
