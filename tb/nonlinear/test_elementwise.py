"""The elementwise units in RTL: every input of 8, 12 and 16 bits, rates, stalls, mutants."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from gemmule.gen.blocks.nonlinear.elementwise import ELEMENTWISE
from gemmule.gen.catalog import find
from gemmule.gen.simulation.simulate import simulate
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.options import Options
from gemmule.golden.nonlinear.elementwise import Unit
from gemmule.golden.nonlinear.units import RectifiedTable, Reflected, Table
from gemmule.hw.nonlinear.params import PARAMS, ElementwiseParams
from gemmule.tb.common.units import UnitSimulation

from .stimuli import exhaustive

LANES = 1
FORMATS = {
    16: {},
    12: {"in_format": "sq4.8", "out_format": "sq4.8"},
    8: {"in_format": "sq4.4", "out_format": "sq4.4"},
}
ODD = {
    "gelu_s16_s8": PARAMS["gelu"](in_format="sq7.9", out_format="s8", lanes=LANES),
    "gelu_ibert": PARAMS["gelu"](coefficients="heatvit", delta1=1.0, lanes=LANES),
    "gelu_u12": PARAMS["gelu"](in_format="uq4.8", out_format="uq4.4", lanes=LANES),
    "tanh_wide": PARAMS["tanh"](in_format="sq1.11", out_format="sq12.4", lanes=LANES),
    "plan_below_1": PARAMS["sigmoid"](
        in_format="sq5.5", out_format="sq1.7", coefficients="plan", lanes=LANES
    ),
    "exp_up": PARAMS["exp"](in_format="sq4.8", out_format="uq8.8", lanes=LANES),
    "exp_whole": PARAMS["exp"](in_format="s12", out_format="s16", lanes=LANES),
}


@dataclass(frozen=True, kw_only=True)
class OneBitOff(PARAMS["sigmoid"]):
    """A sigmoid one of whose coefficients is wrong in its lowest place that matters."""

    @property
    def unit(self) -> Unit:
        """Return the mutant."""
        unit = super().unit
        coefficients = unit.pieces.coefficients.copy()
        coefficients[17, 0] += 1 << unit.pieces.frac - unit.out_format.frac
        return replace(unit, pieces=replace(unit.pieces, coefficients=coefficients))


MUTANT = "one_bit_off"


def _units() -> dict[str, ElementwiseParams]:
    """List every block, set of coefficients and width."""
    units = dict(ODD)
    for block in ELEMENTWISE:
        sets = block.params.__dataclass_fields__["coefficients"].metadata["choices"]
        for width, formats in FORMATS.items():
            for each in sets:
                name = f"{block.name}_{each}_{width}"
                units[name] = block.params(coefficients=each, lanes=LANES, **formats)
    return units


@pytest.fixture(scope="module")
def simulation():
    return UnitSimulation(_units() | {MUTANT: OneBitOff(lanes=LANES)})


@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_every_input(simulation, stall):
    jobs = simulation.jobs({name: {"x": exhaustive(params)} for name, params in _units().items()})
    result = simulation.run(jobs, stall=stall, seed=5)
    assert not {name: n for name, n in simulation.wrong(jobs, result).items() if n}


def test_a_mutant_is_seen(simulation):
    healthy = PARAMS["sigmoid"](lanes=LANES)
    job = find("sigmoid").adapter.plan(healthy, Options(), {"x": exhaustive(healthy)})
    assert simulation.wrong({MUTANT: job}, simulation.run({MUTANT: job}))[MUTANT] > 0


def test_one_vector_a_cycle(simulation):
    """So many beats take so many cycles and the stated latency, whatever the function."""
    beats = 100
    for name in _units():
        jobs = simulation.jobs({name: {"x": np.zeros(beats * LANES, int)}})
        assert simulation.run(jobs).cycles == beats + simulation.latency(name), name


def test_any_shape_through_the_block():
    x = np.arange(-60, 60).reshape(4, 5, 6) % 256 - 128
    narrow = PARAMS["gelu"](in_format="sq4.4", out_format="sq4.4")
    ran = simulate("gelu", narrow, {"x": x}, stall=0.3)
    assert ran.outputs["y"].shape == x.shape
    assert ran.outputs["y"].dtype == np.int8
    assert np.array_equal(ran.outputs["y"], narrow.unit(x))


def test_small_inputs_become_tables_where_that_is_smaller():
    assert isinstance(PARAMS["sigmoid"](in_format="sq4.4", out_format="uq1.7").unit, Table)
    assert isinstance(PARAMS["gelu"](in_format="sq4.4", out_format="sq4.4").unit, RectifiedTable)
    assert isinstance(PARAMS["gelu"]().unit, Reflected)


def test_refusals():
    with pytest.raises(
        UsageError, match="--coefficients must be one of exact, heatvit, not 'plan'"
    ):
        PARAMS["gelu"](coefficients="plan")
    with pytest.raises(UsageError, match="--in-format must be 2 to 16 bits wide"):
        PARAMS["gelu"](in_format="s17")
    adapter = find("gelu").adapter
    with pytest.raises(UsageError, match="at least one element"):
        adapter.plan(PARAMS["gelu"](), Options(), {"x": np.zeros(0, int)})
    with pytest.raises(UsageError, match=r"x\[0\] is 40000"):
        adapter.plan(PARAMS["gelu"](), Options(), {"x": [40000]})
    with pytest.raises(UsageError, match="must hold integers"):
        adapter.plan(PARAMS["gelu"](), Options(), {"x": [0.5]})
