"""The AXI4-Stream top of every block runs the block's jobs, through `clear`s and pauses."""

import re
from dataclasses import replace

import numpy as np
import pytest

from gemmule.gen.blocks.nonlinear.elementwise import ELEMENTWISE
from gemmule.gen.catalog import catalog
from gemmule.gen.docs.examples.own_block import ADDER, AdderParams
from gemmule.gen.simulation.engine import build_emitted
from gemmule.gen.simulation.simulate import GoldenMismatch, compare
from gemmule.gen.simulation.simulator import SimulationError
from gemmule.gen.verilog.axis import AxisForm
from gemmule.gen.verilog.border import emit_border
from gemmule.gen.verilog.emit import emit
from gemmule.tb.package.axis_shim import shim
from gemmule.tb.registry import stimulus

SMALL = {"rows": 3, "cols": 2, "lanes": 3, "acc_depth": 8, "x_depth": 128, "w_depth": 128}
PLAIN = AxisForm()
NARROW = AxisForm(streams="dma", tdata_width=32, fifo_depth="5")
OWN = AxisForm(streams="dma")

FORMS = {"gemm": NARROW, "conv2d": OWN, "softmax": NARROW, "selector": OWN}
"""The form in `make test`; PLAIN for the others. `make test-full` has both others for all."""

MOMENTS = (0, 23, 97)
"""Cycles after which a `clear` comes; 0 is none."""

ALIKE = {each.name for each in ELEMENTWISE[1:]}


def cases():
    for name, block in catalog().items():
        for form in (PLAIN, NARROW, OWN):
            usual = form == FORMS.get(name, PLAIN) and name not in ALIKE
            label = f"{name}-{form.streams}-{form.tdata_width or 'own'}"
            if block.adapter:
                yield pytest.param(name, form, id=label, marks=() if usual else pytest.mark.full)


def run(block, params, arrays, form, mutate=str):
    """Run a job in each of the MOMENTS, compared with the golden model."""
    emitted = emit(block, params)
    border = emit_border(emitted, form)
    border = replace(border, verilog=mutate(border.verilog))
    model = build_emitted(shim(emitted, border))
    job = block.adapter.plan(params, block.adapter.Run(), arrays)
    for moment in MOMENTS:
        result = model.run(
            job.send, job.receive, memory=job.memory, stall=0.3, seed=moment, reset_at=moment
        )
        outputs = job.decode(result.received)
        for name, expected in job.golden.items():
            compare(name, outputs[name], expected)


@pytest.mark.parametrize(("name", "form"), list(cases()))
def test_tops_of_all_blocks_give_golden_results(name, form):
    """K: no offer changes or goes, `clear` or not; each job after one is right."""
    block = catalog()[name]
    known = block.params.__dataclass_fields__
    params = block.params(**{key: size for key, size in SMALL.items() if key in known})
    arrays = stimulus(name)(params, block.adapter.Run(), np.random.default_rng(3))
    run(block, params, arrays, form)


MUTANTS = {
    "none": ("", ""),
    "clear withdraws offers": (r"assign shown = .*;", "assign shown = run;"),
    "packets stay open": (r"assign ends = .*;", "assign ends = 1'h0;"),
    "padding is not the sign": (r"(core_total_payload\[\d+\], ){2}", "2'h1, "),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_shim_sees_what_is_wrong(mutant):
    pattern, replacement = MUTANTS[mutant]
    x = np.random.default_rng(4).integers(-16, 16, (6, 8))

    def mutate(verilog):
        changed = re.sub(pattern, replacement, verilog)
        assert changed != verilog
        return changed

    params = AdderParams(lanes=2, format="s6")
    if mutant == "none":
        run(ADDER, params, {"x": x, "y": x}, NARROW)
        return
    with pytest.raises((RuntimeError, SimulationError, GoldenMismatch)):
        run(ADDER, params, {"x": x, "y": x}, NARROW, mutate)
