"""Both DMAs against a memory and channels that do all that is legal, at random."""

import pytest

from .dma import Bench

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
