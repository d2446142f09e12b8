# amaranth: UnusedElaboratable=no
"""`sparse_gemm` against dense products: index patterns, depths, formats, both dataflows."""

from itertools import combinations

import numpy as np
import pytest

from gemmule.gen.blocks.sparse import SPARSE_GEMM
from gemmule.gen.blocks.sparse.gemm import SparseGemmRun
from gemmule.gen.simulation.engine import build, build_emitted
from gemmule.gen.simulation.simulate import simulate
from gemmule.gen.verilog.emit import Emitted, emit
from gemmule.golden.common.errors import UsageError
from gemmule.golden.sparse.format import compress
from gemmule.golden.systolic.beats import Tiling
from gemmule.golden.systolic.cycles import cycles
from gemmule.hw.sparse.params import SparseGemmParams
from gemmule.hw.systolic.params import GemmParams
from gemmule.tb.common.jobs import run_jobs
from gemmule.tb.common.sampling import values

from . import stimuli
from .cases import KS, all_patterns, sparse_matrix

BOTH = SparseGemmParams(rows=2, cols=3, acc_depth=16)
FLOWS = ("ws", "os")
STALLS = (0.0, 0.5)
VARIANTS = {
    "both": BOTH,
    "ws": SparseGemmParams(rows=3, cols=2, a_format="u8", b_format="s4", dataflow="ws", pipeline=1),
    "os": SparseGemmParams(
        rows=2, cols=2, a_format="s16", b_format="u8", acc_width=48, dataflow="os", pipeline=1
    ),
    "1:4": SparseGemmParams(rows=2, cols=2, pattern="1:4", b_zero_points=False),
    "tall": SparseGemmParams(rows=8, cols=2, acc_depth=16),
    "dsp48e1": SparseGemmParams(rows=8, cols=2, acc_depth=16, cell="dsp48e1"),
    "dsp48e2": SparseGemmParams(
        rows=3, cols=2, a_format="u8", cell="dsp48e2", dataflow="ws", pack="m"
    ),
    "cascade": SparseGemmParams(rows=3, cols=2, acc_depth=16, drain="cascade"),
    "4:8": SparseGemmParams(rows=2, cols=2, pattern="4:8", b_format="u4", dataflow="ws"),
}
BUILT = ["both", "tall", "dsp48e2"]
"""The others are built by `make test-full`."""


def multiply(params, arrays, *, flow="auto", stall=0.0, **run):
    """Simulate, which compares with the golden model, and compare with NumPy."""
    options = SparseGemmRun(run_dataflow=flow, **run)
    done = simulate(SPARSE_GEMM, params, arrays, run=options, stall=stall, seed=1)
    if not stall:
        assert done.cycles == done.counters["modeled_cycles"]
    return done


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("flow", FLOWS)
def test_all_six_index_patterns_in_every_cell(flow, stall):
    b = all_patterns(12)
    indices = compress(b)[1].reshape(-1, 2, 12)
    for row in range(BOTH.rows):
        for col in range(BOTH.cols):
            seen = indices[row :: BOTH.rows, :, col :: BOTH.cols].swapaxes(1, 2).reshape(-1, 2)
            assert set(map(tuple, seen.tolist())) == set(combinations(range(4), 2))
    a = values(np.random.default_rng(1), "s8", (9, 24))
    assert np.array_equal(
        multiply(BOTH, {"a": a, "b": b}, flow=flow, stall=stall).outputs["c"], a @ b
    )


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("k", KS)
def test_depths_and_edges(k, flow, stall):
    rng = np.random.default_rng(k)
    for m, n in ((1, 1), (7, 5)):
        a, b = values(rng, "s8", (m, k)), sparse_matrix(rng, k, n)
        done = multiply(BOTH, {"a": a, "b": b}, flow=flow, stall=stall)
        assert np.array_equal(done.outputs["c"], a @ b)
        assert done.macs == m * n * k
        assert done.peak_macs_per_cycle == 2 * 2 * 3
        dense = values(rng, "s8", (k, n))
        done = multiply(BOTH, {"a": a, "b": dense}, flow=flow, stall=stall, dense=True)
        assert np.array_equal(done.outputs["c"], a @ dense)


def peak(params):
    """Count the multipliers, those of packed products as often as they are used."""
    kept = int(params.pattern.split(":")[0])
    return params.rows * params.cols * kept * (2 if params.pack == "m" else 1)


def check_variant(params, stall):
    """Check requantization, zero points of both operands, a batch; then none of them."""
    rng = np.random.default_rng(5)
    flows = params.dataflows
    for dense in (False, True):
        for flow in flows:
            run = SparseGemmRun(run_dataflow=flow, dense=dense)
            arrays = stimuli.sparse_gemm(params, run, rng)
            simulate(SPARSE_GEMM, params, arrays, run=run, stall=stall, seed=2)
            plain = {name: arrays[name] for name in "ab"}
            done = multiply(params, plain, flow=flow, dense=dense, c_format=f"s{params.out_width}")
            want = arrays["a"].astype(np.int64) @ arrays["b"]
            assert done.peak_macs_per_cycle == peak(params)
            high = (1 << params.out_width - 1) - 1
            assert np.array_equal(done.outputs["c"], np.clip(want, -high - 1, high))


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("name", BUILT)
def test_variants(name, stall):
    check_variant(VARIANTS[name], stall)


