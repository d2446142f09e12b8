"""Random commands on all accelerators: all of memory is what the golden machine makes of it."""

from collections import Counter

import numpy as np
import pytest

from .configurations import CONFIGURATIONS, FEW
from .pair import Pair
from .quotas import COMMANDS
from .stimuli.commands import MOST
from .stimuli.places import OPERANDS
from .stimuli.wrong import Spoiler


def run_commands(name: str, seed: int, count: int) -> Counter:
    """Run legal commands, back to back in batches, and compare after each batch."""
    with Pair(name, seed) as pair:
        maker, rng = Spoiler(pair), pair.rng
        while pair.tally["commands"] < count:
            pair.disturb()
            pair.choose_rings()
            pair.choose_interrupts()
            maker.batch()
            windows = maker.around() if rng.random() < 0.3 else []
            pair.set_windows(windows)
            batch = int(rng.integers(1, MOST + 1))
            pair.tally["commands within windows"] += batch * bool(windows)
            direct = not pair.params.ring or rng.random() < 0.1
            for left in reversed(range(batch)):
                command = maker.next()
                maker.wrote(command, pair.command(command, direct=direct))
                if not direct and (not left or rng.random() < 0.1):
                    pair.ring()
                    pair.bus.run(int(rng.integers(0, 400)))
            pair.finish()
            if rng.random() < 0.2:  # operands that no one has seen
                octets = rng.integers(0, 256, pair.memory.size // 2, np.uint8).tobytes()
                pair.put(OPERANDS, octets)
    return pair.tally


@pytest.mark.parametrize("name", FEW)
def test_random_commands(name):
    run_commands(name, 1, 250)


@pytest.mark.full
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_many_random_commands(name):
    run_commands(name, 2, COMMANDS)
