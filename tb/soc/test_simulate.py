"""`simulate accelerator --as gemm`: the same as `gemm`'s own, by driver, AXI and interrupt."""

import numpy as np
import pytest

from gemmule.gen.catalog import find
from gemmule.gen.simulation.roofline import Point, Roof
from gemmule.gen.simulation.simulate import GoldenMismatch, simulate
from gemmule.gen.simulation.timeline import events, write_page
from gemmule.golden.common.errors import UsageError
from gemmule.golden.systolic.gemm import gemm
from gemmule.tb.soc.driver.rtl import CONFIGURATIONS

BLOCK = find("accelerator")
PARAMS = CONFIGURATIONS["4x4"]


def arrays(rng, *batch, m, n, k):
    return {
        "a": rng.integers(-128, 128, (*batch, m, k)),
        "b": rng.integers(-128, 128, (*batch, k, n)),
        "bias": rng.integers(-1000, 1000, n),
        "multiplier": rng.integers(1, 1 << 15, n),
        "shift": rng.integers(10, 30, n),
        "zero_point": [5],
        "a_zero_point": [-3],
        "b_zero_point": rng.integers(-8, 8, n),
    }


@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_as_gemm(stall, tmp_path):
    rng = np.random.default_rng(5)
    page = tmp_path / "timeline.html"
    given = arrays(rng, 3, m=13, n=10, k=21)
    run = BLOCK.runs.Run(rounding="half_away", c_format="u8", clamp="3,200")
    found = simulate(BLOCK, PARAMS, given, run=run, stall=stall, seed=1, timeline=page)
    expected = gemm(**given, rounding="half_away", c_format="u8", clamp=(3, 200))
    assert np.array_equal(found.outputs["c"], expected)
    assert found.counters["commands"] == 3
    assert found.counters["register_writes"] <= 4
    text = page.read_text()
    assert text.startswith("<!doctype html>")
    assert "<svg" in text
    assert "http" not in text.split("<svg", 1)[0]
    assert f"{3 * 13 * 10 * 21:,} multiply-accumulates in {found.cycles:,} cycles" in text


def test_roofs():
    roof = Roof(256, 16)
    assert (roof.ridge, roof.at(4), roof.at(64)) == (16, 64, 256)
    point = Point("run", 64**3, 1425, 8288)
    assert point.macs_per_cycle == 64**3 / 1425
    assert roof.at(point.intensity) == 256


def test_bounds_of_issue_14():
    """Doorbell to interrupt, 128 bits, 30 cycles of latency; the same product again and alone."""
    rng = np.random.default_rng(6)
    scale = {"multiplier": [3], "shift": [12]}
    for size, most in ((4, 250), (64, 64**3 / 16 / 0.95)):
        square = {name: rng.integers(-128, 128, (size, size)) for name in "ab"}
        found = simulate(BLOCK, PARAMS, square | scale)
        assert found.cycles <= most
        if size == 64:
            assert found.counters["bytes_read"] <= 1.1 * 2 * size * size
            # A block has half of the columns; the completion is one more.
            assert found.counters["write_bursts"] <= 2 * size + 1


def test_refusals():
    rng = np.random.default_rng(7)
    good = arrays(rng, m=2, n=3, k=4)
    with pytest.raises(UsageError, match="--run-dataflow"):
        BLOCK.runs.Run(run_dataflow="os")
    with pytest.raises(UsageError, match="--swap"):
        BLOCK.runs.Run(swap="always")
    with pytest.raises(UsageError, match="b must have 4 rows"):
        simulate(BLOCK, PARAMS, good | {"b": np.zeros((5, 3), int)})
    with pytest.raises(UsageError, match="s8 holds"):
        simulate(BLOCK, PARAMS, good | {"a": np.full((2, 4), 200)})
    with pytest.raises(UsageError, match="--timeline"):
        simulate("sigmoid", find("sigmoid").params(), {}, timeline="x.html")


def test_wrong_results_are_seen(monkeypatch):
    """The comparison can fail."""
    monkeypatch.setattr("gemmule.gen.blocks.soc.roles.product.gemm", lambda *a, **_: gemm(*a) + 1)
    with pytest.raises(GoldenMismatch):
        simulate(BLOCK, PARAMS, {"a": [[1, 2]], "b": [[3], [4]]})


def test_a_picture_of_many_bursts(tmp_path):
    lines = [f"read,0,0,1,{3 * n},{3 * n + 1},{3 * n + 1}" for n in range(30_000)]
    events_file = tmp_path / "events.csv"
    events_file.write_text("\n".join([*lines, "interrupt,1,0,5", "interrupt,0,0,9"]))
    assert events(events_file)["interrupt"] == [(5, 4)]
    write_page(events_file, tmp_path / "picture.png", Roof(16, 16), Point("run", 100, 50, 10))
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
