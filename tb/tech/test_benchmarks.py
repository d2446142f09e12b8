"""What `bench route` makes of its tools' results; the tools themselves take minutes."""

from unittest.mock import create_autospec

import pytest

from gemmule.gen.synthesis import synth_yosys
from gemmule.golden.common.errors import UsageError
from gemmule.tb.tech import benchmark_route


def test_rows_of_bench_route(monkeypatch, tmp_path):
    bounds = synth_yosys.Netlists({}, {}, delay_ns=1.5, levels=3, fanouts={}, path=[])
    yosys = create_autospec(synth_yosys.run, return_value=bounds)
    clocks = iter([100.0, 90.0, 110.0, 104.0, 96.0] * 2 + [125.0] * 5)
    monkeypatch.setattr(benchmark_route, "find_spec", lambda name: name)
    monkeypatch.setattr(benchmark_route, "_yosys", lambda folder: None)
    monkeypatch.setattr(benchmark_route, "_routed", lambda folder, seed: next(clocks))
    monkeypatch.setattr(synth_yosys, "run", yosys)
    rows = benchmark_route.run(tmp_path, quick=False)
    assert [row["ratio"] for row in rows] == [1.0, 1.0, 1.25]
    assert [row["median_mhz"] for row in rows] == [100.0, 100.0, 125.0]
    assert {row["xc7_logic_delay_ns"] for row in rows} == {1.5}
    assert {path.name for path in tmp_path.iterdir()} == {"route.png", "route_plain_array.py"}


def test_bench_route_names_what_it_needs(monkeypatch, tmp_path):
    monkeypatch.setattr(benchmark_route, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"needs nextpnr: pip install 'gemmule\[route\]'"):
        benchmark_route.run(tmp_path, quick=True)
