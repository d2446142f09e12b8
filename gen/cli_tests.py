"""What the evidence does: verify, bench and demo start `gemmule.tb` as a process, by name."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.options import Options

from .block import Block
from .cli_print import JSON

__all__ = ["bench", "demo", "verify", "verify_all"]

INPUTS = Annotated[
    Path | None, typer.Option(metavar="IN.npz", help="Arrays of yours to send as well.")
]
OUT = Annotated[Path, typer.Option(metavar="DIR", help="Where tables and plots go.")]
NAME = Annotated[str | None, typer.Argument(metavar="NAME", help="Without it: the benches.")]
DATA = Annotated[
    Path | None,
    typer.Option(metavar="PATH", help="Data of yours: MNIST's files, for the bench train."),
]
QUICK = Annotated[bool, typer.Option("--quick", help="Fewer and smaller cases.")]


def verify(block: Block, params: Options, run: Options, *, inputs: INPUTS = None) -> int:
    """Run the cocotb regressions, of all blocks or of one with parameters and data of yours."""
    if block.adapter is None:
        raise UsageError(f"{block.name} can be generated and synthesized, but not verified alone")
    settings = ["--params", json.dumps(params.as_dict()), "--run", json.dumps(run.as_dict())]
    data = [] if inputs is None else ["--inputs", str(inputs)]
    return _tb("verify", block.name, *settings, *data)


def verify_all() -> int:
    """Run the cocotb regressions of every block."""
    return _tb("verify")


def bench(
    name: NAME = None,
    *,
    out: OUT = Path("build/bench"),
    data: DATA = None,
    quick: QUICK = False,
    as_json: JSON = False,
) -> int:
    """Run a benchmark of ours or of a paper: a table and a plot."""
    switches = [*(["--quick"] if quick else []), *(["--json"] if as_json else [])]
    given = [] if data is None else ["--data", str(data)]
    return _tb("bench", *([name] if name else []), "--out", str(out), *given, *switches)


def demo() -> int:
    """Handwritten digits through the Verilog of a 16x16 array."""
    return _tb("demo")


def _tb(*words: str) -> int:
    return subprocess.run([sys.executable, "-m", "gemmule.tb", *words], check=False).returncode
