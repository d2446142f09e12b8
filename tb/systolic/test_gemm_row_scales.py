"""Row F: results that are scaled by row and by column together, rounded once."""

from dataclasses import replace

import numpy as np
import pytest
from amaranth import Shape

from gemmule.gen.blocks.systolic.gemm import GemmRun
from gemmule.gen.catalog import find
from gemmule.gen.simulation.engine import build
from gemmule.golden.common.errors import UsageError
from gemmule.golden.systolic.cycles import cycles
from gemmule.hw.systolic.command import command_layout
from gemmule.hw.systolic.params import GemmParams
from gemmule.tb.common.jobs import run_jobs
from gemmule.tb.common.sampling import covering, values
from gemmule.tb.systolic.simulated import simulated
from gemmule.tb.systolic.stimuli import product, requantizations, scaled, with_rows

FLOWS = ("ws", "os")
SIZES = (1, 2, 7, 8, 9, 40)
FACTORS = {"m": SIZES, "n": SIZES, "k": SIZES, "flow": FLOWS, "stall": (0.0, 0.5)}
ARRAYS = {
    "tall": {"rows": 8, "cols": 3},
    "deep": {
        "rows": 3,
        "cols": 4,
        "acc_depth": 8,
        "acc_width": 48,
        "out_width": 48,
        "multiplier_width": 31,
        "max_shift": 63,
    },
    "1x1": {"rows": 1, "cols": 1, "b_zero_points": False},
    "dsp48e1": {"rows": 8, "cols": 3, "cell": "dsp48e1", "drain": "cascade"},
    "dsp48e2": {"rows": 3, "cols": 4, "cell": "dsp48e2", "multiplier_width": 31, "max_shift": 63},
    "pack m": {"rows": 3, "cols": 4, "cell": "dsp48e2", "dataflow": "ws", "pack": "m"},
}
SLOW = {"dsp48e1", "deep", "dsp48e2"}
EACH = [pytest.param(name, marks=[pytest.mark.full] * (name in SLOW)) for name in ARRAYS]
"""The slow ones in ``make test-full``."""
TALL = GemmParams(**ARRAYS["tall"], row_scales=True)


def array_of(name):
    return GemmParams(**ARRAYS[name], row_scales=True)


@pytest.mark.parametrize("array", EACH)
def test_shapes(array):
    """Sizes around the tiles, batches, stalls, zero points of both operands; cycles as modeled."""
    params = array_of(array)
    rng = np.random.default_rng(1)
    for case in covering(FACTORS):
        m, n, k, flow, stall = case.values()
        if flow in params.dataflows:
            arrays = scaled(params, rng, (m, n, k), batch=int(rng.integers(3)))
            arrays |= {"a_zero_point": np.array([-5]), "zero_point": np.array([3])}
            if params.b_zero_points:
                arrays["b_zero_point"] = values(rng, params.b_format, (n,))
            run = GemmRun(run_dataflow=flow)
            arrays = with_rows(params, rng, arrays)
            simulated(params, arrays, run, stall=stall, seed=m + n + k)


