"""The quick benchmarks of both units: what they run equals golden."""

import pytest

from . import benchmark_block, benchmark_vector


@pytest.mark.full
@pytest.mark.parametrize("module", [benchmark_block, benchmark_vector])
def test_quick_rows(module, tmp_path):
    rows = module.run(tmp_path, quick=True)
    assert rows
    assert all(set(row) == set(rows[0]) and row["cycles"] > 0 for row in rows)
