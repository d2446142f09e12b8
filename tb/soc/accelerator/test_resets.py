"""Soft resets at any time, and the watchdog: each is followed by a right job."""

from collections import Counter

import numpy as np
import pytest

from gemmule.golden.soc.check import operands
from gemmule.golden.soc.commands import VERSION, Cause
from gemmule.golden.soc.machine import WORK

from .configurations import CONFIGURATIONS, FEW
from .pair import Pair
from .quotas import RESETS
from .stimuli.commands import Maker


def some(pair: Pair, maker: Maker, most: int) -> None:
    """Hand over up to so many commands; no two have results in one place."""
    maker.batch()
    direct = not pair.params.ring or pair.rng.random() < 0.1
    if direct and pair.params.ring is False:
        most = min(most, 2)
    for _ in range(int(pair.rng.integers(1, most + 1))):
        before = maker.rounds
        command = maker.work(settings=0)
        if maker.rounds != before:
            break
        pair.command(command, direct=direct)
    if not direct:
        pair.ring()


def reset_once(pair: Pair, maker: Maker) -> None:
    """Reset at a random time: results are as they were, or right, a byte each."""
    rng = pair.rng
    pair.disturb()
    pair.choose_rings()
    pair.choose_interrupts()
    old = pair.memory.copy()
    some(pair, maker, 8)
    pair.bus.run(int(np.exp(rng.uniform(0, np.log(20_000)))))
    pair.harvest()
    first, records, given, wanted = pair.first, pair.got, pair.given, pair.wanted
    pair.reset()
    new = pair.memory.copy()
    for command in given:
        if command["opcode"] in WORK:
            c = operands(command, pair.hardware)["c"]
            for address in c.row_addresses():
                row = slice(address - pair.base, address - pair.base + c.row_octets)
                got = pair.bus.memory[row]
                assert np.all((got == old[row]) | (got == new[row])), command
                pair.memory[row] = got
    for index, record in enumerate(records, first + 1):
        assert record == wanted[record["sequence"]] | {"index": index}
        command = next(each for each in given if each["sequence"] == record["sequence"])
        if command["opcode"] in WORK:
            c = operands(command, pair.hardware)["c"]
            for address in c.row_addresses():
                row = slice(address - pair.base, address - pair.base + c.row_octets)
                np.testing.assert_array_equal(pair.bus.memory[row], new[row])
    pair.check_memory()
    pair.bus.run(int(rng.integers(0, 1000)))
    pair.check_memory()
    assert pair.bus.counters().idle
    pair.forget_flags()
    pair.tally["resets"] += 1
    pair.tally["resets with commands under way"] += len(records) < len(given)


def run_resets(name: str, seed: int, count: int) -> Counter:
    """Reset so often, and let jobs follow each."""
    with Pair(name, seed) as pair:
        maker = Maker(pair)
        for _ in range(count):
            reset_once(pair, maker)
            if pair.rng.random() < 0.5:
                pair.disturb()
            some(pair, maker, 3)
            pair.finish()
    return pair.tally


@pytest.mark.parametrize("name", FEW)
def test_resets(name):
    run_resets(name, 1, 15)


@pytest.mark.full
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_many_resets(name):
    run_resets(name, 2, RESETS)


def run_watchdog(name: str, seed: int, count: int) -> Counter:
    """Let commands wait for what never comes; what is done before them is done."""
    with Pair(name, seed) as pair:
        maker, rng = Maker(pair), pair.rng
        for _ in range(count):
            pair.disturb()
            pair.write("WATCHDOG", cycles=4000)
            some(pair, maker, 3)
            pair.finish()
            stuck = {"version": VERSION, "wait": 3, "sequence": 999, "opcode": int(rng.integers(1))}
            stuck["wait_value"] = pair.golden._dependencies[3] + 1 & 0xFFFF
            pair.stuck(stuck)
            pair.until("IRQ_STATUS", "error", 1)
            pair.until("STATUS", "reset_done", 1)
            pair.alike("ERROR", "ERROR_ADDR_LO", "ERROR_ADDR_HI")
            assert pair.read("ERROR")["cause"] == Cause.TIMEOUT
            pair.was_reset()
            pair.check_memory()
            pair.forget_flags()
            pair.tally["resets by the watchdog"] += 1
            some(pair, maker, 3)
            pair.finish()
            pair.write("WATCHDOG", cycles=0)
    return pair.tally


@pytest.mark.parametrize("name", FEW)
def test_watchdog(name):
    run_watchdog(name, 1, 5)
