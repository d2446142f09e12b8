"""The verbs that work on any block of the catalog: `generate`, `simulate`, `synth`."""

import sys
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from gemmule.gen.block import Block
from gemmule.gen.boards import board_choices
from gemmule.gen.files.atomic import (
    check_folder,
    check_writable,
    folder_at,
    is_stdout,
    replacing,
    write_file,
)
from gemmule.gen.files.user_files import read_arrays
from gemmule.gen.synthesis.choose import Choice
from gemmule.gen.verilog.axis import AxisForm
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.options import Options

from .printing import JSON, pairs, print_json, progress, table

__all__ = ["generate", "simulate", "synth"]

BOARD = Annotated[
    str | None, typer.Option(metavar="BOARD", help=f"Board to build for: {board_choices()}.")
]
CLOCK = Annotated[
    float | None, typer.Option(metavar="MHZ", help="Clock frequency that the constraints ask for.")
]
FLATTEN = Annotated[
    bool | None,
    typer.Option(
        "--flatten/--no-flatten",
        help="Flatten the hierarchy before mapping, which takes longer and saves a few percent;"
        " bare arrays are flattened by default.",
    ),
]
NAME = Annotated[
    str | None, typer.Option(metavar="NAME", help="Name of the modules, the files and the core.")
]
FOLDER = Annotated[str, typer.Option(metavar="DIR", help="Folder to write into.")]
STREAMS = Annotated[
    str,
    typer.Option(
        metavar="plain|dma",
        help="AXI4-Streams as wide as their bytes (plain), or as stock DMA engines take them, with"
        " widths of a power of two, TLAST and TKEEP (dma).",
    ),
]
TDATA_WIDTH = Annotated[
    str | None,
    typer.Option(
        metavar="BITS",
        help="TDATA width of all streams, only with --streams dma; without it each stream is as"
        " wide as it needs.",
    ),
]
FIFO_DEPTH = Annotated[
    str,
    typer.Option(
        metavar="WORDS",
        help="Depth of the queue before each input, or before some inputs, as in a=512,scale=16.",
    ),
]
RESOURCES = Annotated[
    bool,
    typer.Option("--resources", help="List the resources that Yosys counts in the data sheet."),
]
FORCE = Annotated[
    bool,
    typer.Option(
        "--force", help="Overwrite files that gemmule did not write, or that were changed since."
    ),
]
INPUTS = Annotated[Path, typer.Option(metavar="IN.npz", help="File of the arrays to send.")]
RESULTS = Annotated[
    Path | None, typer.Option(metavar="OUT.npz", help="File for the results; - is stdout.")
]
STALL = Annotated[
    float,
    typer.Option(metavar="P", help="Probability that a stream pauses in a cycle, 0 to 0.999."),
]
SEED = Annotated[int, typer.Option(metavar="N", help="Seed of the random pauses.")]
MEMORY_WIDTH = Annotated[
    int | None,
    typer.Option(
        metavar="BYTES", help="Bytes that the external memory moves in a cycle (default 16)."
    ),
]
MEMORY_LATENCY = Annotated[
    int | None,
    typer.Option(
        metavar="CYCLES", help="Cycles from a request to the memory's answer (default 32)."
    ),
]
TIMELINE = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.html",
        help="Page or PNG of a block with a bus: bursts, register accesses, interrupts, roofline.",
    ),
]
WAVES = Annotated[Path | None, typer.Option(metavar="FILE.fst", help="File for the waves.")]


LEVELS = (
    "cells on the longest path between two registers: LUTs, LUT memories, multiplexers and each"
    " CARRY4, but nothing inside a DSP block"
)


def generate(
    block: Block,
    params: Options,
    choice: Choice | None = None,
    *,
    out: FOLDER,
    name: NAME = None,
    board: BOARD = None,
    clock_mhz: CLOCK = None,
    streams: STREAMS = "plain",
    tdata_width: TDATA_WIDTH = None,
    fifo_depth: FIFO_DEPTH = "0",
    resources: RESOURCES = False,
    force: FORCE = False,
    as_json: JSON = False,
) -> int:
    """Write Verilog, its manifest, constraints and integration files."""
    from gemmule.gen.package.generate import generate as write

    folder = folder_at("--out", out)
    check_folder("--out", folder)
    with progress(f"writing {block.name}"):
        given: dict[str, Any] = {"tdata_width": tdata_width}  # text, which the form reads
        form = AxisForm(streams=streams, fifo_depth=fifo_depth, **given)
        written = write(
            block,
            params,
            folder,
            name=name,
            board=board,
            clock_mhz=clock_mhz,
            form=form,
            force=force,
            resources=resources,
        )
    if as_json:
        found = {"block": block.name, "out": str(folder), "files": sorted(written)}
        print_json(found | _plain(choice))
    else:
        table(["file", "what"], written.items(), title=f"{block.name} in {folder}")
        pairs(_plain(choice))
    return 0


