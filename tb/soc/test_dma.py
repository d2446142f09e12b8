# amaranth: UnusedElaboratable=no
"""Both DMAs against a memory and channels that do all that is legal, at random."""

import os

import pytest

from gemmule.gen.verilog.emit import emit_component
from gemmule.tb.benches.verify import run_bench
from gemmule.tb.common.module_mutants import infect

from .dma import Bench, Both
from .dma_area import PEER, counts

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


@pytest.mark.full
def test_no_larger_than_its_peer():
    """At most 1.2 times the LUTs of verilog-axi's DMAs, and ten levels of logic."""
    found = counts()
    assert sum(report.lut for report in found.values()) <= 1.2 * PEER["lut"]
    assert max(report.logic_levels for report in found.values()) <= 10


MUTANTS = [
    ("parts.funnel", "place + (n << low)", "place + (n << low) - (n == 3 and place == 0)"),
    ("read_words", "(beat.end >= beat.first)", "(beat.end > beat.first)"),
    ("read_words", "& (held.first != 0)", ""),
    ("read_words", "opened & ~held_error &", "opened &"),
    ("read_vectors", "fails & (~known | gives)", "fails"),
    ("write_words", "(~self.fresh | after)", "after"),
    ("write_words", "(~self.fresh | after) & before", "before"),
    ("write_words", "(k <= upto)", "(k <= upto + 1)"),
    ("write_place", "end < request.address[:bits]", "end <= request.address[:bits]"),
    ("write", "fails & ~failed", "fails"),
    ("parts.ascending", "total[-1] & change", "0"),
    ("parts.split", "Mux(last, self.tail, self.factor - 1)", "self.factor - 1"),
]


@pytest.mark.full
@pytest.mark.parametrize("number", range(len(MUTANTS)))
def test_mutant_is_caught(number, monkeypatch):
    module, old, new = MUTANTS[number]
    infect(monkeypatch, f"gemmule.hw.soc.dma.{module}", old, new)
    bench = Bench(*CONFIGS["narrower_and_wider"])
    assert any("failed" in bench.run(seed, 10, 0.05, 0.01 * (seed % 2)) for seed in range(1, 5))
