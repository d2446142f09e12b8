"""Products with operands swapped: scaled by row, or all alike; chosen where it is faster."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gemmule.gen.blocks.systolic.gemm import GemmRun
from gemmule.gen.catalog import find
from gemmule.gen.simulation.engine import build
from gemmule.golden.common.errors import UsageError
from gemmule.golden.systolic.cycles import cycles
from gemmule.hw.systolic.params import GemmParams
from gemmule.tb.common.jobs import run_jobs
from gemmule.tb.common.sampling import covering
from gemmule.tb.systolic.simulated import simulated
from gemmule.tb.systolic.stimuli import product, requantizations, scaled

FLOWS = ("ws", "os")
STALLS = (0.0, 0.5)
SIZES = (1, 2, 7, 8, 9, 40)
FACTORS = {"m": SIZES, "n": (*SIZES, 150), "k": SIZES, "flow": FLOWS, "stall": STALLS}
ARRAYS = {
    "tall": {"rows": 8, "cols": 3},
    "wide": {"rows": 3, "cols": 8, "pipeline": 1, "acc_depth": 8},
    "1x1": {"rows": 1, "cols": 1, "b_zero_points": False},
    "cascade": {"rows": 7, "cols": 4, "drain": "cascade"},
    "dsp": {"rows": 8, "cols": 3, "cell": "dsp48e2"},
    "pack m": {"rows": 3, "cols": 4, "cell": "dsp48e2", "dataflow": "ws", "pack": "m"},
    "pack quad": {
        "rows": 4,
        "cols": 4,
        "a_format": "s4",
        "b_format": "s4",
        "cell": "dsp48e2",
        "dataflow": "ws",
        "pack": "quad",
    },
}
SLOW = {"wide", "pack quad", "cascade"}
EACH = [pytest.param(name, marks=[pytest.mark.full] * (name in SLOW)) for name in ARRAYS]
"""The slow ones in ``make test-full``."""
TALL = GemmParams(**ARRAYS["tall"], row_scales=True)
ZEROS = {"zero_point": np.array([3]), "a_zero_point": np.array([-5])}


def multiply(params, arrays, *, swap="always", flow="auto", stall=0.0, seed=0):
    run = GemmRun(swap=swap, run_dataflow=flow)
    return simulated(params, arrays, run, stall=stall, seed=seed)


@pytest.mark.parametrize("array", EACH)
def test_shapes(array):
    params = GemmParams(**ARRAYS[array], row_scales=True)
    rng = np.random.default_rng(1)
    for case in covering(FACTORS):
        m, n, k, flow, stall = case.values()
        if flow in params.dataflows:
            arrays = scaled(params, rng, (m, n, k), batch=int(rng.integers(3))) | ZEROS
            result = multiply(params, arrays, flow=flow, stall=stall, seed=m + n + k)
            assert result.counters["swapped_commands"] == result.counters["commands"]


@pytest.mark.parametrize("flow", FLOWS)
def test_requantization(flow):
    """Run every rounding, format and clamp."""
    cases = requantizations(
        TALL, GemmRun(swap="always", run_dataflow=flow), np.random.default_rng(2)
    )
    for index, (run, arrays) in enumerate(cases):
        simulated(TALL, arrays, run, stall=0.5 * (index % 2), seed=index)


def test_auto_takes_the_faster_order():
    """Three tokens of eight rows: as rows of ``a`` they would wait for weights."""
    arrays = scaled(TALL, np.random.default_rng(3), (3, 48, 32)) | ZEROS
    swapped, plain = (multiply(TALL, arrays, swap=swap) for swap in ("auto", "never"))
    assert swapped.counters["swapped_commands"] == 1
    assert plain.counters["swapped_commands"] == 0
    assert swapped.cycles < 0.6 * plain.cycles
    many = scaled(TALL, np.random.default_rng(3), (48, 3, 32)) | ZEROS
    assert multiply(TALL, many, swap="auto").counters["swapped_commands"] == 0


def test_without_settings_by_row():
    """Hardware that scales by column only swaps what it scales alike."""
    params = GemmParams(**ARRAYS["tall"])
    rng = np.random.default_rng(4)
    arrays = product(params, rng, (3, 48, 32))
    multiply(params, arrays)
    multiply(params, arrays | {"multiplier": np.array([7]), "shift": np.array([9])})
    for name, value in (scaled(params, rng, (3, 48, 32)) | ZEROS).items():
        if name in {"bias", "a_zero_point"}:
            assert not multiply(params, arrays | {name: value}, swap="auto").counters[
                "swapped_commands"
            ]
            with pytest.raises(UsageError, match="--swap always needs hardware with --row-scales"):
                multiply(params, arrays | {name: value})


def test_what_cannot_be_swapped():
    def plan(params, swap, **more):
        arrays = product(params, np.random.default_rng(5), (3, 48, 32)) | more
        return find("gemm").adapter.plan(params, GemmRun(swap=swap), arrays)

    zero_point = {"b_zero_point": np.array([1])}
    with pytest.raises(UsageError, match="--swap always needs a b_zero_point of 0"):
        plan(TALL, "always", **zero_point)
    assert not plan(TALL, "auto", **zero_point).counters["swapped_commands"]
    mixed = GemmParams(rows=4, cols=2, a_format="u8", row_scales=True)
    with pytest.raises(UsageError, match="--a-format and --b-format alike, not u8 and s8"):
        plan(mixed, "always")
    assert not plan(mixed, "auto").counters["swapped_commands"]


def test_sizes_have_the_names_they_were_given_by():
    """Refuse what does not fit the command of a product that is swapped."""
    most = "must be in 1..16777215, not 16777216"
    sizes = {
        f"M {most}": (1 << 24, 1, 1),
        f"N {most}": (1, 1 << 24, 1),
        "K of 16777216 could overflow": (1, 1, 1 << 24),
    }
    for text, (m, n, k) in sizes.items():
        a, b = (np.broadcast_to(np.int8(0), shape) for shape in ((m, k), (k, n)))
        for swap in ("never", "always"):
            with pytest.raises(UsageError, match=text):
                find("gemm").adapter.check(TALL, GemmRun(swap=swap), {"a": a, "b": b})


SIZE = st.integers(1, 12)
LINK = st.tuples(st.tuples(SIZE, SIZE, SIZE), st.sampled_from(FLOWS), st.booleans())
CHAINED = ("tall", "wide", "cascade", "dsp")


@pytest.mark.parametrize("array", CHAINED)
@settings(max_examples=30, deadline=None, derandomize=True)
@given(links=st.lists(LINK, min_size=2, max_size=9), stall=st.sampled_from((0.0, 0.0, 0.5)))
@example(
    links=[((5, 1, 1), "os", False), ((1, 1, 1), "ws", False), ((1, 1, 1), "os", False)], stall=0.0
)
@example(links=[((1, 40, 1), "ws", False), ((1, 1, 1), "os", False)], stall=0.0)
def test_any_chain(array, links, stall):
    """Sizes, dataflows and orders change from one command to the next, as in an encoder's block."""
    params = GemmParams(**ARRAYS[array], row_scales=True)
    rng = np.random.default_rng(7)
    adapter = find("gemm").adapter
    jobs, tilings = [], []
    for shape, flow, swapped in links:
        run = GemmRun(run_dataflow=flow, swap="always" if swapped else "never")
        jobs.append(adapter.plan(params, run, scaled(params, rng, shape) | ZEROS))
        m, n, k = (shape[i] for i in ((1, 0, 2) if swapped else (0, 1, 2)))
        stationary = flow == "os"
        tilings.append(params.tiling(m, n, k, output_stationary=stationary, by_row=swapped))
    found = run_jobs(build(find("gemm"), params), jobs, stall=stall, seed=8)
    if not stall:
        assert found.cycles == cycles(tilings, result_latency=params.result_latency)
