"""A block under cocotb: what `gemmule verify` runs, with the user's parameters and data."""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import mkdtemp
from unittest.mock import patch

import cocotb_tools.config
from cocotb_tools.check_results import get_results
from cocotb_tools.runner import Runner, get_runner

from gemmule.gen.block import Arrays, Block
from gemmule.gen.simulation.compile import Kind, compiled
from gemmule.gen.verilog.emit import Emitted, emit
from gemmule.gen.verilog.primitives import primitives_in
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.options import Options
from gemmule.tb.benches.how import How
from gemmule.tb.benches.task import STALL, Task

__all__ = ["BENCH", "Verification", "run_bench", "verify"]

BENCH = "gemmule.tb.benches.cocotb_block"
DEFAULT = How()

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
        """Tell whether tests ran, and none failed."""
        return self.ran > 0 and not self.failed


def verify(
    block: Block,
    params: Options,
    run: Options,
    arrays: Arrays,
    how: How = DEFAULT,
    *,
    emitted: Emitted | None = None,
    waves: Path | None = None,
) -> Verification:
    """Run the bench on one job.

    ``emitted`` is the block's Verilog, unless a test wants to see the benches fail on another.
    """
    emitted = emitted or emit(block, params)
    folder = Path(mkdtemp(prefix="gemmule-"))
    try:
        task = Task(block, params, run, arrays, emitted.manifest)
        env = task.save(folder) | {STALL: str(how.stall)}
        start = run_icarus if how.simulator == "icarus" else run_bench
        return start(emitted, [BENCH], seed=how.seed, env=env, folder=folder, waves=waves)
    finally:
        shutil.rmtree(folder)


def run_bench(
    emitted: Emitted,
    benches: Sequence[str],
    *,
    seed: int,
    env: Mapping[str, str],
    folder: Path,
    waves: Path | None = None,
) -> Verification:
    """Run the cocotb tests of the modules ``benches`` on a design, with results in ``folder``."""
    kind = replace(COCOTB, waves=waves is not None)
    program = compiled(kind, emitted.verilog, emitted.top, {}, program=emitted.top)
    found = _test(
        get_runner("verilator"),
        emitted.top,
        benches,
        program.parent,
        folder,
        seed=seed,
        env=env,
        waves=waves is not None,
    )
    if waves:
        shutil.move(folder / "dump.fst", waves)
    return found


def run_icarus(
    emitted: Emitted,
    benches: Sequence[str],
    *,
    seed: int,
    env: Mapping[str, str],
    folder: Path,
    waves: Path | None = None,
) -> Verification:
    """Do the same as :func:`run_bench` with Icarus, which builds in no time and runs slowly."""
    if not shutil.which("iverilog"):
        raise UsageError("--simulator icarus needs iverilog on PATH: apt install iverilog")
    design = folder / "design.v"
    design.write_text("\n".join([emitted.verilog, *primitives_in(emitted.verilog).values()]))
    runner = get_runner("icarus")
    runner.build(
        sources=[design],
        hdl_toplevel=emitted.top,
        build_dir=folder / "build",
        timescale=("1ns", "1ps"),
        waves=waves is not None,
        log_file=folder / "build.log",
    )
    found = _test(
        runner,
        emitted.top,
        benches,
        folder / "build",
        folder,
        seed=seed,
        env=env,
        waves=waves is not None,
    )
    if waves:
        shutil.move(folder / "build" / f"{emitted.top}.fst", waves)
    return found


def _test(
    runner: Runner,
    top: str,
    benches: Sequence[str],
    build: Path,
    folder: Path,
    *,
    seed: int,
    env: Mapping[str, str],
    waves: bool,
) -> Verification:
    log = folder / "bench.log"
    results = folder / "results.xml"
    # Its own way to name the results under pytest, and to exit there, is not wanted.
    environment = {k: v for k, v in os.environ.items() if k != "PYTEST_CURRENT_TEST"}
    with patch.dict(os.environ, environment, clear=True):
        runner.test(
            hdl_toplevel=top,
            hdl_toplevel_lang="verilog",
            test_module=list(benches),
            build_dir=build,
            test_dir=folder,
            results_xml=str(results),
            seed=seed,
            extra_env={**env, "NO_COLOR": "1"},
            log_file=log,
            waves=waves,
        )
    ran, failed = get_results(results) if results.exists() else (0, 0)
    return Verification(ran, failed, log.read_text() if log.exists() else "")
