"""The verbs of the evidence: `verify`, `bench` and `demo` start `gemmule.tb` as a process."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from gemmule.gen.block import Block
from gemmule.gen.files.atomic import check_folder, check_writable, folder_at
from gemmule.gen.synthesis.choose import Choice
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.options import Options

from .printing import JSON
from .verbs import BOARD

__all__ = ["bench", "demo", "verify", "verify_all"]

INPUTS = Annotated[
    Path | None, typer.Option(metavar="IN.npz", help="Also test with the arrays in this file.")
]
OUT = Annotated[str, typer.Option(metavar="DIR", help="Folder for tables and plots.")]
STALL = Annotated[
    float,
    typer.Option(
        metavar="P", help="Probability that a stream pauses in a cycle, in tests with pauses."
    ),
]
SEED = Annotated[int, typer.Option(metavar="N", help="Seed of the stimulus and the pauses.")]
SIMULATORS = ("verilator", "icarus")
SIMULATOR = Annotated[
    str, typer.Option(metavar="|".join(SIMULATORS), help="Simulator that runs the Verilog.")
]
WAVES = Annotated[Path | None, typer.Option(metavar="FILE.fst", help="File for the waves.")]
EXPORT = Annotated[
    str | None,
    typer.Option(
        metavar="DIR", help="Write the test bench into this folder for your CI, and run nothing."
    ),
]
NAME = Annotated[
    str | None, typer.Argument(metavar="NAME", help="Benchmark to run; omit it to list them.")
]
DATA = Annotated[
    Path | None,
    typer.Option(metavar="PATH", help="Folder with the files of MNIST, for the benchmark train."),
]
AGAINST = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Earlier table, of --json or --out, to print the changes against."
    ),
]
QUICK = Annotated[bool, typer.Option("--quick", help="Run fewer and smaller cases.")]


def verify(
    block: Block,
    params: Options,
    run: Options,
    choice: Choice | None = None,
    *,
    board: BOARD = None,
    inputs: INPUTS = None,
    stall: STALL = 0.5,
    seed: SEED = 1,
    simulator: SIMULATOR = "verilator",
    waves: WAVES = None,
    export: EXPORT = None,
    as_json: JSON = False,
) -> int:
    """Run the cocotb regressions of a block with your options and arrays, or of every block."""
    if block.adapter is None:
        does = "generated, simulated" if block.bus_adapter else "generated"
        raise UsageError(f"{block.name} can be {does} and synthesized, but not verified alone")
    check_writable("--waves", waves)
    if export is not None:
        check_folder("--export", folder_at("--export", export))
    chosen = choice.as_dict() if choice else {}
    given = {"params": params.as_dict(), "run": run.as_dict(), "choice": chosen}
    settings = [word for name, it in given.items() for word in (f"--{name}", json.dumps(it))]
    files = {"inputs": inputs, "waves": waves, "export": export}
    paths = [f"--{name}={path}" for name, path in files.items() if path is not None]
    return _tb("verify", block.name, *settings, *paths, *_how(stall, seed, simulator, as_json))


def verify_all(
    stall: STALL = 0.5,
    seed: SEED = 1,
    simulator: SIMULATOR = "verilator",
    as_json: JSON = False,
) -> int:
    """Run the cocotb regressions of every block."""
    return _tb("verify", *_how(stall, seed, simulator, as_json))


def _how(stall: float, seed: int, simulator: str, as_json: bool) -> list[str]:
    if not 0 <= stall < 1:
        raise UsageError(f"--stall must be at least 0 and below 1, not {stall}")
    if not 0 <= seed < 2**31:
        raise UsageError(f"--seed must be in 0..{2**31 - 1}, not {seed}")
    if simulator not in SIMULATORS:
        raise UsageError(f"--simulator must be one of {', '.join(SIMULATORS)}, not {simulator!r}")
    words = [f"--stall={stall}", f"--seed={seed}", f"--simulator={simulator}"]
    return [*words, *(["--json"] if as_json else [])]


def bench(
    name: NAME = None,
    *,
    out: OUT = "build/bench",
    data: DATA = None,
    against: AGAINST = None,
    quick: QUICK = False,
    as_json: JSON = False,
) -> int:
    """Run a benchmark and write its table and plot."""
    check_folder("--out", folder_at("--out", out))
    switches = [*(["--quick"] if quick else []), *(["--json"] if as_json else [])]
    paths = {"data": data, "against": against}
    given = [f"--{name}={path}" for name, path in paths.items() if path is not None]
    return _tb("bench", *([name] if name else []), "--out", out, *given, *switches)


def demo() -> int:
    """Classify handwritten digits with the Verilog of an accelerator."""
    return _tb("demo")


def _tb(*words: str) -> int:
    return subprocess.run([sys.executable, "-m", "gemmule.tb", *words], check=False).returncode
