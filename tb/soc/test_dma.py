"""Both DMAs against a memory and channels that do all that is legal, at random."""

import pytest

from .dma import Bench

CONFIGS = {
    "as_wide_as_the_bus": (40, 128, (16, 16, 16), (16, 16)),
}


@pytest.fixture(scope="module", params=CONFIGS)
def bench(request) -> Bench:
    return Bench(*CONFIGS[request.param])


@pytest.mark.parametrize("fails", [0, 0.05])
def test_random_requests(bench, fails):
    counts = bench.run(1, 8, fails, 0)
    assert "failed" not in counts, counts["failed"]
    assert counts["vectors"] > 5_000
    assert (counts["errors"] > 100) == bool(fails)
