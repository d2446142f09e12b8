"""The `gemm` block against its golden model: shapes, formats, scales, stalls, both dataflows."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemmule.gen.blocks.systolic.gemm import GemmRun
from gemmule.gen.simulation.simulate import simulate
from gemmule.golden.common.errors import UsageError
from gemmule.golden.systolic.gemm import largest_k
from gemmule.hw.systolic.params import GemmParams
from gemmule.tb.common.sampling import covering, values
from gemmule.tb.systolic.simulated import simulated
from gemmule.tb.systolic.stimuli import product, requantizations

SIZES = (1, 2, 15, 16, 17, 33, 70)
FLOWS = ("ws", "os")
STALLS = (0.0, 0.5)
ARRAYS = {"16x16": (16, 16), "8x12": (8, 12), "1x1": (1, 1)}
FACTORS = {"m": SIZES, "n": SIZES, "k": SIZES, "flow": FLOWS, "stall": STALLS}


def multiply(params, arrays, flow, *, stall=0.0, seed=0, **run):
    return simulated(params, arrays, GemmRun(run_dataflow=flow, **run), stall=stall, seed=seed)


def check_shape(params, m, n, k, flow, stall):
    rng = np.random.default_rng([m, n, k])
    multiply(params, product(params, rng, (m, n, k)), flow, stall=stall, seed=m + n + k)


@pytest.mark.parametrize("array", ["16x16", pytest.param("8x12", marks=pytest.mark.full), "1x1"])
def test_shapes(array):
    rows, cols = ARRAYS[array]
    for case in covering(FACTORS):
        check_shape(GemmParams(rows=rows, cols=cols), **case)


@pytest.mark.full
@pytest.mark.parametrize("array", ARRAYS)
def test_all_shapes(array):
    rows, cols = ARRAYS[array]
    for case in itertools.product(*FACTORS.values()):
        check_shape(GemmParams(rows=rows, cols=cols), *case)


FORMATS = ("s8", "u8", "s4", "u4", "s16")
PAIRS = list(itertools.product(FORMATS, FORMATS))
COVERED = [("s8", "u8"), ("u8", "s4"), ("s4", "s16"), ("s16", "u4"), ("u4", "s8")]


def check_formats(a_format, b_format):
    """Check all signs and widths, and the longest K with every operand at an extreme."""
    width = 4 + sum(int(fmt[1:]) for fmt in (a_format, b_format))
    params = GemmParams(
        rows=3, cols=2, a_format=a_format, b_format=b_format, acc_width=width, out_width=width
    )
    rng = np.random.default_rng(1)
    for flow, stall in itertools.product(FLOWS, STALLS):
        arrays = product(params, rng, (7, 5, 8))
        multiply(params, arrays, flow, stall=stall, c_format=f"s{width}")
    k = largest_k(a_format, b_format, width)
    corners = itertools.product(*((f.low, f.high) for f in (params.a_format, params.b_format)))
    for flow, (x, y) in itertools.product(FLOWS, corners):
        arrays = {"a": np.full((1, k), x), "b": np.full((k, 1), y)}
        multiply(params, arrays, flow, c_format=f"s{width}")
    longer = {"a": np.zeros((1, k + 1), int), "b": np.zeros((k + 1, 1), int)}
    with pytest.raises(UsageError, match=rf"K of {k + 1} .* it takes --acc-width {width + 1}"):
        simulate("gemm", params, longer)


@pytest.mark.parametrize(("a_format", "b_format"), COVERED)
def test_formats(a_format, b_format):
    check_formats(a_format, b_format)


@pytest.mark.full
@pytest.mark.parametrize(("a_format", "b_format"), sorted(set(PAIRS) - set(COVERED)))
def test_all_formats(a_format, b_format):
    check_formats(a_format, b_format)


@pytest.mark.parametrize(("a_format", "b_format", "least"), [("u8", "u8", 17), ("s8", "s8", 16)])
def test_an_accumulator_that_holds_no_product(a_format, b_format, least):
    """F11: hardware that would refuse every command is refused before it is made."""
    with pytest.raises(UsageError, match=f"--acc-width must be at least {least}, the signed bits"):
        GemmParams(a_format=a_format, b_format=b_format, acc_width=least - 1)
    assert GemmParams(a_format=a_format, b_format=b_format, acc_width=least).largest_k == 1


@pytest.mark.parametrize("flow", FLOWS)
def test_longest_k(flow):
    """131,071 products of -128 * -128 fill 32 bits; the others come close from both sides."""
    params = GemmParams(rows=8, cols=12)
    k = 131_071
    assert largest_k("s8", "s8", 32) == k
    arrays = {"a": np.full((2, k), -128), "b": np.full((k, 2), -128)}
    arrays["a"][1], arrays["b"][:, 1] = 127, 127
    multiply(params, arrays, flow)


@pytest.mark.parametrize("flow", FLOWS)
def test_requantization(flow):
    """Run every rounding, format and clamp; bias and zero points; scales that differ by column."""
    params = GemmParams(rows=8, cols=12)
    rng = np.random.default_rng(3)
    cases = requantizations(params, GemmRun(run_dataflow=flow), rng)
    for index, (run, arrays) in enumerate(cases):
        simulated(params, arrays, run, stall=0.5 * (index % 2), seed=index)


def test_scales_of_one_column():
    """``[1]`` serves all columns; neither bias nor zero points are needed."""
    params = GemmParams(rows=8, cols=12)
    arrays = product(params, np.random.default_rng(4), (9, 30, 20))
    multiply(params, arrays | {"multiplier": np.array([3]), "shift": np.array([9])}, "ws")


def test_few_shifts():
    """With one coarse shift there is none to choose from."""
    params = GemmParams(rows=3, cols=2, max_shift=7)
    arrays = product(params, np.random.default_rng(9), (5, 3, 4))
    arrays |= {"multiplier": np.array([1, 2, 3]), "shift": np.array([0, 3, 7])}
    multiply(params, arrays, "ws")


def test_commands_back_to_back():
    """Shapes and dataflows change from one command to the next, and nothing is lost between."""
    params = GemmParams(rows=8, cols=12)
    rng = np.random.default_rng(5)
    for flow, shape, stall in itertools.product(("auto",), [(1, 1, 1), (20, 13, 9)], STALLS):
        multiply(params, product(params, rng, shape, batch=9), flow, stall=stall)


def test_long_m():
    """M beyond ``acc_depth`` is cut so that no stretch is shorter than the array."""
    params = GemmParams(rows=4, cols=4, acc_depth=16)
    for m in (15, 16, 17, 19, 20, 32, 33, 35):
        check_shape(params, m, 5, 9, "ws", 0.0)


def test_few_rows_that_stall():
    """A row that waits in one tile of K is not overtaken by its successor in the next."""
    params = GemmParams(rows=2, cols=2, acc_depth=4)
    for m, seed in itertools.product((1, 2, 3), range(12)):
        rng = np.random.default_rng(seed)
        multiply(params, product(params, rng, (m, 3, 40)), "ws", stall=0.5, seed=seed)


def test_pipeline():
    params = GemmParams(rows=8, cols=3, pipeline=1)
    for flow, stall in itertools.product(FLOWS, STALLS):
        check_shape(params, 9, 7, 17, flow, stall)


@pytest.mark.parametrize("dataflow", FLOWS)
def test_one_dataflow(dataflow):
    params = GemmParams(rows=4, cols=3, dataflow=dataflow, acc_depth=8, b_zero_points=False)
    for m, n, k in ((1, 1, 1), (9, 7, 10), (30, 4, 3)):
        check_shape(params, m, n, k, "auto", 0.0)
        check_shape(params, m, n, k, dataflow, 0.5)
    other = "os" if dataflow == "ws" else "ws"
    arrays = product(params, np.random.default_rng(6), (2, 2, 2))
    with pytest.raises(UsageError, match=f"--run-dataflow must be auto or {dataflow}"):
        simulate("gemm", params, arrays, run=GemmRun(run_dataflow=other))
    with pytest.raises(UsageError, match="--b-zero-points"):
        simulate("gemm", params, arrays | {"b_zero_point": np.array([1])})


SMALL = GemmParams(rows=4, cols=4, acc_depth=16)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    shape=st.tuples(*[st.integers(1, 40)] * 3),
    flow=st.sampled_from(("auto", "ws", "os")),
    stall=st.sampled_from((0.0, 0.2, 0.8)),
    batch=st.integers(0, 3),
    seed=st.integers(0, 99),
)
def test_any_product(shape, flow, stall, batch, seed):
    rng = np.random.default_rng(seed)
    arrays = product(SMALL, rng, shape, batch=batch)
    arrays["b_zero_point"] = values(rng, "s8", (1,))
    multiply(SMALL, arrays, flow, stall=stall, seed=seed)


@pytest.mark.parametrize(
    ("shape", "limit"),
    [
        ((64, 64, 64), 1110),
        ((128, 128, 128), 8280),
        ((100, 100, 100), 4990),
        ((197, 192, 192), 28460),
        ((197, 768, 192), 113570),
    ],
)
def test_cycles(shape, limit):
    """Each limit is the tiles' rows, one a cycle, plus 86 to 98 cycles to fill and drain."""
    result = multiply(GemmParams(), product(GemmParams(), np.random.default_rng(7), shape), "auto")
    assert result.cycles <= limit
    assert result.utilization == math.prod(shape) / 256 / result.cycles


def test_cycles_of_a_batch():
    arrays = product(GemmParams(), np.random.default_rng(8), (64, 64, 64), batch=8)
    assert multiply(GemmParams(), arrays, "auto").cycles <= 8310
