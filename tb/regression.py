"""`gemmule verify`: blocks under cocotb, with stimuli of ours or arrays of the user's."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gemmule.gen.block import Block
from gemmule.gen.catalog import catalog, find
from gemmule.gen.cli_print import progress, table
from gemmule.gen.inputs import read_arrays
from gemmule.golden.common.errors import UsageError

from .common.verify import Verification, verify
from .registry import stimuli, stimulus

__all__ = ["verify_all", "verify_block"]


def verify_block(
    name: str,
    params: Mapping[str, Any],
    run: Mapping[str, Any],
    inputs: Path | None,
    seed: int,
) -> int:
    """Verify one block with parameters, run options and perhaps arrays of the user's."""
    block = find(name)
    if block.adapter is None:
        raise UsageError(f"{name} is for generate and synth only: it takes no arrays")
    return _report([_verify(block, params, run, inputs, seed)])


def verify_all(seed: int) -> int:
    """Verify each block that has a stimulus, with its default options."""
    known = stimuli()
    return _report([
        _verify(block, {}, {}, None, seed) for block in catalog().values() if block.name in known
    ])


def _verify(
    block: Block,
    params: Mapping[str, Any],
    run: Mapping[str, Any],
    inputs: Path | None,
    seed: int,
) -> tuple[str, Verification, float]:
    made, options = block.params(**params), block.adapter.Run(**run)
    if inputs is not None:
        arrays = read_arrays(inputs, block.adapter.inputs)
        block.adapter.plan(made, options, arrays)  # refuses what `simulate` refuses, and as early
    else:
        arrays = stimulus(block.name)(made, options, np.random.default_rng(seed))
    began = time.perf_counter()
    with progress(f"verifying {block.name}"):
        result = verify(block, made, options, arrays, seed)
    return block.name, result, time.perf_counter() - began


def _report(results: list[tuple[str, Verification, float]]) -> int:
    for name, result, _seconds in results:
        if not result.passed:
            print(f"{name} failed; the simulator's log:\n{result.log}", file=sys.stderr)
    table(
        ["block", "cocotb tests", "failed", "seconds"],
        [(name, result.ran, result.failed, round(took, 1)) for name, result, took in results],
    )
    return 0 if results and all(result.passed for _name, result, _seconds in results) else 1
