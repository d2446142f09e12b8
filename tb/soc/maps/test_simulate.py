"""`simulate accelerator --as pool` and `--as concat`: formulas, and what is refused."""

import numpy as np
import pytest

from gemmule.gen.catalog import find
from gemmule.gen.driver.accelerator import Accelerator
from gemmule.gen.simulation.axi import AxiMemory
from gemmule.golden.common.errors import UsageError
from gemmule.golden.pool.pooling import average_pool, max_pool
from gemmule.golden.soc.elements import concat, resize
from gemmule.hw.soc.params import AcceleratorParams
from gemmule.tb.soc.driver.rtl import BASE, CONFIGURATIONS, board
from gemmule.tb.soc.driver.test_simulate_vector import sent
from gemmule.tb.soc.driver.test_vector import scaled

from .test_driver import last, noise

PARAMS = CONFIGURATIONS["narrow"]
MAP = np.arange(48).reshape(1, 2, 4, 6)


@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_pools_and_concatenations(stall):
    x = noise(np.random.default_rng(1), np.int8, (2, 3, 6, 8))
    found = sent("pool", {"x": x}, stall=stall, kernel="2", stride="2")
    blocks = x.reshape(2, 3, 3, 2, 4, 2)
    np.testing.assert_array_equal(found.outputs["y"], blocks.max((3, 5)))
    assert found.outputs["y"].dtype == np.int8
    assert (found.counters["commands"], found.counters["errors"]) == (2, 0)
    scale = {"multiplier": [3], "shift": [1], "x_zero_point": [-4], "zero_point": [9]}
    found = sent("pool", {"x": x} | scale, stall=stall, kind="average", kernel="2", stride="2")
    sums = (blocks.astype(int) + 4).sum((3, 5))
    np.testing.assert_array_equal(found.outputs["y"], scaled(sums * 3, 3, 9, "s8"))
    found = sent("pool", {"x": x} | scale, stall=stall, kind="global", c_format="s16")
    sums = (x.astype(int) + 4).sum((2, 3), keepdims=True)
    assert np.abs(found.outputs["y"] - sums * 3 / 96 - 9).max() <= 0.51
    parts = {"x0": x, "x1": x[:, :1] * 2, "x2": x[:, 1:]}
    scale = {"multiplier": [1, 2, 3], "shift": [0, 1, 2], "x_zero_point": [1, 0, -1]}
    found = sent("concat", parts | scale, stall=stall, rounding="half_up")
    want = [scaled((parts["x0"].astype(int) - 1), 0, 0, "s8")]
    want.append(scaled(parts["x1"].astype(int) * 2, 1, 0, "s8"))
    want.append(scaled((parts["x2"].astype(int) + 1) * 3, 2, 0, "s8", "half_up"))
    np.testing.assert_array_equal(found.outputs["c"], np.concatenate(want, 1))
    found = sent("concat", {"x0": x, "x1": x[..., :1]}, axis=-1, stall=stall)
    np.testing.assert_array_equal(found.outputs["c"], np.concatenate([x, x[..., :1]], -1))


def test_maps_through_the_driver_on_the_rtl():
    """Jobs that overlap, in a memory that answers late, with padding, ties and sizes of 1."""
    rng = np.random.default_rng(2)
    memory = AxiMemory(base=BASE, latency=60)
    with board("narrow", memory) as bus, Accelerator(bus) as acc:
        x = acc.alloc((1, 7, 6, 5), np.int8)
        first = noise(rng, np.int8, (1, 5, 7, 6))
        x.array[...] = last(first)
        y = acc.alloc((1, 7, 6, 5), np.int8)
        c = acc.alloc((1, 7, 6, 10), np.int8)
        mean = {"count_padding": False, "x_zero_point": 5, "c_format": "s16"}
        window = {"kernel": (3, 3), "stride": (2, 2), "padding": (1, 1)}
        wide = noise(rng, np.uint8, (1, 2, 20, 30))
        jobs = [
            acc.jobs.max_pool(x, 5, padding=2, out=y),
            acc.jobs.concat([x, y], out=c),
            acc.jobs.resize(y, (2, 2)),
            acc.jobs.max_pool(x, **window),
            acc.jobs.average_pool(x, **window, **mean),
            acc.jobs.global_average_pool(last(wide), c_format="u8"),
            acc.jobs.slice(c, np.s_[:, ::-2, :, 3:8]),
            acc.jobs.max_pool(last(first[..., :1, :1]), 3, padding=1),
        ]
        got = [job.result() for job in jobs]
        assert acc.counters()["errors"] == 0
    pooled = last(max_pool(first, (5,), padding=(2,)))
    both = concat([last(first), pooled], c_format="s8")
    want = [
        pooled,
        both,
        resize(pooled, (2, 2)),
        last(max_pool(first, **window)),
        last(average_pool(first, **window, **mean)),
        last(average_pool(wide, (20, 30), c_format="u8")),
        both[:, ::-2, :, 3:8],
        last(first[..., :1, :1]),
    ]
    for one, other in zip(got, want, strict=True):
        np.testing.assert_array_equal(one, other)


PLAIN = AcceleratorParams(rows=2, cols=2, bank_bytes=1024)

REFUSED = {
    "no unit": (PLAIN, "pool", {"x": MAP}, {"kernel": 2}, "--as pool needs .* --vector-lanes 16$"),
    "no lanes": (PLAIN, "concat", {"x0": MAP}, {}, "--as concat needs .* --vector-lanes 16$"),
    "no kernel": (PARAMS, "pool", {"x": MAP}, {}, "--kind max needs --kernel"),
    "global": (PARAMS, "pool", {"x": MAP}, {"kind": "global", "stride": 2}, "takes whole maps"),
    "count": (PARAMS, "pool", {"x": MAP}, {"kernel": 2, "count_padding": True}, "not of max"),
    "kernel": (PARAMS, "pool", {"x": MAP}, {"kernel": 5}, "larger than the padded height 4"),
    "shape": (PARAMS, "pool", {"x": MAP[0, 0]}, {"kernel": 2}, r"x must have shape \[N, C, W\]"),
    "values": (PARAMS, "pool", {"x": MAP * 5000}, {"kernel": 2}, "but u16 holds"),
    "gap": (PARAMS, "concat", {"x0": MAP, "x2": MAP}, {}, "x1 is missing: parts are x0, x1"),
    "parts": (PARAMS, "concat", {"x0": MAP, "x1": MAP[:, :, 1:]}, {}, "x1 must have the shape of"),
    "axis": (PARAMS, "concat", {"x0": MAP}, {"axis": 4}, r"axis must be in -4\.\.3, not 4"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_come_before_anything_is_built(case):
    params, as_, arrays, run, sentence = REFUSED[case]
    with pytest.raises(UsageError, match=sentence):
        sent(as_, arrays, params, **run)


def test_options_are_those_of_pools():
    run = find("accelerator").runs.Run
    with pytest.raises(UsageError, match="--ceil-mode is an option of pool, not of gemm"):
        run(ceil_mode=True)
    assert run(as_="pool", kernel="3,2").own.window["kernel"] == (3, 2)
