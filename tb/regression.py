"""`gemmule verify`: blocks under cocotb, with stimuli of ours or arrays of the user's."""

import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from gemmule.gen.block import Arrays, Block
from gemmule.gen.catalog import catalog, find
from gemmule.gen.cli.printing import pairs, print_json, progress, table
from gemmule.gen.files.atomic import replacing, write_folder
from gemmule.gen.files.user_files import read_arrays
from gemmule.golden.common.options import Options
from gemmule.tb.benches.export import ABOUT, export
from gemmule.tb.benches.how import How
from gemmule.tb.benches.verify import Verification, verify
from gemmule.tb.registry import stimulus

__all__ = ["export_block", "verify_all", "verify_block"]


def verify_block(
    name: str,
    params: Mapping[str, Any],
    run: Mapping[str, Any],
    inputs: Path | None,
    how: How,
    *,
    waves: Path | None = None,
    choice: Mapping[str, Any] | None = None,
    as_json: bool = False,
) -> int:
    """Verify one block with parameters, run options and perhaps arrays of the user's."""
    job = _job(name, params, run, inputs, how)
    with replacing(waves) as place:
        row, result = _verify(*job, how, place)
    return _report([(row | dict(choice or {}), result)], as_json, alone=True)


def verify_all(how: How, *, as_json: bool = False) -> int:
    """Verify each block that takes arrays, with its default options."""
    names = [name for name, block in catalog().items() if block.adapter]
    return _report([_verify(*_job(name, {}, {}, None, how), how, None) for name in names], as_json)


def export_block(
    name: str,
    params: Mapping[str, Any],
    run: Mapping[str, Any],
    inputs: Path | None,
    how: How,
    out: Path,
) -> int:
    """Write the bench of one block and its data into the folder ``out``."""
    files = export(*_job(name, params, run, inputs, how), how)
    write_folder(out, files)
    table(["file", "what"], [(each, ABOUT.get(each, "the design")) for each in files], str(out))
    return 0


def _job(
    name: str,
    params: Mapping[str, Any],
    run: Mapping[str, Any],
    inputs: Path | None,
    how: How,
) -> tuple[Block, Options, Options, Arrays]:
    block = find(name)
    adapter = block.simulated_by()
    made, options = block.params(**params), adapter.Run(**run)
    if inputs is not None:
        arrays = read_arrays(inputs, adapter.inputs)
        adapter.plan(made, options, arrays)  # refuses what `simulate` refuses, and as early
    else:
        arrays = stimulus(block.name)(made, options, np.random.default_rng(how.seed))
    return block, made, options, arrays


def _verify(
    block: Block, params: Options, run: Options, arrays: Arrays, how: How, waves: Path | None
) -> tuple[dict[str, Any], Verification]:
    began = time.perf_counter()
    with progress(f"verifying {block.name}"):
        result = verify(block, params, run, arrays, how, waves=waves)
    return {
        "block": block.name,
        "passed": result.passed,
        "cocotb_tests": result.ran,
        "failed": result.failed,
        **asdict(how),
        "seconds": round(time.perf_counter() - began, 1),
    }, result


def _report(
    found: list[tuple[dict[str, Any], Verification]], as_json: bool, *, alone: bool = False
) -> int:
    for row, result in found:
        if not result.passed:
            print(f"{row['block']} failed; the simulator's log:\n{result.log}", file=sys.stderr)
    rows = [row for row, _result in found]
    if as_json:
        print_json(rows[0] if alone else rows)
    else:
        names = ("block", "cocotb_tests", "failed", "seconds")
        table(["block", "cocotb tests", "failed", "seconds"], [[r[n] for n in names] for r in rows])
        if alone:
            pairs({name: value for name, value in rows[0].items() if name not in names})
    return 0 if rows and all(row["passed"] for row in rows) else 1
