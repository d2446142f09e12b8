"""Chains of 2 to 12 dependent commands over all units, with waits for counters and with fences."""

from collections import Counter

import pytest

from .configurations import CONFIGURATIONS, WITH_CONVOLUTIONS, WITH_VECTORS
from .pair import Pair
from .quotas import chains_of
from .stimuli.chains import ChainMaker


def run_chains(name: str, seed: int, count: int) -> Counter:
    """Run one to four chains at a time, side by side, until there were ``count``."""
    with Pair(name, seed) as pair:
        maker, rng = ChainMaker(pair), pair.rng
        while maker.made < count:
            pair.disturb()
            pair.choose_rings()
            pair.choose_interrupts()
            maker.batch()
            direct = not pair.params.ring or rng.random() < 0.1
            for command in maker.chains(int(rng.integers(1, 5))):
                assert not pair.command(command, direct=direct)
                if not direct and rng.random() < 0.2:
                    pair.ring()
                    pair.bus.run(int(rng.integers(0, 300)))
            if not direct:
                pair.ring()
            pair.finish()
    return pair.tally


@pytest.mark.parametrize("name", ["narrow", "4x4_layers"])
def test_chains(name):
    run_chains(name, 1, 25)


@pytest.mark.full
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_many_chains(name):
    found = run_chains(name, 2, chains_of(name))
    units = 1 + (name in WITH_VECTORS) + (name in WITH_CONVOLUTIONS)
    assert found[f"chains over {units} units"]
