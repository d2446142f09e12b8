"""F3, F5, P: each stream of each block, with packets and commands that are wrong.

The block says so on `status`, and the next job is right: :mod:`.fault_table` tells what a row is.
"""

import pytest

from gemmule.gen.catalog import catalog
from gemmule.gen.verilog.ports import streams
from gemmule.golden.nonlinear.functions import FUNCTIONS
from gemmule.tb.common.fault_table import KINDS, check, together
from gemmule.tb.registry import fault_tables

TABLES = fault_tables()

FREE = tuple(FUNCTIONS)
"""Their `last` passes through: a packet may have any length, and none can be wrong."""

IN_MEMORY = ("conv2d", "conv3d")
"""Their packets come from a memory: tb/conv/programs/test_conv_packets.py."""


def test_every_block_has_its_rows():
    """Every input with packets, of every block that counts them, is in the table with each kind."""
    for name, block in catalog().items():
        if block.adapter is None or name in (*FREE, *IN_MEMORY):
            continue
        tables = [rows for rows in TABLES.values() if rows.block == name]
        for params in [rows.params for rows in tables] or [block.params()]:
            inputs = [
                each.name
                for each in streams(block.component(params))
                if each.is_input and any(field.name == "last" for field in each.fields)
            ]
            there = {(each.stream, each.kind) for rows in tables for each in rows.faults}
            lacking = {(stream, kind) for stream in inputs for kind in KINDS} - there
            assert not lacking, (
                f"{name} lacks rows for {sorted(lacking)} in tb/<family>/faults.py;"
                " if packets of any length are legal, add it to FREE"
            )


@pytest.mark.parametrize("stall", [0.0, 0.4])
@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        pytest.param(rows, fault, id=f"{name}-{fault}")
        for name, rows in TABLES.items()
        for fault in rows.faults
    ],
)
def test_wrong_traffic(rows, fault, stall):
    check(rows, fault, stall)


SEVERAL = {name: list(together(rows)) for name, rows in TABLES.items()}
"""Commands that are wrong in two ways."""


def test_every_block_that_has_several_codes_is_told_two_of_them():
    """Convolutions have a test of their own; a walk with a wrong spread has no beats outside."""
    told = {TABLES[name].block for name, faults in SEVERAL.items() if faults}
    for name, block in catalog().items():
        if block.adapter is None or name in IN_MEMORY:
            continue
        statuses = [
            each for each in streams(block.component(block.params())) if each.name == "status"
        ]
        fields = [field for each in statuses for field in each.fields]
        codes = {code.name for field in fields for code in field.codes}
        assert (name in told) == (len(codes - {"NONE", "OUTSIDE"}) > 1), name


@pytest.mark.parametrize("name", [name for name, faults in SEVERAL.items() if faults])
def test_of_several_reasons_the_lowest_code_is_told(name):
    """G8: and its packets are those that this code says."""
    for fault in SEVERAL[name]:
        check(TABLES[name], fault, 0.2)