@pytest.mark.parametrize("array", ["tall", "deep", "dsp48e2"])
def test_extremes(array):
    """Multipliers and shifts at both ends, each with each; in every rounding."""
    params = array_of(array)
    most, deepest = (1 << params.multiplier_width) - 1, params.max_shift
    corners = [(1, 0), (most, 0), (0, 0), (most, deepest // 2), (1, deepest // 2)]
    rows = np.array([*corners, (most, deepest)])
    rng = np.random.default_rng(2)
    for number, rounding in enumerate(("half_even", "half_up", "half_away")):
        for columns in (np.array([*corners, (1, 7)]), np.array([(1, 0), (most, 0)] * 3)):
            used = rows if not columns[:, 1].any() else rows[:-1]
            arrays = product(params, rng, (len(used), len(columns), 9)) | {
                "multiplier": columns[:, 0],
                "shift": columns[:, 1],
                "row_multiplier": used[:, 0],
                "row_shift": used[:, 1],
            }
            if columns[:, 1].max() + used[:, 1].max() > deepest:
                arrays["shift"] = np.minimum(arrays["shift"], deepest - used[:, 1].max())
            for fmt in ("s8", f"s{params.out_width}"):
                run = GemmRun(rounding=rounding, c_format=fmt, run_dataflow=FLOWS[number % 2])
                simulated(params, arrays, run, seed=number)


def test_ties():
    """Quotients of which a quarter lie halfway, either sign, in every rounding: once, not twice."""
    a, b = np.arange(-60, 60)[:, None], np.array([[1, 3, -1, 5]])
    for rounding in ("half_even", "half_up", "half_away"):
        for shift, row_shift in ((1, 1), (0, 2), (2, 0), (8, 9), (7, 1)):
            up = max(shift + row_shift - 2, 0)
            arrays = {
                "a": a,
                "b": b,
                "multiplier": np.array([1 << up // 2]),
                "shift": np.array([shift]),
                "row_multiplier": np.full(len(a), 1 << (up - up // 2)),
                "row_shift": np.full(len(a), row_shift),
            }
            found = simulated(TALL, arrays, GemmRun(rounding=rounding)).outputs["c"]
            quarters = a * b
            tie = quarters % 4 == 2
            assert tie.sum() >= 100
            floor, upper = quarters // 4, quarters // 4 + 1
            wanted = {
                "half_even": np.where(floor % 2, upper, floor),
                "half_up": upper,
                "half_away": np.where(quarters < 0, floor, upper),
            }[rounding]
            np.testing.assert_array_equal(found, np.where(tie, wanted, (quarters + 2) // 4))


def test_roundings_and_formats():
    for index, (run, arrays) in enumerate(
        requantizations(TALL, GemmRun(), np.random.default_rng(3))
    ):
        arrays = with_rows(TALL, np.random.default_rng(index), arrays)
        simulated(TALL, arrays, run, stall=0.5 * (index % 2), seed=index)


def test_rows_alone():
    """Scale by row without a multiplier by column."""
    rng = np.random.default_rng(4)
    arrays = with_rows(TALL, rng, product(TALL, rng, (9, 4, 10), batch=2))
    simulated(TALL, arrays, GemmRun())


@pytest.mark.parametrize("array", ["tall", "deep", "dsp48e1"])
@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_chain(array, stall):
    """Commands that are scaled by column, by row, and by both follow each other in any order."""
    params, rng = array_of(array), np.random.default_rng(5)
    adapter, jobs, tilings = find("gemm").adapter, [], []
    for _ in range(24):
        kind, flow = rng.choice(["column", "row", "both"]), str(rng.choice(FLOWS))
        m, n, k = (int(size) for size in rng.integers(1, 12, 3))
        arrays = scaled(params, rng, (m, n, k))
        if kind == "both":
            arrays = with_rows(params, rng, arrays)
        run = GemmRun(run_dataflow=flow, swap="always" if kind == "row" else "never")
        jobs.append(adapter.plan(params, run, arrays))
        m, n = (n, m) if kind == "row" else (m, n)
        by_row = kind != "column"
        tilings.append(params.tiling(m, n, k, output_stationary=flow == "os", by_row=by_row))
    found = run_jobs(build(find("gemm"), params), jobs, stall=stall, seed=6)
    if not stall:
        assert found.cycles == cycles(tilings, result_latency=params.result_latency)


def test_beside_alone_means_nothing():
    """Without ``by_row``, the command's bit ``beside`` changes nothing."""
    rng = np.random.default_rng(7)
    job = find("gemm").adapter.plan(TALL, GemmRun(swap="never"), scaled(TALL, rng, (9, 4, 10)))
    top = Shape.cast(command_layout(TALL)).width - 1
    send = {name: np.array(beats) for name, beats in job.send.items()}
    send["command"][:, top // 32] |= np.uint32(1 << top % 32)
    received = build(find("gemm"), TALL).run(send, job.receive).received
    np.testing.assert_array_equal(job.decode(received)["c"], job.golden["c"])


def test_refused():
    rng = np.random.default_rng(8)
    arrays = with_rows(TALL, rng, scaled(TALL, rng, (3, 48, 32)))

    def plan(params=TALL, swap="auto", **more):
        return find("gemm").adapter.plan(params, GemmRun(swap=swap), arrays | more)

    with pytest.raises(UsageError, match="row_multiplier needs hardware with --row-scales true"):
        plan(replace(TALL, row_scales=False))
    with pytest.raises(UsageError, match="--swap always needs no row_multiplier"):
        plan(swap="always")
    assert not plan().counters["swapped_commands"]
    with pytest.raises(UsageError, match=r"row_shift must have shape \[3\], not \[4\]"):
        plan(row_shift=np.zeros(4, int))
    with pytest.raises(UsageError, match="shift and row_shift must add up to at most 47, not 77"):
        plan(shift=np.array([30]), row_shift=np.array([0, 47, 1]))
    with pytest.raises(UsageError, match="row_multiplier"):
        plan(row_multiplier=np.array([0, 1, 1 << 16]))
