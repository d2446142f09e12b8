"""Coalescing watched command by command: by count, by time, and where one asks for an interrupt."""

from collections import Counter

import pytest

from gemmule.golden.soc.commands import Flags

from .configurations import CONFIGURATIONS, FEW
from .pair import Pair
from .quotas import COMPLETIONS_WATCHED
from .stimuli.commands import Maker

NEVER = 0xFFFF
"""Of IRQ_COALESCE: more commands, and 64 times more cycles, than there are."""

SOON = 16
"""Cycles from the moment on which the interrupt is due until it must be there."""


def watch(pair: Pair, began: int) -> None:
    """Compare the interrupt with the rule after one command, and clear it."""
    rule, done = pair.coalescing, pair.bus.cycles
    rule.complete(pair.given[-1])
    waits = 64 * rule.time
    pair.bus.run(SOON + (0 if rule.told or rule.time == NEVER else waits))
    if rule.time not in (0, NEVER) and not rule.told:
        raised = pair.bus.counters().interrupt_at
        assert began + waits <= raised <= done + waits + SOON, (began, waits, raised, done)
        rule.tell()
        pair.golden.advance()
        pair.tally["completions told by time"] += 1
    told = pair.read("IRQ_STATUS")["complete"]
    assert told == rule.told == pair.bus.interrupt
    if rule.time != NEVER:
        pair.alike("IRQ_STATUS")
    if told:
        pair.forget_flags()


def run_interrupts(name: str, seed: int, count: int) -> Counter:
    """Run rounds of commands, each after the one before, until so many are complete."""
    with Pair(name, seed) as pair:
        maker, rng, rule = Maker(pair), pair.rng, pair.coalescing
        pair.write("IRQ_ENABLE", complete=1)
        while pair.tally["completions watched"] < count:
            pair.disturb()
            maker.batch()
            few, short = int(rng.integers(1, 6)), int(rng.integers(1, 12))
            pairs = ((0, 0), (few, 0), (few, NEVER), (0, short), (NEVER, short), (1, short))
            some, time = pairs[rng.integers(len(pairs))]
            pair.write("IRQ_COALESCE", count=some, time=time)
            rule.set(some, time)
            turns = 12
            for left in reversed(range(turns)):
                command = maker.nop() if rng.random() < 0.8 else maker.work(settings=0)
                command["flags"] &= ~Flags.INTERRUPT
                if not left or rng.random() < 0.1:  # after the last one nothing is left untold
                    command["flags"] |= Flags.INTERRUPT
                direct = not pair.params.ring or rng.random() < 0.2
                pair.command(command, direct=direct)
                if not direct:
                    pair.ring()
                began = pair.bus.counters().written_at
                pair.wait(lambda: pair.harvest() == len(pair.given), "COMPLETED")
                watch(pair, began)
            assert rule.untold == 0
            for n, record in enumerate(pair.got):
                assert record == pair.wanted[record["sequence"]] | {"index": pair.first + n + 1}
            pair.check_memory()
            pair.tally["completions watched"] += turns
            pair.begin()
    return pair.tally


@pytest.mark.parametrize("name", FEW)
def test_interrupts(name):
    run_interrupts(name, 1, 120)


@pytest.mark.full
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_many_interrupts(name):
    run_interrupts(name, 2, COMPLETIONS_WATCHED)
