"""F2, F4, O: random legal parameters of every block generate, lint clean, and simulate right."""

import subprocess

import numpy as np
import pytest

from gemmule.gen import generate
from gemmule.gen.catalog import catalog
from gemmule.gen.simulation.simulate import simulate
from gemmule.gen.tools import verilator
from gemmule.golden.common.errors import UsageError
from gemmule.tb.common.random_params import random_params
from gemmule.tb.registry import stimulus

FEW, MANY = 60, 500

NAMES = list(catalog())


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(n, id=f"{n}-{NAMES[n % len(NAMES)]}", marks=[pytest.mark.full] * (n >= FEW))
        for n in range(MANY)
    ],
)
def test_random_params(number, tmp_path):
    block = catalog()[NAMES[number % len(NAMES)]]
    rng = np.random.default_rng([number, 12])
    params = random_params(block, rng)
    generate(block, params, tmp_path / "ip")
    lint(tmp_path / "ip", block.name if block.adapter is None else f"{block.name}_axis")
    if block.adapter is None:
        return
    # Results as wide as their lanes: the default, s8 or s32, may not fit.
    widest = {"c_format": f"s{min(params.out_width, 32)}"} if hasattr(params, "out_width") else {}
    run = block.adapter.Run(**widest)
    arrays = stimulus(block.name)(params, run, rng)
    try:
        block.adapter.plan(params, run, arrays)
    except UsageError:
        return  # what this hardware is too small for, as a sum beyond its accumulator
    simulate(block, params, arrays, run=run, stall=float(rng.choice([0.0, 0.3])), seed=number)


def lint(folder, top):
    """Verilator with all of its warnings, but for those that the package itself waives."""
    tool = verilator()
    files = [*folder.glob("*.vlt"), *sorted(folder.rglob("*.v"))]
    found = subprocess.run(
        [tool.command, "--lint-only", "-Wall", "--top-module", top, *files],
        env=tool.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert not found.returncode, found.stderr
