# amaranth: UnusedElaboratable=no
"""D: the references that encoders carry compute every bit of the golden models."""

import numpy as np
import pytest

from gemmule.gen.blocks.nonlinear.elementwise import ELEMENTWISE
from gemmule.gen.catalog import find
from gemmule.golden.common.formats import Format
from gemmule.golden.common.requantize import Rounding
from gemmule.golden.systolic.gemm import gemm
from gemmule.tb.package.sheets import encoder_names
from gemmule.tb.systolic.stimuli import requantizations


@pytest.mark.parametrize("options", [{}, {"out_width": 16, "b_zero_points": False}])
def test_the_reference_of_a_product_computes_every_bit(options):
    """Run every rounding, format and clamp, with and without zero points of `b`."""
    block = find("gemm")
    params = block.params(rows=3, cols=2, **options)
    names = encoder_names(block, params)
    told = 0
    for run, arrays in requantizations(params, block.adapter.Run(), np.random.default_rng(8)):
        fmt = run.c_format or Format.parse("s8")
        if fmt.width > params.out_width:
            continue
        told += 1
        low, high = run.clamp or (fmt.low, fmt.high)
        given = {name: each.tolist() for name, each in arrays.items() if name not in "ab"}
        given |= {name: given[name][0] for name in ("zero_point", "a_zero_point")}
        rounding = names["CODES"]["command.rounding"][run.rounding.upper()]
        c = block.adapter.plan(params, run, arrays).golden["c"]
        for a, b, right in zip(arrays["a"], arrays["b"], c, strict=True):
            assert right.tolist() == names["reference"](
                a.tolist(), b.tolist(), **given, rounding=rounding, low=low, high=high
            )
    assert told > 3
    if not params.b_zero_points:
        with pytest.raises(ValueError, match="zero points of b"):
            names["reference"]([[1]], [[1]], b_zero_point=1)


@pytest.mark.parametrize("rounding", range(3))
def test_the_reference_of_a_product_rounds_ties(rounding):
    """Halves and their neighbors of either sign."""
    names = encoder_names(find("gemm"), find("gemm").params())
    a = [[x] for x in range(-9, 10)]
    for shift in range(3):
        how = {"multiplier": [1], "shift": [shift], "rounding": Rounding(rounding).name.lower()}
        right = gemm(a, [[1]], **how)
        how |= {"rounding": rounding, "low": -128, "high": 127}
        assert names["reference"](a, [[1]], **how) == right.tolist()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"kind": "rms", "in_format": "s8", "gamma_format": "sq2.6", "beta_format": "sq2.14"},
        {"gamma_format": "s4", "beta_format": "s8", "out_format": "sq4.4"},
        {"in_format": "sq1.15", "out_format": "sq1.15"},
    ],
)
def test_the_reference_of_layernorm_computes_every_bit(options):
    """Rows of zeros, of extremes and of noise, of every length up to 16."""
    block = find("layernorm")
    params = block.params(lanes=2, max_length=16, **options)
    names = encoder_names(block, params)
    rng = np.random.default_rng(3)

    def some(fmt, shape):
        return rng.integers(fmt.low, fmt.high + 1, shape)

    fmt = params.in_format
    for n in range(1, 17):
        x = some(fmt, (8, n))
        x[0], x[1], x[2] = 0, fmt.high, fmt.low
        x[3] = rng.integers(0, 2, n)
        arrays = {
            "x": x,
            "gamma": some(params.gamma_format, n),
            "beta": some(params.beta_format, n),
        }
        for epsilon in (0.0, 1e-5, 0.3):
            run = block.adapter.Run(epsilon=epsilon)
            job = block.adapter.plan(params, run, arrays)
            code = names["epsilon_code"](epsilon, n)
            gamma, beta = arrays["gamma"].tolist(), arrays["beta"].tolist()
            y = [names["reference"](row, gamma, beta, code) for row in x.tolist()]
            assert y == job.golden["y"].tolist()


def test_the_formulas_of_softmax_make_its_tables():
    block = find("softmax")
    tables = block.sheet(block.params()).tables

    def f(t):
        return 2**16 / (1 + t / 128)

    assert tables["SLOPE"] == [round(f(s + 1) - f(s)) for s in range(128)]
    assert tables["CONSTANT"] == [round((f(s) + f(s + 1)) / 4 + f(s + 0.5) / 2) for s in range(128)]


ELEMENT_CASES = [
    *((block.name, {}) for block in ELEMENTWISE),
    ("exp", {"in_format": "sq4.4", "out_format": "sq4.4"}),
    ("gelu", {"in_format": "sq4.4", "out_format": "sq4.4"}),
    ("gelu", {"coefficients": "heatvit"}),
    ("sigmoid", {"coefficients": "plan"}),
    ("exp", {"coefficients": "heatvit"}),
    ("hardsigmoid", {"alpha": "0.2", "beta": "0.4"}),
    ("reciprocal", {"in_format": "uq4.12", "out_format": "sq4.4"}),
    ("rsqrt", {"in_format": "uq12.4", "out_format": "uq1.15"}),
]


@pytest.mark.parametrize(("name", "options"), ELEMENT_CASES)
def test_the_reference_of_a_function_computes_every_bit(name, options):
    """Run the generated Python, its tables included, over the whole input."""
    block = find(name)
    params = block.params(lanes=2, **options)
    names = encoder_names(block, params)
    fmt = params.in_format
    x = np.unique(np.linspace(fmt.low, fmt.high, 3001).astype(np.int64))
    assert [names["reference"](int(each)) for each in x] == params.unit(x).tolist()
