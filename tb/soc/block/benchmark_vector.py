"""Benchmark `vector`: commands of the vector unit, alone, doorbell to interrupt."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gemmule.gen.simulation.axi import build_axi
from gemmule.gen.simulation.engine import emitted_once
from gemmule.golden.common.formats import Format
from gemmule.golden.nonlinear.layernorm import epsilon_code
from gemmule.golden.soc.commands import AFFINE, VectorFunction
from gemmule.hw.soc.params import AcceleratorParams

from .benchmark_block import BASE, large, measure, small
from .program import Program

__all__ = ["SUMMARY", "run"]

SUMMARY = (
    "commands of the vector unit, doorbell to interrupt: cycles beside those that the bus takes"
)

KINDS = ("NONE", "ADD", "GELU", "SOFTMAX", "LAYERNORM", "TRANSPOSE")

Row = dict[str, Any]


def run(out: Path, quick: bool) -> list[Row]:
    """Return a row a command on matrices of a block of DeiT-S, to and from s8.

    The memory answers after 30 cycles, at the width of the bus. ``bound`` is the cycles that the
    bus takes to read, or the lanes to compute, whichever is more.
    """
    return list(_rows(small() if quick else large(), (19, 24) if quick else (197, 384)))


def _rows(params: AcceleratorParams, shape: tuple[int, int]) -> Iterator[Row]:
    built = build_axi(emitted_once("accelerator", params))
    for name in KINDS:
        yield _row(params, built, name, *shape)
    for count in (1, 21):
        yield _row(params, built, "ADD", 4, 4, count)


def _row(
    params: AcceleratorParams, built: Path, name: str, rows: int, columns: int, count: int = 1
) -> Row:
    rng = np.random.default_rng(1)
    program = Program(BASE)
    two = name == "ADD"
    a, b = (program.put(rng.integers(-128, 128, (rows, columns), np.int8)) for _ in range(2))
    turned = (columns, rows) if name == "TRANSPOSE" else (rows, columns)
    c = program.matrix(*turned)
    record = {"multiplier": 16, "result_shift": 5, "delta": 1 << 12}
    record["epsilon"] = epsilon_code(1e-5, columns, Format.parse("sq8.8"))
    function = VectorFunction["NONE" if two else name]
    affine = AFFINE.encode(gamma=1 << 12) * columns
    for _ in range(count):
        program.vector(a, c, b if two else None, function=function, behind=affine, **record)
    found = measure(program, params, built)
    vectors = rows * -(-columns // params.vector_lanes)
    beats = (1 + two) * rows * columns / (params.data_width // 8)
    bound = count * max(vectors, round(beats))
    return {
        "command": name.lower(),
        "rows": rows,
        "columns": columns,
        "lanes": params.vector_lanes,
        "commands": count,
        "cycles": found.cycles,
        "bound": bound,
        "bound / cycles": round(bound / found.cycles, 4),
    }
