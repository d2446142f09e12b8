"""Both DMAs against a memory and channels that do all that is legal, at random."""

import os

import pytest

from gemmule.gen.verilog.emit import emit_component
from gemmule.tb.benches.verify import run_bench

from .dma import Bench, Both

CONFIGS = {
    "as_wide_as_the_bus": (40, 128, (16, 16, 16), (16, 16)),
    "narrower_and_wider": (64, 64, (16, 8, 2, 32), (32, 8, 4)),
}
SLOW = {
    "32_bits": (32, 32, (16, 4, 1), (16, 4, 1)),
    "512_bits": (48, 512, (64, 16, 128), (16, 64)),
}


@pytest.fixture(
    scope="module",
    params=[*CONFIGS, *(pytest.param(name, marks=pytest.mark.full) for name in SLOW)],
)
def bench(request) -> Bench:
    return Bench(*(CONFIGS | SLOW)[request.param])


@pytest.mark.parametrize("stops", [0, 0.01])
@pytest.mark.parametrize("fails", [0, 0.05])
def test_random_requests(bench, fails, stops):
    """Data, guard bytes, order, errors with their addresses, bursts, offers that stand."""
    counts = bench.run(1, 6, fails, stops)
    assert "failed" not in counts, counts["failed"]
    assert counts["vectors"] > 2_000
    assert (counts["errors"] > 50) == bool(fails)
    assert (counts["stops"] > 20) == bool(stops)


BUSY = 0.9
"""The share of cycles in which a beat moves, that is asked for."""


@pytest.mark.parametrize("latency", [1, 30])
@pytest.mark.parametrize(("length", "align"), [(64, 16), (64, 1), (4096, 16), (4096, 1)])
def test_the_bus_is_busy_with_rows(length, align, latency):
    bench = Bench(*CONFIGS["as_wide_as_the_bus"])
    assert bench.run("busy", length, align, latency, "read")["read_busy"] >= BUSY


@pytest.mark.parametrize("align", [16, 1])
def test_the_bus_is_busy_with_a_request_a_vector(align):
    """Each vector has an address of its own; they leave at a word of the bus a cycle."""
    bench = Bench(*CONFIGS["as_wide_as_the_bus"])
    assert bench.run("busy", 16, align, 30, "write")["write_busy"] >= BUSY


@pytest.mark.full
@pytest.mark.parametrize("seed", range(2, 12))
def test_many_random_requests(bench, seed):
    for fails, stops in ((0.05, 0), (0.05, 0.01), (0.5, 0)):
        counts = bench.run(seed, 40, fails, stops)
        assert "failed" not in counts, counts["failed"]


def test_with_a_memory_of_others(tmp_path):
    """cocotbext-axi's AxiRam takes and gives what we mean."""
    emitted = emit_component(Both(16, 128, (16,), (16,)), "dma", {}, "Both DMAs.")
    bench = "gemmule.tb.soc.cocotb_dma"
    found = run_bench(emitted, [bench], seed=1, env=os.environ, folder=tmp_path)
    assert found.passed, found.log
    assert found.ran == 2
