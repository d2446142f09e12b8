"""`bench sim-speed`: the engine beside cocotb's own runner, fed lane by lane from Python."""

import json
import multiprocessing
import os
import signal
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import numpy as np
from cocotb_tools.runner import get_runner

from gemmule.gen.block import Block
from gemmule.gen.catalog import find
from gemmule.gen.simulation.engine import build_emitted
from gemmule.gen.verilog.emit import emit
from gemmule.golden.common.options import Options
from gemmule.tb.benches.task import Task
from gemmule.tb.verilog.plain import build_with_cocotb, lane_ports, plain_verilog

NAME = "sim-speed"
SUMMARY = "cycles per second and build time of gemm, ours and cocotb's plain runner"

TOP = "lanes"
PATIENCE = 300
OURS, PLAIN = "gemmule", "cocotb, plain"


def run(out: Path, quick: bool) -> list[dict[str, Any]]:
    """Time both ways on 8x8 cells, then both builds on 16x16, the plain one given up in the end."""
    block = find("gemm")
    size = 2 if quick else 8
    rows = _both(block, size, running=True)
    return rows if quick else [*rows, *_both(block, 16, running=False)]


def _both(block: Block, size: int, *, running: bool) -> list[dict[str, Any]]:
    params = block.params(rows=size, cols=size)
    with TemporaryDirectory(prefix="gemmule-") as name:
        ours = _ours(block, params, Path(name, "cache"), running)
        plain = _plain(block, params, Path(name), running)
    for row in (ours, plain):
        row["array"] = f"{size}x{size}"
    if running:
        ours["times"] = round(ours["cycles_per_second"] / plain["cycles_per_second"], 1)
    elif plain["build_seconds"] is not None:
        ours["times"] = round(plain["build_seconds"] / ours["build_seconds"], 1)
    return [ours, plain]


def _ours(block: Block, params: Options, cache: Path, running: bool) -> dict[str, Any]:
    with patch.dict(os.environ, {"GEMMULE_CACHE": str(cache)}):
        # Nothing is cached: this includes Verilator's library, once for all designs.
        model = build_emitted(emit(block, params))
    row = {"way": OURS, "build_seconds": round(model.build_seconds, 1), "cycles_per_second": None}
    if running:
        job = _task(block, params, 256).job()
        result = model.run(job.send, job.receive)
        row["cycles_per_second"] = round(result.total_cycles / result.seconds)
    return row


def _plain(block: Block, params: Options, folder: Path, running: bool) -> dict[str, Any]:
    task = _task(block, params, 64)
    text = lane_ports(plain_verilog(block, params), task.manifest, TOP)
    process = multiprocessing.get_context("spawn").Process(
        target=_build_apart, args=(text, TOP, folder)
    )
    began = time.perf_counter()
    process.start()
    process.join(None if running else PATIENCE)
    seconds = time.perf_counter() - began
    row = {"way": PLAIN, "build_seconds": round(seconds, 1), "cycles_per_second": None}
    if process.is_alive():
        os.killpg(process.pid, signal.SIGTERM)
        process.join()
        return row | {"build_seconds": None, "note": f"given up after {PATIENCE} s"}
    if running:
        row["cycles_per_second"] = round(_run_plain(task, folder))
    return row


def _run_plain(task: Task, folder: Path) -> float:
    report = folder / "report.json"
    get_runner("verilator").test(
        hdl_toplevel=TOP,
        hdl_toplevel_lang="verilog",
        test_module="gemmule.tb.benches.cocotb_lanes",
        build_dir=folder,
        test_dir=folder,
        results_xml=str(folder / "results.xml"),
        extra_env={**task.save(folder), "GEMMULE_REPORT": str(report)},
        log_file=folder / "bench.log",
    )
    result = json.loads(report.read_text())
    return result["cycles"] / result["seconds"]


def _task(block: Block, params: Options, length: int) -> Task:
    a, b = np.random.default_rng(1).integers(-128, 128, size=(2, length, length))
    manifest = emit(block, params).manifest
    return Task(block, params, block.adapter.Run(), {"a": a, "b": b}, manifest)


def _build_apart(*args: Any) -> None:
    os.setsid()  # a group of its own, with the compilers that it starts
    build_with_cocotb(*args)
