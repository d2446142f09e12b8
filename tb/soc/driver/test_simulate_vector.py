"""`simulate accelerator --as` all but `gemm`: what the block of that name gives, and formulas."""

import math

import numpy as np
import pytest

from gemmule.gen.catalog import find
from gemmule.gen.cli.info import describe
from gemmule.gen.driver.accelerator import Accelerator
from gemmule.gen.simulation.axi import AxiMemory
from gemmule.gen.simulation.simulate import GoldenMismatch, Simulation, simulate
from gemmule.golden.common.errors import UsageError
from gemmule.golden.nonlinear.functions import FUNCTIONS
from gemmule.golden.soc.functions import VECTOR_FUNCTIONS
from gemmule.golden.systolic.gemm import gemm
from gemmule.hw.soc.params import AcceleratorParams

from .rtl import BASE, CONFIGURATIONS, board
from .test_vector import scaled

BLOCK = find("accelerator")
PARAMS = CONFIGURATIONS["narrow"]


def sent(as_: str, arrays: dict, params=PARAMS, stall=0.0, timeline=None, **run) -> Simulation:
    """Return what a run gives."""
    options = BLOCK.runs.Run(as_=as_, **run)
    return simulate(BLOCK, params, arrays, run=options, stall=stall, seed=1, timeline=timeline)


@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_sums_products_and_scales(stall):
    rng = np.random.default_rng(5)
    a, b = rng.integers(-128, 128, (4, 3, 11)), rng.integers(0, 256, (3, 1))
    zeros = {"a_zero_point": [-4], "b_zero_point": [120], "zero_point": [9]}
    factors = {"a_multiplier": [-300], "b_multiplier": [77], "shift": [7]}
    found = sent(
        "add", {"a": a, "b": b} | zeros | factors, stall=stall,
        c_format="u8", clamp="3,200", rounding="half_away",
    )  # fmt: skip
    want = scaled((a + 4) * -300 + (b - 120) * 77, 7, 9, "u8", "half_away", (3, 200))
    np.testing.assert_array_equal(found.outputs["c"], want)
    assert found.outputs["c"].dtype == np.uint8
    scale = {"multiplier": [1234], "shift": [19]}
    found = sent("mul", {"a": a, "b": b} | zeros | scale, stall=stall)
    want = scaled((a + 4) * (b - 120) * 1234, 19, 9, "s8")
    np.testing.assert_array_equal(found.outputs["c"], want)
    sums = rng.integers(-(2**31), 2**31, (5, 300))
    found = sent("transpose", {"a": a, "zero_point": [9]}, stall=stall)
    np.testing.assert_array_equal(found.outputs["c"], scaled(a, 0, 9, "s8").swapaxes(1, 2))
    found = sent("requantize", {"a": sums, "multiplier": [65535], "shift": [31]}, stall=stall,
                 c_format="s16", rounding="half_up")  # fmt: skip
    want = scaled(sums.astype(object) * 65535, 31, 0, "s16", "half_up")
    np.testing.assert_array_equal(found.outputs["c"], want)
    assert found.counters["commands"] == 2  # 1024 elements, and those that are left
    assert found.counters["register_writes"] <= 4
    assert found.counters["bytes_read"] >= 4 * sums.size
    assert (found.macs, found.utilization) == (0, 0)