@pytest.mark.full
@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("name", [name for name in VARIANTS if name not in BUILT])
def test_other_variants(name, stall):
    check_variant(VARIANTS[name], stall)


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("name", ["both", "tall", "dsp48e1"])
def test_dataflows_in_turn(name, stall):
    """What one dataflow leaves in the cells does not reach the other's results."""
    params, rng, jobs = VARIANTS[name], np.random.default_rng(9), []
    for m, k, n in ((5, 4, 1), (1, 4, 1), (1, 4, 1), (2, 4, 1), (7, 30, 5), (1, 9, 3), (9, 5, 2)):
        a, b = values(rng, "s8", (m, k)), sparse_matrix(rng, k, n)
        for flow in ("os", "ws"):
            run = SparseGemmRun(run_dataflow=flow)
            jobs.append(SPARSE_GEMM.adapter.plan(params, run, {"a": a, "b": b}))
    run_jobs(build(SPARSE_GEMM, params), jobs, stall=stall, seed=3)


def test_compressed_weights_in_any_order():
    rng = np.random.default_rng(6)
    a, b = values(rng, "s8", (3, 70)), sparse_matrix(rng, 70, 4)
    stored, places = compress(b)
    for order in (slice(None), slice(None, None, -1)):
        pairs = [array.reshape(-1, 2, 4)[:, order].reshape(-1, 4) for array in (stored, places)]
        done = multiply(BOTH, {"a": a, "values": pairs[0], "indices": pairs[1]})
        assert np.array_equal(done.outputs["c"], a @ b)


@pytest.mark.parametrize("flow", FLOWS)
def test_weights_travel_in_five_eighths_of_the_bits(flow):
    rng = np.random.default_rng(7)
    for k in (4, 64, 68):
        a, b = values(rng, "s8", (5, k)), sparse_matrix(rng, k, 7)
        counters = multiply(BOTH, {"a": a, "b": b}, flow=flow).counters
        assert counters["weight_bits"] == 0.625 * counters["dense_weight_bits"]


@pytest.mark.parametrize("flow", FLOWS)
def test_half_the_cycles_at_the_same_number_of_multipliers(flow):
    sparse, dense = SparseGemmParams(rows=8, cols=16), GemmParams(rows=16, cols=16)
    size = {"m": 128, "n": 256, "acc_depth": 512, "cols": 16, "output_stationary": flow == "os"}
    taken = {
        params: cycles(
            [Tiling(**size, k=k, rows=params.rows)], result_latency=params.result_latency
        )
        for params, k in ((sparse, 512 // 4), (dense, 512))
    }
    assert taken[sparse] <= 0.52 * taken[dense]
    as_dense = cycles([Tiling(**size, k=512 // 2, rows=8)], result_latency=sparse.result_latency)
    assert as_dense <= 1.02 * taken[dense]


REFUSED = {
    "third": ({"b": [[1, 0], [0, 2], [3, 4], [5, 6]]}, {}, r"b\[3, 0\] is 5.*rows 0..3 in column"),
    "both": ({"b": [[1]] * 4, "values": [[1]] * 2}, {}, "must be b, or values with indices, not b"),
    "none": ({}, {}, "must be b, or values with indices, not left out"),
    "rows": ({"values": [[1]] * 4, "indices": [[0], [1]] * 2}, {}, "must have 2 rows, not shape"),
    "index": ({"values": [[1]] * 2, "indices": [[0], [4]]}, {}, r"indices\[1, 0\] is 4"),
    "range": ({"values": [[1], [200]], "indices": [[0], [1]]}, {}, r"values\[1, 0\] is 200"),
    "dense": ({"values": [[1]] * 2, "indices": [[0], [1]]}, {"dense": True}, "takes b alone"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(case):
    arrays, run, message = REFUSED[case]
    arrays = {name: np.array(array) for name, array in arrays.items()}
    with pytest.raises(UsageError, match=message):
        multiply(BOTH, {"a": np.ones((2, 4), int), **arrays}, **run)


def test_only_products_that_meet_count_towards_overflow():
    params = SparseGemmParams(rows=2, cols=2, acc_width=18)
    rng = np.random.default_rng(8)
    plan = SPARSE_GEMM.adapter.plan
    # s8 x s8 in 18 bits: seven products. Eight of K hold four, fourteen eight.
    for k, dense, legal in (
        (13, False, True),
        (14, False, False),
        (7, True, True),
        (8, True, False),
    ):
        arrays = {"a": values(rng, "s8", (2, k)), "b": sparse_matrix(rng, k, 2)}
        run = SparseGemmRun(dense=dense)
        if legal:
            plan(params, run, arrays)
        else:
            with pytest.raises(UsageError, match=r"so 8 products.*takes --acc-width 19"):
                plan(params, run, arrays)


def test_zero_points_whose_corrections_have_no_room_are_refused():
    params = SparseGemmParams(rows=2, cols=2, acc_width=18)
    b = np.array([[-128], [-128], [0], [0]] * 3 + [[-128]])
    arrays = {"a": np.full((1, 13), -128), "b": b, "b_zero_point": [127]}
    with pytest.raises(UsageError, match=r"the zero points make a .*--acc-width 18"):
        SPARSE_GEMM.adapter.plan(params, SparseGemmRun(), arrays | {"a_zero_point": [127]})
    SPARSE_GEMM.adapter.plan(
        params, SparseGemmRun(dense=True), {"a": arrays["a"][:, :7], "b": b[:7]}
    )


def test_a_wrong_selection_is_noticed():
    emitted = emit(SPARSE_GEMM, BOTH)
    broken = emitted.verilog.replace("index[0]", "index[1]", 1)
    assert broken != emitted.verilog
    model = build_emitted(Emitted(broken, emitted.manifest, emitted.top))
    a = values(np.random.default_rng(1), "s8", (9, 24))
    job = SPARSE_GEMM.adapter.plan(BOTH, SparseGemmRun(), {"a": a, "b": all_patterns(12)})
    got = job.decode(model.run(job.send, job.receive).received)["c"]
    assert not np.array_equal(got, job.golden["c"])
