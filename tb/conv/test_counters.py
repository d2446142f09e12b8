"""What the hardware counts is what the program says."""

import numpy as np
import pytest

from gemmule.gen.conv.convolution import CONVOLUTIONS, expected_counts
from gemmule.gen.conv.layer import Layer
from gemmule.gen.simulate import simulate
from gemmule.golden.conv.operations import METHODS, products
from gemmule.golden.conv.program import Hardware
from gemmule.hw.conv.counters import COUNTS, Counters
from gemmule.tb.common.streaming import simulate as run_in_amaranth

from .cases import layers
from .stimuli import stimulus
from .test_convolution import SMALL

JOBS = [("forward", "zero_free")]
JOBS += [(op, method) for op in ("input_grad", "transposed", "weight_grad") for method in METHODS]


@pytest.mark.parametrize(("op", "method"), JOBS)
def test_counters_of_layers(op, method):
    for number, geometry in enumerate(list(layers(seed=5))[JOBS.index((op, method)) :: 20]):
        run, arrays = stimulus(SMALL, geometry, op=op, method=method, zeros=number % 2 == 1)
        layer = Layer.check(SMALL, run, arrays)
        hardware = Hardware(SMALL.rows, SMALL.cols, SMALL.x_depth, SMALL.w_depth, SMALL.acc_depth)
        steps = list(products(op, method, layer.geometry, layer.a, layer.b, layer.zeros, hardware))
        done = simulate(CONVOLUTIONS[0], SMALL, arrays, run=run, stall=0.5 * (number % 2))
        wanted = expected_counts(steps)
        assert {name: done.counters[name] for name in wanted} == wanted, geometry
        assert 0 < done.counters["busy_cycles"] <= done.cycles


def count(dut: Counters, seed: int) -> None:
    """Random events and reports, after each of which all begin anew; the reader waits at random."""
    rng = np.random.default_rng(seed)

    async def bench(ctx):
        counts, running, asked = dict.fromkeys(COUNTS, 0), False, False
        reports, told = [], []
        for _ in range(400):
            events = {name: int(rng.random() < 0.3) for name in COUNTS}
            events["busy_cycles"] = int(rng.random() < 0.05)
            asked = asked or rng.random() < 0.1
            ctx.set(dut.events, events)
            ctx.set(dut.report.valid, asked)
            ctx.set(dut.o.ready, rng.random() < 0.3)
            _clk, _rst, taken, valid, ready, payload = await ctx.tick().sample(
                dut.report.ready, dut.o.valid, dut.o.ready, dut.o.payload
            )
            if valid and ready:
                told.append({name: payload[name] for name in COUNTS})
            running = running or bool(events["busy_cycles"])
            if asked and taken:
                reports.append(counts)
                counts, running, asked = dict.fromkeys(COUNTS, 0), False, False
            else:
                events["busy_cycles"] = int(running)
                counts = {name: counts[name] + events[name] for name in COUNTS}
        assert len(told) > 10
        assert told == reports[: len(told)]

    run_in_amaranth(dut, bench)


def test_counters_of_random_events():
    for seed in range(3):
        count(Counters(), seed)