def test_functions_are_those_of_their_blocks():
    rng = np.random.default_rng(6)
    x = rng.integers(-(2**15), 2**15, (7, 50))
    y = sent("gelu", {"x": x}, stall=0.3).outputs["y"]
    true = x / 2**13 * (1 + np.vectorize(math.erf)(x / 2**12 / 2**0.5)) * 2**12
    assert y.dtype == np.int16
    assert np.abs(y - true.clip(-(2**15), 2**15 - 1)).max() <= 0.75

    x, mask = rng.integers(-2000, 2000, (6, 75)), rng.integers(0, 2, (6, 75))
    y = sent("softmax", {"x": x, "mask": mask}, delta=0.5).outputs["y"]
    powers = np.exp(x / 512) * mask
    assert np.abs(y - powers / powers.sum(1, keepdims=True) * 2**14).max() <= 4
    y = sent("softmax", {"x": x, "mask": mask[0]}, log2=True, stall=0.3).outputs["y"]
    assert y.dtype == np.uint8
    assert (y[:, mask[0] == 0] == 15).all()

    x, gamma = rng.integers(-(2**15), 2**15, (5, 33)), rng.integers(-4096, 4097, 33)
    beta = rng.integers(-(2**15), 2**15, 33)
    y = sent("layernorm", {"x": x, "gamma": gamma, "beta": beta}, epsilon=1e-3).outputs["y"]
    real = (x - x.mean(1, keepdims=True)) / 256
    true = real / np.sqrt((real**2).mean(1, keepdims=True) + 1e-3) * gamma / 4 + beta / 4
    assert np.abs(y - true).max() <= 2


def test_a_timeline_without_products(tmp_path):
    page = tmp_path / "page.html"
    found = sent("gelu", {"x": np.arange(9)}, timeline=page)
    moved = max(found.counters["bytes_read"], found.counters["bytes_written"])
    assert f"{moved} bytes in {found.cycles} cycles." in page.read_text()


def test_the_driver_chains_both_units():
    """Product, add with a residual and normalize, softmax of what is masked: jobs that overlap."""
    rng = np.random.default_rng(7)
    memory = AxiMemory(base=BASE, latency=100)
    with board("narrow", memory) as bus, Accelerator(bus) as acc:
        x = acc.alloc((9, 20), np.uint8)
        x.array[...] = rng.integers(0, 256, (9, 20))
        w = rng.integers(-128, 128, (20, 20))
        gamma = rng.integers(0, 4096, 20)
        y, z = acc.alloc((9, 20), np.int8), acc.alloc((9, 20), np.int8)
        scale = {"multiplier": [40], "shift": [14]}
        norm = {"a_multiplier": 30, "b_multiplier": 11, "b_zero_point": 128, "shift": 2}
        back = {"result_multiplier": 1, "result_shift": 5}
        with acc.weights(w, **scale) as right:
            jobs = [
                acc.submit(x, right, out=y),
                acc.jobs.apply("gelu", rng.integers(-99, 99, 40)),  # needs nothing of them
                acc.jobs.layernorm(y, gamma, None, x, out=z, **norm, **back),
                acc.jobs.softmax(z, mask=np.tri(9, 20, 3, bool), multiplier=8, shift=0),
            ]
            got = jobs[-1].result()
        assert acc.counters()["errors"] == 0
    product = gemm(x.array, w, a_format="u8", **scale)
    t = scaled(product * 30 + (x.array.astype(int) - 128) * 11, 2, fmt="s16")
    rows = sent("layernorm", {"x": t, "gamma": gamma}).outputs["y"]
    code = scaled(scaled(rows, 5, fmt="s8").astype(int) * 8, fmt="s16")
    want = sent("softmax", {"x": code, "mask": np.tri(9, 20, 3, bool)}).outputs["y"]
    np.testing.assert_array_equal(got, want)


def test_wrong_results_are_seen(monkeypatch):
    """The comparison can fail."""
    monkeypatch.setattr("gemmule.golden.soc.elements.add", lambda a, b, **_: a + b + 1)
    with pytest.raises(GoldenMismatch):
        sent("add", {"a": [1], "b": [2]})


PLAIN = AcceleratorParams(rows=2, cols=2, bank_bytes=1024)

