"""The schedule of an encoder's block and a classifier is what the RTL takes, cycle by cycle."""

import numpy as np
import pytest

from gemmule.gen.blocks.tokens.schedule.chains import Plan, Schedule
from gemmule.gen.blocks.tokens.schedule.classifier_products import add, ways
from gemmule.gen.blocks.tokens.schedule.encoder import DEIT, LATENCY, Encoder

from .chains import chain_cycles

SMALL = Encoder(24, 3)


def check(encoder, array, count, way):
    """Check a block on ``count`` tokens, and the classifier behind it."""
    plan = encoder.block(count)
    tokens = range(len(plan) - encoder.heads, len(plan))
    shape = encoder.classifier(count)
    add(plan, list(ways(shape, *array))[way], shape, tokens)
    schedule = Schedule(*array, LATENCY).run(plan)
    found = list(chain_cycles(schedule, plan, np.random.default_rng(count)))
    ends = [0] * len(found)
    for placed in schedule.placed.values():
        ends[placed.chain] = max(ends[placed.chain], placed.last + 1)
    begins = [0, *(end + LATENCY for end in ends)]
    assert found == [end - begin for begin, end in zip(begins, ends, strict=False)]
    assert ends[-1] == schedule.cycles


@pytest.mark.parametrize("array", [(8, 4), (4, 8)])
@pytest.mark.parametrize("count", [3, 5, 9, 20])
def test_no_result_is_late(array, count):
    for way in (0, -1):
        check(SMALL, array, count, way)


def test_a_late_result_is_seen():
    """Steps that are taken to need nothing run as one chain; in RTL their sources then wait."""
    plan = SMALL.block(5)
    free = Plan(step._replace(needs=()) for step in plan)
    schedule = Schedule(8, 4).run(free)
    rng = np.random.default_rng(1)
    assert sum(chain_cycles(schedule, free, rng)) == schedule.cycles
    assert sum(chain_cycles(schedule, plan, rng)) > schedule.cycles


@pytest.mark.full
@pytest.mark.parametrize("array", [(64, 32), (16, 16)])
def test_no_result_of_deit_is_late(array):
    for count in (29, 75, 123, 197):
        check(DEIT["DeiT-T"], array, count, 0)
