"""Commands with something wrong in any field, and operands that miss a window by a byte."""

from collections import Counter
from collections.abc import Sequence

import pytest

from gemmule.golden.soc.commands import COMMAND, VERSION, Cause
from gemmule.golden.soc.machine import WORK

from .configurations import CONFIGURATIONS, FEW, WITH_CONVOLUTIONS, WITH_VECTORS
from .pair import Pair
from .quotas import REFUSED, REFUSED_LAYERS
from .stimuli.commands import MOST
from .stimuli.wrong import FIELDS, Spoiler


def run_refused(name: str, seed: int, count: int, spoils: Sequence[str] = ()) -> Counter:
    """Run commands of which at least ``count`` are refused for a wrong field, and others.

    ``spoils``: the units whose commands are made wrong; none are all of them.
    """
    wrong = 0
    with Pair(name, seed) as pair:
        maker, rng = Spoiler(pair, spoils), pair.rng
        while wrong < count:
            pair.disturb()
            pair.choose_rings()
            pair.choose_interrupts()
            maker.batch()
            windows = maker.windows() if rng.random() < 0.5 else []
            pair.set_windows(windows)
            direct = not pair.params.ring or rng.random() < 0.1
            for left in reversed(range(int(rng.integers(1, MOST + 1)))):
                wrongly = False
                if windows:
                    # One that fails on its way has written a part of what others might read.
                    command = maker.next(settings=0)
                    if command["opcode"] in WORK:
                        maker.at_an_edge(command, windows)
                    octets = COMMAND.encode(command)
                elif wrongly := rng.random() < 0.7:
                    octets = maker.spoiled()
                else:  # of the units alone whose commands are made wrong, also on their way
                    command = maker.work(units=spoils, settings=0.7) if spoils else maker.next()
                    octets = COMMAND.encode(command)
                cause = pair.command(octets, direct=direct)
                if wrongly:
                    wrong += 1
                    pair.tally[f"malformed in {maker.field}"] += 1
                    pair.tally[f"malformed in {maker.field}, of {maker.of}"] += 1
                if cause not in (Cause.NONE, Cause.SETTINGS, Cause.PROGRAM):
                    maker.refused(COMMAND.decode(octets)["sequence"])
                    pair.tally[f"refused: {cause.name}"] += 1
                if not direct and (not left or rng.random() < 0.1):
                    pair.ring()
            pair.finish()
        pair.set_windows([])
    return pair.tally


def run_refused_layers(name: str, seed: int, count: int) -> Counter:
    """Run CONVOLUTION commands with a wrong field, and others whose programs are wrong."""
    return run_refused(name, seed, count, ("CONVOLUTION",))


@pytest.mark.parametrize("name", FEW)
def test_wrong_commands_are_refused(name):
    run_refused(name, 1, 75)


@pytest.mark.full
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_many_wrong_commands_are_refused(name):
    found = run_refused(name, 2, REFUSED)
    assert all(found[f"malformed in {field}"] for field in FIELDS)
    vectors = [found[f"malformed in {field}, of VECTOR"] for field in FIELDS]
    assert all(vectors) == (name in WITH_VECTORS)


@pytest.mark.full
@pytest.mark.parametrize("name", WITH_CONVOLUTIONS)
def test_many_wrong_layers_are_refused(name):
    found = run_refused_layers(name, 2, REFUSED_LAYERS)
    assert all(found[f"malformed in {field}, of CONVOLUTION"] for field in FIELDS)


def test_a_command_of_no_size_signals_no_counter_that_there_is_not():
    """Of a command with a wrong size and a wrong counter, the low bits of the counter counted."""
    with Pair("narrow", 4) as pair:
        wrong = {"opcode": 1, "version": VERSION, "sequence": 1, "signal": 0x18}
        assert pair.command(wrong) is Cause.SIZE
        pair.ring()
        pair.finish()
        pair.write("WATCHDOG", cycles=1000)
        pair.stuck({"version": VERSION, "sequence": 2, "wait": 8, "wait_value": 1})
        pair.until("IRQ_STATUS", "error", 1)
        assert pair.read("ERROR")["cause"] == Cause.TIMEOUT