REFUSED = {
    "no unit": (PLAIN, "add", {}, "--as add needs .*, for example --vector-lanes 16$"),
    "no unit, function": (PLAIN, "softmax", {}, "--vector-lanes 16 --functions softmax$"),
    "function": (PARAMS, "tanh", {}, "--vector-lanes 2 --functions gelu,softmax,layernorm.*,tanh$"),
    "shapes": (PARAMS, "mul", {"a": np.ones(3, int), "b": np.ones(2, int)}, "b must broadcast"),
    "shift": (PARAMS, "add", {"a": [1], "b": [1], "shift": [48]}, "shift must be in 0..47, not 48"),
    "values": (PARAMS, "mul", {"a": [1], "b": [70000]}, r"b\[0\] is 70000, but u16 holds"),
    "block": (PARAMS, "softmax", {"x": np.zeros((1, 76), int)}, "x must have rows of 1 to 75"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_come_before_anything_is_built(case):
    params, as_, arrays, sentence = REFUSED[case]
    with pytest.raises(UsageError, match=sentence):
        sent(as_, arrays, params)


def test_options_of_other_blocks_are_refused():
    run = BLOCK.runs.Run
    with pytest.raises(UsageError, match="--delta is an option of softmax, not of gemm"):
        run(delta=1.0)
    with pytest.raises(UsageError, match="an option of layernorm, rmsnorm, not of add"):
        run(as_="add", epsilon=1e-5)
    with pytest.raises(UsageError, match=r"--delta must be in 0.0\.\.1.0, not 2"):
        run(as_="softmax", delta=2.0)
    assert run(as_="softmax", delta="0.5").own == find("softmax").adapter.Run(delta=0.5)
    assert run().own.rounding == "half_even"


def test_show_tells_whose_options_and_arrays_there_are():
    about = describe(BLOCK)
    help = {each["option"]: each["help"] for each in about["run_options"]}
    assert help["--log2"].startswith("softmax: 4-bit codes")
    assert help["--epsilon"] == "layernorm, rmsnorm: added to the variance (1e-05)"
    texts = [each["text"] for each in about["inputs"] if each["name"] == "mask"]
    assert texts == ["softmax: 1 counts, 0 is left out"]


ALL = AcceleratorParams(
    rows=2, cols=2, bank_bytes=1024, data_width=64, vector_lanes=8, max_length=40,
    functions=",".join(VECTOR_FUNCTIONS),
)  # fmt: skip


@pytest.mark.full
def test_every_block_gives_the_same_by_its_own_simulate():
    rng = np.random.default_rng(8)
    for name, function in FUNCTIONS.items():
        params = find(name).params()
        x = rng.integers(params.in_format.low, params.in_format.high + 1, (3, 7, 60))
        own = simulate(name, params, {"x": x}).outputs["y"]
        found = sent(name, {"x": x}, ALL).outputs["y"]
        np.testing.assert_array_equal(found, own)
        assert found.dtype == own.dtype, function
    a = rng.integers(-128, 128, (2, 17, 35))
    c = sent("transpose", {"a": a, "multiplier": [3], "shift": [2]}, ALL).outputs["c"]
    np.testing.assert_array_equal(c, scaled(3 * a, 2, fmt="s8").swapaxes(1, 2))
    x, mask = rng.integers(-3000, 3000, (9, 40)), rng.integers(0, 2, 40)
    gamma, beta = rng.integers(-(2**15), 2**15, (2, 40))
    softmax, norm = find("softmax"), find("layernorm")
    for options in ({"log2": False, "delta": 0.7}, {"log2": True}):
        own = simulate(softmax, softmax.params(max_length=40), {"x": x, "mask": mask},
                       run=softmax.adapter.Run(**options))  # fmt: skip
        found = sent("softmax", {"x": x, "mask": mask}, ALL, **options)
        np.testing.assert_array_equal(found.outputs["y"], own.outputs["y"])
    for name, kind in (("layernorm", "layer"), ("rmsnorm", "rms")):
        arrays = {"x": x, "gamma": gamma, "beta": beta}
        own = simulate(norm, norm.params(kind=kind, max_length=40), arrays)
        found = sent(name, arrays, ALL)
        np.testing.assert_array_equal(found.outputs["y"], own.outputs["y"])