def simulate(
    block: Block,
    params: Options,
    run: Options,
    choice: Choice | None = None,
    *,
    inputs: INPUTS,
    out: RESULTS = None,
    board: BOARD = None,
    stall: STALL = 0.0,
    seed: SEED = 0,
    waves: WAVES = None,
    memory_width: MEMORY_WIDTH = None,
    memory_latency: MEMORY_LATENCY = None,
    timeline: TIMELINE = None,
    as_json: JSON = False,
) -> int:
    """Send arrays through the Verilog and compare the results with the golden model."""
    from gemmule.gen.simulation.simulate import GoldenMismatch
    from gemmule.gen.simulation.simulate import simulate as send
    from gemmule.gen.simulation.simulator import SimulationError, check_stall

    by_bus = block.bus_adapter
    wanted = by_bus.wanted(run) if by_bus else block.simulated_by().inputs
    check_stall(stall)
    check_writable("--out", out, stdout=True)
    check_writable("--waves", waves)
    check_writable("--timeline", timeline)
    arrays = read_arrays(inputs, wanted)
    # Results on stdout leave no room there for the report.
    report_to = redirect_stdout(sys.stderr) if is_stdout(out) else nullcontext()
    with replacing(waves) as place, replacing(timeline) as events:
        try:
            with progress(f"checking the arrays of {block.name}") as tell:
                result = send(
                    block,
                    params,
                    arrays,
                    run=run,
                    stall=stall,
                    seed=seed,
                    waves=place,
                    memory_width=memory_width,
                    memory_latency=memory_latency,
                    timeline=events,
                    tell=tell,
                    progress=lambda done, all, cycle: tell(f"{done} of {all} beats, cycle {cycle}"),
                )
        except (GoldenMismatch, SimulationError) as failure:
            typer.echo(f"gemmule: {failure}", err=True)
            with report_to:
                if as_json:
                    print_json({"golden_match": False, "failure": str(failure)})
            return 1
    if out is not None:
        outputs: dict[str, Any] = result.outputs
        write_file(out, lambda file: np.savez(file, **outputs))
    with report_to:
        _print_simulation(result.as_json() | _plain(choice), as_json)
    return 0


def _print_simulation(report: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(report)
        return
    outputs = report.pop("outputs")
    pairs(report)
    table(
        ["output", "shape", "dtype"],
        [(name, each["shape"], each["dtype"]) for name, each in outputs.items()],
    )


def synth(
    block: Block,
    params: Options,
    choice: Choice | None = None,
    *,
    board: BOARD = None,
    flatten: FLATTEN = None,
    as_json: JSON = False,
) -> int:
    """Count the LUT, FF, CARRY, DSP and BRAM that Yosys maps the block to on a board."""
    from gemmule.gen.boards import load_board
    from gemmule.gen.synthesis.synth import synthesize

    if board is None:
        raise UsageError(f"synth needs --board: {board_choices()}")
    target = load_board(board)
    with progress(f"synthesizing {block.name} for {target.name}"):
        report = synthesize(block, params, target, flatten=flatten)
    if as_json:
        print_json(report.as_dict() | _plain(choice))
    else:
        _print_report(report.as_dict() | _plain(choice))
    return 0 if report.fits else 1


def _plain(choice: Choice | None) -> dict[str, str]:
    return choice.as_dict() if choice else {}


def _print_report(report: dict[str, Any]) -> None:
    percent, parts = report.pop("percent"), report.pop("parts")
    rows = [
        ("all", *(report[name] for name in percent)),
        ("percent", *percent.values()),
        *((part, *(counts[name] for name in percent)) for part, counts in parts.items()),
    ]
    table(["part", *percent], rows)
    report["logic_levels"] = (
        f"{report['logic_levels']} (a LUT, a multiplexer, four bits of a carry chain: one each)"
    )
    report["longest_path"] = " > ".join(report["longest_path"])
    fanouts = report.pop("fanouts")
    report["fanouts"] = ", ".join(f"{net} {sinks}" for net, sinks in fanouts.items())
    levels = report.pop("logic_levels")
    report["logic_levels"] = f"{levels}: {LEVELS}"
    pairs({key: value for key, value in report.items() if key not in percent})
