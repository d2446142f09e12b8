"""F2, F4, O: random legal parameters of every block generate, lint clean, and simulate right."""

from functools import cache

import numpy as np
import pytest

from gemmule.gen import generate
from gemmule.gen.block import Block, Job
from gemmule.gen.catalog import catalog
from gemmule.gen.simulation.simulate import simulate
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.options import Options
from gemmule.tb.common.lint import lint
from gemmule.tb.common.random_params import random_params
from gemmule.tb.common.units import UnitSimulation
from gemmule.tb.registry import stimulus

FEW, MANY = 60, 500
TOGETHER = 20
"""Sets in one simulation: a C++ compiler's start costs more than what most of them add to it."""

NAMES = list(catalog())


@cache
def drawn(number: int) -> tuple[Block, Options]:
    """Draw the block and the parameters of this number."""
    block = catalog()[NAMES[number % len(NAMES)]]
    return block, random_params(block, np.random.default_rng([number, 12]))


def job(number: int) -> tuple[Options, dict, Job]:
    """Return run options, arrays and job.

    The options are the defaults, or where these are nothing for such hardware (a mean of signed
    attention, maps that it cannot count), those of the example in its data sheet, which is for any.
    """
    block, params = drawn(number)
    # Results as wide as their lanes: the default, s8 or s32, may not fit.
    widest = {"c_format": f"s{min(params.out_width, 32)}"} if hasattr(params, "out_width") else {}
    for options in (widest, None):
        options = block.sheet(params).examples[0].run if options is None else options
        run = block.adapter.Run(**options)
        arrays = {}
        try:
            arrays = stimulus(block.name)(params, run, np.random.default_rng([number, 13]))
            return run, arrays, block.adapter.plan(params, run, arrays)
        except UsageError as error:
            refusal = error
    raise refusal


def test_any_parameters_have_an_example_and_arrays():
    """What a data sheet shows and what `gemmule verify` sends are legal for whatever is legal."""
    for number in range(MANY):
        block, params = drawn(number)
        if block.adapter is None:
            continue
        for example in block.sheet(params).examples:
            run = block.adapter.Run(**example.run)
            assert block.adapter.plan(params, run, example.arrays).results()
        if number < MANY // 2:
            job(number)


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(n, id=f"{n}-{NAMES[n % len(NAMES)]}", marks=[pytest.mark.full] * (n >= FEW))
        for n in range(MANY)
    ],
)
def test_random_params(number, tmp_path):
    block, params = drawn(number)
    generate(block, params, tmp_path / "ip")
    lint(tmp_path / "ip", block.name if block.adapter is None else f"{block.name}_axis")


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(n, id=f"{n}-{n + TOGETHER - 1}", marks=[pytest.mark.full] * (n >= FEW))
        for n in range(0, MANY, TOGETHER)
    ],
)
def test_random_params_simulate(first):
    """Simulate the sets of :func:`test_random_params` side by side, those with a memory alone."""
    stall = (0.0, 0.3)[first // TOGETHER % 2]
    units, jobs = {}, {}
    for number in range(first, first + TOGETHER):
        block, params = drawn(number)
        if block.adapter is None:
            continue
        run, arrays, planned = job(number)
        if planned.memory:
            simulate(block, params, arrays, run=run, stall=stall, seed=number)
        else:
            units[f"u{number}"], jobs[f"u{number}"] = params, planned
    simulation = UnitSimulation(units)
    wrong = simulation.wrong(jobs, simulation.run(jobs, stall=stall, seed=first))
    assert not {name: (drawn(int(name[1:])), count) for name, count in wrong.items() if count}
