"""F3, F5, P: each stream of each block, with packets and commands that are wrong.

The block says so on `status`, and the next job is right: :mod:`.fault_table` tells what a row is.
"""

import pytest

from gemmule.gen.catalog import catalog
from gemmule.gen.ports import streams
from gemmule.tb.common.fault_table import KINDS, check
from gemmule.tb.registry import fault_tables

TABLES = fault_tables()

FREE = ("gelu", "sigmoid", "tanh", "silu", "hardswish", "hardsigmoid", "exp", "reciprocal", "rsqrt")
"""Their `last` passes through: a packet may have any length, and none can be wrong."""

IN_MEMORY = ("conv2d", "conv3d")
"""Their packets come from a memory: tb/conv/test_conv_faults.py."""


def test_every_block_has_its_rows():
    """Every input with packets, of every block that counts them, is in the table with each kind."""
    for name, block in catalog().items():
        if block.adapter is None or name in (*FREE, *IN_MEMORY):
            continue
        tables = [rows for rows in TABLES.values() if rows.block == name]
        for params in [rows.params for rows in tables] or [block.params()]:
            inputs = [
                each["name"] for each in streams(block.component(params))
                if each["direction"] == "input"
                and any(field["name"] == "last" for field in each["fields"])
            ]  # fmt: skip
            there = {(each.stream, each.kind) for rows in tables for each in rows.faults}
            lacking = {(stream, kind) for stream in inputs for kind in KINDS} - there
            assert not lacking, f"{name} lacks rows for {sorted(lacking)}"


@pytest.mark.parametrize("stall", [0.0, 0.4])
@pytest.mark.parametrize(
    ("rows", "fault"),
    [pytest.param(rows, fault, id=f"{name}-{fault}")
     for name, rows in TABLES.items() for fault in rows.faults],
)  # fmt: skip
def test_wrong_traffic(rows, fault, stall):
    check(rows, fault, stall)
