"""`fit` on a device so small that Yosys needs seconds; what the netlist tells; area targets."""

import numpy as np
import pytest

from gemmule.gen.boards import RESOURCES
from gemmule.gen.catalog import find
from gemmule.gen.synthesis.fit import DoesNotFit, area_model, largest, use
from gemmule.gen.synthesis.netlist import largest_fanouts, logic_levels
from gemmule.gen.synthesis.synth import synthesize
from gemmule.golden.common.errors import UsageError
from gemmule.hw.systolic.params import ArrayParams
from gemmule.tb.tech.benchmark_area import BOARDS, cases, peers

SMALL = """
name = "small"
title = "a device of forty DSP blocks"
part = "none"
family = "xcup"
cell = "dsp48e2"
cascade = 20
clock_mhz = 100.0
[resources]
lut = 4000
ff = 8000
carry = 1000
dsp = 40
bram18 = 0
bram36 = 0
uram = 0
"""


@pytest.mark.full
def test_the_largest_array_of_a_small_board(tmp_path):
    board = tmp_path / "small.toml"
    board.write_text(SMALL)
    params = ArrayParams(cell="dsp48e2", dataflow="ws")
    found = largest(find("array"), params, board, limit=0.8)
    assert (found.rows, found.cols, found.macs_per_cycle) == (8, 4, 32)
    assert found.limited_by == "dsp"
    assert found.used["dsp"] == 32 == found.predicted["dsp"]
    assert all(abs(found.used[name] - found.predicted[name]) <= 2 for name in RESOURCES)
    with pytest.raises(DoesNotFit, match=r"no array was found that takes at most 1% of small"):
        largest(find("array"), params, board, limit=0.01)
    with pytest.raises(UsageError, match=r"--limit must be above 0 and at most 1, not 1\.5"):
        largest(find("array"), params, board, limit=1.5)
    with pytest.raises(UsageError, match="fit needs a block with --rows and --cols"):
        largest(find("gelu"), find("gelu").params(), board)


def test_the_model_finds_the_law_it_was_made_from():
    law = np.array([[7, 0], [2, 0], [3, 0], [5, 0.5]])
    runs = {
        (rows, cols): np.array([1, rows, cols, rows * cols]) @ law
        for rows in (4, 8)
        for cols in (4, 8)
    }
    assert np.allclose(use(area_model(runs), 56, 72), np.array([1, 56, 72, 56 * 72]) @ law)


def cell(kind: str, inputs: dict[str, int], output: int, pin: str = "O") -> dict:
    ways = dict.fromkeys(inputs, "input") | {pin: "output"}
    wires = {name: [bit] for name, bit in inputs.items()} | {pin: [output]}
    return {"type": kind, "port_directions": ways, "connections": wires}


def test_levels_and_fanouts_of_a_netlist():
    netlist = {
        "cells": {
            "start": cell("FDRE", {"C": 1, "D": 9}, 2, "Q"),
            "one": cell("LUT2", {"I0": 2, "I1": 9}, 3),
            "two": cell("LUT2", {"I0": 3, "I1": 2}, 4),
            "three": cell("INV", {"I": 4}, 5),
            "end": cell("FDRE", {"C": 1, "D": 5}, 6, "Q"),
            "apart": cell("LUT1", {"I0": 6}, 7),
            "last": cell("DSP48E2", {"CLK": 1, "A": 7}, 8, "P"),
        },
        "netnames": {
            "clk": {"bits": [1]},
            "held": {"bits": [2]},
            "$made_up": {"bits": [9], "hide_name": 1},
        },
    }
    assert logic_levels(netlist) == 3
    assert largest_fanouts(netlist, 2) == {"held": 2, "net 9": 2}
    assert logic_levels({"cells": {}, "netnames": {}}) == 0


def test_the_bench_covers_every_cell_packing_and_drain():
    for board in BOARDS:
        found = list(cases(board))
        assert len(set(found)) == len(found)
        assert all(each.rows * each.cols * each.m_lanes == 256 for each in found)
        assert {each.pack for each in found} == {"none", "n", "m", "quad"}
        assert {(each.dataflow, each.drain) for each in found if each.cell != "generic"} >= {
            ("ws", "bubble_free"),
            ("os", "cascade"),
            ("both", "cascade"),
            ("both", "bubble_free"),
        }
    assert {row["board"] for row in peers()} == set(BOARDS)


INT4 = {"a_format": "s4", "b_format": "s4"}
TARGETS = [
    ({"dataflow": "ws"}, 256, 3, 14),
    ({"dataflow": "both", "drain": "cascade"}, 256, 6, 40),
    ({"dataflow": "both"}, 256, 16, None),
    ({"dataflow": "ws", "pack": "n"}, 128, {"zcu102": 6, "vc709": 14}, None),
    ({"dataflow": "ws", "pack": "quad", "cols": 8, **INT4}, 64, 4, None),
]


@pytest.mark.full
@pytest.mark.parametrize(("board", "dsp"), [("zcu102", "dsp48e2"), ("vc709", "dsp48e1")])
@pytest.mark.parametrize("target", TARGETS, ids=lambda t: "-".join(map(str, t[0].values())))
def test_area_of_256_macs_a_cycle(board, dsp, target):
    options, blocks, lut, ff = target
    report = synthesize("array", ArrayParams(cell=dsp, **options), board, parts=False)
    assert report.dsp == blocks
    assert report.lut <= 256 * (lut[board] if isinstance(lut, dict) else lut)
    assert ff is None or report.ff <= 256 * ff
