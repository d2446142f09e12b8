"""F4: blocks at the corners of their options: elaborated, linted, and simulated against golden.

Both ends of each option and what is next to them, in pairs; formats of two bits and of sixteen,
without fractional bits and with nothing else.
"""

from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest
from amaranth.back import rtlil

from gemmule.gen.blocks.nonlinear.elementwise import ELEMENTWISE
from gemmule.gen.catalog import find
from gemmule.gen.verilog.emit import emit
from gemmule.golden.common.formats import Format
from gemmule.golden.common.options import Options
from gemmule.hw.nonlinear.layernorm_params import LayernormParams
from gemmule.hw.nonlinear.params import PARAMS
from gemmule.hw.nonlinear.softmax_params import SoftmaxParams
from gemmule.tb.common.lint import lint_emitted
from gemmule.tb.common.sampling import covering, values
from gemmule.tb.common.units import UnitSimulation

from .stimuli import hard_rows

NARROW = ("s2", "u2", "sq1.1", "uq1.1", "sq0.2", "uq0.2", "s3", "u3", "sq2.1", "sq0.3", "uq0.3")
WIDE = ("s15", "u15", "sq1.14", "uq0.15", "s16", "u16", "sq1.15", "uq1.15", "sq0.16", "uq0.16")
SIGNED = ("s2", "sq1.1", "sq0.2", "s3", "sq0.3", "s15", "sq0.15", "s16", "sq0.16")
SOFTMAX = {
    "in_format": ("s2", "u2", "sq0.2", "s3", "uq0.3", "s15", "u16", "sq0.16", "uq0.16"),
    "out_format": ("sq3.1", "uq0.4", "sq0.4", "uq4.1", "uq0.15", "sq1.15", "sq0.16", "uq0.16"),
    "coefficients": ("exact", "heatvit"),
    "lanes": (1, 2, 3),
    "max_length": (1, 2, 3, 5),
}
LAYERNORM = {
    "in_format": SIGNED,
    "out_format": (*SIGNED, "u2", "uq0.16"),
    "gamma_format": ("s2", "uq0.2", "u16", "sq0.16"),
    "beta_format": ("u2", "sq0.2", "s16", "uq0.16"),
    "kind": ("layer", "rms"),
    "lanes": (1, 2, 3),
    "max_length": (1, 2, 3, 5),
}
F4 = [("s2", 1), ("s2", 2), ("s2", 3), ("s2", 5), ("s3", 1), ("s3", 2), ("s4", 1)]
LARGE = [
    (name, {**options, "lanes": lanes, "max_length": longest})
    for (name, options), (lanes, longest) in product(
        (
            ("softmax", {"in_format": "u16", "out_format": "uq0.16"}),
            ("softmax", {"in_format": "s2", "out_format": "sq3.1", "coefficients": "heatvit"}),
            ("layernorm", {"in_format": "s16", "gamma_format": "u16", "beta_format": "uq0.16"}),
            ("layernorm", {"in_format": "sq0.2", "out_format": "u2", "kind": "rms"}),
        ),
        ((1, 4096), (64, 1), (63, 4095)),
    )
]
LINES = [
    ("0.2", "0.5"),
    ("0.25", "0.5"),
    ("1/1024", "0"),
    ("64", "-64"),
    ("0.3333", "1.25"),
    ("2", "64"),
]
"""Slopes and values at 0 of hard sigmoids."""
SAMPLE = 5
"""Units of each block that are tried always; the rest in full."""


def elementwise_units(count: int, seed: int) -> dict[str, Options]:
    """Draw units of each function and set, formats from the corners, the narrow ones first."""
    rng, units = np.random.default_rng(seed), {}
    for block in ELEMENTWISE:
        sets = block.params.__dataclass_fields__["coefficients"].metadata["choices"]
        for each, n in product(sets, range(count)):
            kinds = (NARROW, NARROW), (NARROW, WIDE), (WIDE, NARROW), (WIDE, WIDE)
            first, second = (str(rng.choice(kind)) for kind in kinds[n % len(kinds)])
            params = block.params(
                in_format=first, out_format=second, coefficients=each, lanes=1 + n % 2
            )
            units[f"{block.name}_{each}_{n}"] = params
    for n, ((alpha, beta), (first, second)) in enumerate(
        product(
            LINES, [("sq4.12", "uq1.15"), ("sq0.16", "sq0.16"), ("u2", "uq0.16"), ("u16", "s2")]
        )
    ):
        options = {"alpha": alpha, "beta": beta, "in_format": first, "out_format": second}
        units[f"line_{n}"] = PARAMS["hardsigmoid"](**options, lanes=1)
    return units


def row_units(count: int | None) -> dict[str, Options]:
    """List softmax and normalization of pairs of corners: all, or the first of each."""
    units = {}
    for kind, factors in ((SoftmaxParams, SOFTMAX), (LayernormParams, LAYERNORM)):
        for n, options in enumerate(list(covering(factors, seed=4))[:count]):
            units[f"{kind.__name__.lower()}_{n}"] = kind(**options)
    return units


def arrays(params: Options, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Draw what is hard for a unit."""
    fmt: Format = params.in_format
    if not hasattr(params, "max_length"):
        return {"x": values(rng, fmt, (min(4 << fmt.width, 1 << 11),))}
    n = params.max_length
    x = np.concatenate([hard_rows(fmt, n, rng), values(rng, fmt, (6, n))])
    if isinstance(params, SoftmaxParams):
        return {"x": x, "mask": rng.random(x.shape) < 0.8}
    weights = {"gamma": params.gamma_format, "beta": params.beta_format}
    return {"x": x} | {name: values(rng, each, (n,)) for name, each in weights.items()}


def try_all(units: dict[str, Options], folder, stalls: Sequence[float] = (0.0, 0.4)) -> None:
    """Simulate units, linted, and compare what each of them gives."""
    simulation, rng = UnitSimulation(units), np.random.default_rng(8)
    lint_emitted(simulation.emitted, folder)
    jobs = simulation.jobs({name: arrays(params, rng) for name, params in units.items()})
    for stall in stalls:
        wrong = simulation.wrong(jobs, simulation.run(jobs, stall=stall, seed=2))
        assert not {name: units[name] for name, count in wrong.items() if count}


def test_functions(tmp_path):
    try_all(elementwise_units(SAMPLE, 1), tmp_path)


def test_rows(tmp_path):
    first = {
        f"f4_{n}": LayernormParams(in_format=fmt, max_length=longest, lanes=1)
        for n, (fmt, longest) in enumerate(F4)
    }
    try_all(first | row_units(SAMPLE), tmp_path)


@pytest.mark.parametrize(("name", "options"), LARGE[::5])
def test_the_largest_elaborate(name, options):
    block = find(name)
    assert rtlil.convert(block.component(block.params(**options)), name=name, emit_src=False)


@pytest.mark.full
@pytest.mark.parametrize(("name", "options"), LARGE)
def test_the_largest(name, options, tmp_path):
    block = find(name)
    lint_emitted(emit(block, block.params(**options)), tmp_path)


@pytest.mark.full
@pytest.mark.parametrize("seed", range(2, 8))
def test_more_functions(seed, tmp_path):
    try_all(elementwise_units(12, seed), tmp_path)


@pytest.mark.full
def test_more_rows(tmp_path):
    units = row_units(None)
    names = list(units)
    for begin in range(0, len(names), 25):
        try_all({name: units[name] for name in names[begin : begin + 25]}, tmp_path)
