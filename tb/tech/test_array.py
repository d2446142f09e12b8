"""Every cell type, packing and drain passes the same matrix products, in the modeled cycles."""

import itertools

import numpy as np
import pytest

from gemmule.gen.blocks.systolic.gemm import GemmRun
from gemmule.gen.boards import load_board
from gemmule.gen.catalog import find
from gemmule.gen.simulation.simulate import simulate
from gemmule.gen.synthesis.synth import check_cell
from gemmule.gen.verilog.emit import emit
from gemmule.golden.common.errors import UsageError
from gemmule.golden.systolic.beats import Tiling
from gemmule.golden.systolic.cycles import steady_cycles
from gemmule.hw.systolic.params import ArrayParams, GemmParams
from gemmule.tb.systolic.stimuli import gemm, product

ONE = {"rows": 4, "cols": 3}
INT4 = {"a_format": "s4", "b_format": "s4"}
WS = {"dataflow": "ws"}
QUICK = {
    "dsp48e2-both-apart": {**ONE, "cell": "dsp48e2", "pipeline": 1},
    "dsp48e1-both-cascade": {**ONE, "cell": "dsp48e1", "drain": "cascade"},
    "generic-both-cascade": {**ONE, "drain": "cascade"},
    "dsp48e2-n-two-chains": {"rows": 9, "cols": 3, "cell": "dsp48e2", "pack": "n", **WS},
    "dsp48e1-m-three-chains": {"rows": 5, "cols": 2, "cell": "dsp48e1", "pack": "m", **WS},
    "dsp48e2-quad-two-chains": {
        "rows": 18,
        "cols": 2,
        "cell": "dsp48e2",
        "pack": "quad",
        **WS,
        **INT4,
    },
}
SLOW = {"dsp48e2-both-apart", "dsp48e2-n-two-chains", "dsp48e1-m-three-chains"}
FULL = {
    f"{cell}-{pack}-{a}-{b}": {
        "rows": 5,
        "cols": 4,
        "cell": cell,
        "pack": pack,
        **WS,
        "a_format": a,
        "b_format": b,
    }
    for cell in ("dsp48e1", "dsp48e2")
    for pack in ("none", "n", "m", "quad")
    for a, b in itertools.product(*[("s4", "u4") if pack == "quad" else ("s8", "u8")] * 2)
}
FULL |= {
    f"{cell}-{flow}-{drain}": {**ONE, "cell": cell, "dataflow": flow, "drain": drain}
    for cell in ("generic", "dsp48e1", "dsp48e2")
    for flow in ("os", "both")
    for drain in ("bubble_free", "cascade")
}


def extremes(params: GemmParams, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Make sums as low and as high as a chain's can be, side by side in rows and in columns."""
    m, n, k = 6, 2 * params.cols, 2 * params.rows
    a, b = params.a_format, params.b_format
    return {
        "a": np.repeat(rng.choice([a.low, a.high], (m, 1)), k, axis=1),
        "b": np.repeat(rng.choice([b.low, b.high], (1, n)), k, axis=0),
    }


def check(options):
    """Run requantized batches with stalls and without, extreme sums, odd shapes, tiles of few k."""
    params = GemmParams(**options)
    rng = np.random.default_rng(48)
    for flow in params.dataflows:
        plain = GemmRun(run_dataflow=flow)
        run = GemmRun(run_dataflow=flow, c_format="s8")
        batch, odd = gemm(params, run, rng), product(params, rng, (7, 5, 2 * params.rows + 1))
        simulate("gemm", params, batch, run=run, stall=0.5, seed=3)
        few = [product(params, rng, (2 * params.rows + 1, 2, k)) for k in (1, 2)]
        made = [(batch, run), *((arrays, plain) for arrays in (extremes(params, rng), odd, *few))]
        for arrays, chosen in made:
            result = simulate("gemm", params, arrays, run=chosen)
            assert result.cycles == result.counters["modeled_cycles"]


@pytest.mark.parametrize(
    "case", [pytest.param(name, marks=[pytest.mark.full] * (name in SLOW)) for name in QUICK]
)
def test_products(case):
    check(QUICK[case])


@pytest.mark.full
@pytest.mark.parametrize("case", FULL)
def test_all_products(case):
    check(FULL[case])


def test_the_two_dataflows_follow_each_other_over_the_cascade():
    params = GemmParams(**ONE, cell="dsp48e1", drain="cascade")
    rng = np.random.default_rng(5)
    for m, n, k in ((9, 3, 2), (3, 7, 30)):
        arrays = product(params, rng, (m, n, k), batch=3)
        result = simulate("gemm", params, arrays)
        assert result.cycles == result.counters["modeled_cycles"]


@pytest.mark.parametrize("m", [1, 4, 9])
def test_a_tile_drained_over_the_cascade_takes_rows_less_one_more(m):
    tiling = {"m": m, "n": 4, "k": 7, "rows": 4, "cols": 4, "acc_depth": 8}
    tiles = -(-m // 4)
    down = Tiling(**tiling, output_stationary=True, cascade=True)
    apart = Tiling(**tiling, output_stationary=True)
    assert steady_cycles(down) == tiles * (7 + 4 - 1)
    assert steady_cycles(apart) == tiles * 7


def test_only_the_catalog_of_primitives_is_instantiated():
    """Count: a weight pair a DSP block, the weights over its cascade, one unpacking a chain."""
    params = ArrayParams(rows=16, cols=16, cell="dsp48e2", pack="n", dataflow="ws")
    text = emit(find("array"), params).verilog
    assert text.count('.A_INPUT("DIRECT")') == 1  # the top cell, one module for all columns
    assert text.count(".RND(48'h00000001fc00)") == 2  # 130048 at the top of both chains


REFUSED = {
    "no packing in generic cells": (
        {"pack": "n", **WS},
        "--pack n needs --cell dsp48e1 or dsp48e2, not generic",
    ),
    "no packed output-stationary sums": (
        {"cell": "dsp48e2", "pack": "n"},
        "--pack n needs --dataflow ws, not both",
    ),
    "no int8 quads": (
        {"cell": "dsp48e2", "pack": "quad", **WS},
        "--pack quad has no room on dsp48e2 for --a-format s8 by --b-format s8",
    ),
    "no such packing": ({"pack": "k"}, "--pack must be one of none, n, m, quad, not 'k'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_combinations_that_are_not_built_are_refused(case):
    options, sentence = REFUSED[case]
    with pytest.raises(UsageError, match=sentence):
        ArrayParams(**options)


def test_a_board_has_its_own_cells_and_cascades():
    with pytest.raises(UsageError, match="--cell must be dsp48e1 or generic on vc709"):
        check_cell(ArrayParams(cell="dsp48e2"), load_board("vc709"))
    tall = ArrayParams(cell="dsp48e2", rows=169)
    with pytest.raises(UsageError, match="--rows must be at most 168 with --cell dsp48e2"):
        check_cell(tall, load_board("zcu102"))
