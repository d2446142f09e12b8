"""The bench of a block as files, for a CI that has cocotb, a simulator and Gemmule installed."""

from pathlib import Path
from tempfile import TemporaryDirectory

from gemmule.gen.block import Arrays, Block
from gemmule.gen.verilog.emit import emit
from gemmule.gen.verilog.primitives import primitives_in
from gemmule.golden.common.options import Options

from .how import How
from .task import STALL, VARIABLE, Task
from .verify import BENCH

__all__ = ["ABOUT", "export"]

ABOUT = {
    "Makefile": "`make` runs the bench, in Icarus; `make SIM=verilator` in Verilator",
    "run.py": "the same in Python, also for pytest: builds the design and runs the tests",
    "task.json": "the block, its parameters and run options, and its manifest",
    "task.npz": "the arrays",
}

MAKEFILE = """\
# The tests of {top}: `make` in Icarus, `make SIM=verilator` in Verilator.
# Needs what `pip install gemmule` brings, and a simulator.
SIM ?= icarus
PYTHON ?= python3

test:
\tSIM=$(SIM) $(PYTHON) run.py

clean:
\trm -rf build

.PHONY: test clean
"""

RUN = '''\
"""Runs the tests of {top} on {top}.v: `python run.py`, or `pytest run.py`."""

import os
import sys
from pathlib import Path

from cocotb_tools.check_results import get_results
from cocotb_tools.runner import get_runner

HERE = Path(__file__).resolve().parent
SIM = os.environ.get("SIM", "icarus")
# --public-depth: cocotb makes all signals visible otherwise, which takes minutes to compile.
OPTIONS = {{
    "icarus": [],
    "verilator": ["--public-depth", "1", "--x-assign", "fast", "--x-initial", "fast", "-Wno-fatal"],
}}


def test_{top}():
    if SIM == "verilator":
        try:
            from gemmule.gen.tools import verilator
        except ImportError:
            pass
        else:
            os.environ.update(verilator().environment)
    build = HERE / "build" / SIM
    runner = get_runner(SIM)
    runner.build(
        sources=[HERE / name for name in {sources}],
        hdl_toplevel="{top}",
        build_dir=build,
        build_args=OPTIONS[SIM],
        timescale=("1ns", "1ps"),
        always=True,
    )
    os.environ.pop("PYTEST_CURRENT_TEST", None)
    results = build / "results.xml"
    results.unlink(missing_ok=True)
    runner.test(
        hdl_toplevel="{top}",
        hdl_toplevel_lang="verilog",
        test_module={benches},
        build_dir=build,
        test_dir=build,
        results_xml=str(results),
        seed=int(os.environ.get("SEED", "{seed}")),
        extra_env={{"{task}": str(HERE), "{stall_name}": os.environ.get("STALL", "{stall}")}},
    )
    ran, failed = get_results(results)
    assert ran and not failed, f"{{failed}} of {{ran}} tests failed"


if __name__ == "__main__":
    try:
        test_{top}()
    except AssertionError as failure:
        sys.exit(str(failure))
'''


def export(
    block: Block, params: Options, run: Options, arrays: Arrays, how: How
) -> dict[str, str | bytes]:
    """Return each file of the bench: the design, the data, a Makefile and a script."""
    emitted = emit(block, params)
    with TemporaryDirectory(prefix="gemmule-") as name:
        folder = Path(name)
        Task(block, params, run, arrays, emitted.manifest).save(folder)
        task = {path.name: path.read_bytes() for path in folder.iterdir()}
    design = {f"{emitted.top}.v": emitted.verilog, **primitives_in(emitted.verilog)}
    script = RUN.format(
        top=emitted.top,
        sources=list(design),
        benches=[BENCH],
        seed=how.seed,
        stall=how.stall,
        task=VARIABLE,
        stall_name=STALL,
    )
    return {**design, **task, "Makefile": MAKEFILE.format(top=emitted.top), "run.py": script}
