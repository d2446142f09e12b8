"""What the hardware counts is what the program says."""

from collections.abc import Sequence

import numpy as np
import pytest

from gemmule.gen.blocks.conv.convolution import CONVOLUTIONS
from gemmule.gen.compile.convolution.compiled import compiled
from gemmule.gen.compile.convolution.lower.program import Copy, Product
from gemmule.gen.simulation.simulate import simulate
from gemmule.golden.conv.operation import Method
from gemmule.hw.conv import counters
from gemmule.hw.conv.counters import COUNTS, Counters
from gemmule.tb.common.amaranth_streams import simulate as run_in_amaranth
from gemmule.tb.conv.cases import layers
from gemmule.tb.conv.stimuli import stimulus
from gemmule.tb.conv.test_convolution import SMALL

JOBS = [("forward", "zero_free")]
JOBS += [
    (op, method.value) for op in ("input_grad", "transposed", "weight_grad") for method in Method
]


def expected_counts(steps: Sequence[Product | Copy]) -> dict[str, int]:
    """Return what the hardware must count, but for the cycles."""
    counts = dict.fromkeys(COUNTS[1:], 0)
    for side, name in (("a", "x"), ("b", "w")):
        passes = [each for step in steps for each in getattr(step, f"{side}_passes")]
        real = sum(each.walk.real for each in passes)
        counts[f"{name}_reads"] = real
        counts[f"{name}_masked"] = sum(each.walk.length for each in passes) - real
        banks = [bank for step in steps for bank in getattr(step, f"{side}_loads")]
        loads = [load.vectors for bank in banks for load in bank.loads]
        counts[f"{name}_loaded"] = sum(map(len, loads))
    counts["c_written"] = sum(step.places.real for step in steps)
    return counts


@pytest.mark.parametrize(("op", "method"), JOBS)
def test_counters_of_layers(op, method):
    for number, geometry in enumerate(list(layers(seed=5))[JOBS.index((op, method)) :: 20]):
        run, arrays = stimulus(SMALL, geometry, op=op, method=method, zeros=number % 2 == 1)
        steps = compiled(SMALL.golden, run, arrays).steps
        done = simulate(CONVOLUTIONS[0], SMALL, arrays, run=run, stall=0.5 * (number % 2))
        wanted = expected_counts(steps)
        assert {name: done.counters[name] for name in wanted} == wanted, geometry
        assert 0 < done.counters["busy_cycles"] <= done.cycles


def count(dut: Counters, seed: int, often: float = 0.3) -> None:
    """Count random events; after each report all counts begin anew, and the reader is often slow.

    Row E: reports wait for nobody, and what is told after a gap says so.
    """
    rng = np.random.default_rng(seed)

    async def bench(ctx):
        counts, running = dict.fromkeys(COUNTS, 0), False
        reports, received = [], []
        for _ in range(400):
            events = {name: int(rng.random() < 0.3) for name in COUNTS}
            events["busy_cycles"] = int(rng.random() < 0.05)
            asked = rng.random() < 0.1
            ctx.set(dut.events, events)
            ctx.set(dut.report, asked)
            ctx.set(dut.o.ready, rng.random() < often)
            _clk, _rst, valid, ready, payload = await ctx.tick().sample(
                dut.o.valid, dut.o.ready, dut.o.payload
            )
            running = running or bool(events["busy_cycles"])
            if asked:
                reports.append(counts)
                counts, running = dict.fromkeys(COUNTS, 0), False
            else:
                events["busy_cycles"] = int(running)
                counts = {name: counts[name] + events[name] for name in COUNTS}
            if valid and ready:
                received.append(
                    {name: payload[name] for name in COUNTS} | {"lost": payload["lost"]}
                )
        place = -1
        for word in received:
            lost = word.pop("lost")
            assert word in reports[place + 1 :]
            found = reports.index(word, place + 1)
            assert (found > place + 1) == lost
            place = found
        assert len(received) > 10
        assert place > len(received) - 1 or often > 0.1

    run_in_amaranth(dut, bench)


def test_counters_of_random_events():
    for seed in range(3):
        count(Counters(), seed)
    count(Counters(), 3, often=0.04)


def test_a_program_of_more_cycles_than_can_be_counted(monkeypatch):
    """The count stands out before it would wrap."""
    monkeypatch.setattr(counters, "WIDTH", 5)
    dut = Counters()

    async def bench(ctx):
        ctx.set(dut.events, dict.fromkeys(COUNTS, 0) | {"busy_cycles": 1})
        for cycle in range(32):
            assert ctx.get(dut.full) == (cycle == 31)
            await ctx.tick()

    run_in_amaranth(dut, bench)
