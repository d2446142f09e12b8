"""Halts after commands that failed: nothing begins until it is resumed, and nothing is lost."""

from collections import Counter

import pytest

from gemmule.golden.soc.commands import Flags
from gemmule.hw.soc.control.dispatch import IN_FLIGHT
from gemmule.hw.soc.control.layouts import UNITS

from .configurations import CONFIGURATIONS, FEW
from .pair import Pair
from .quotas import HALTS
from .stimuli.commands import MOST
from .stimuli.wrong import Spoiler

STILL = 3_000
"""Cycles without a beat or a completion after which all that was begun is taken to be done."""


class Halting(Pair):
    """A pair that halts on errors, and is resumed when it is at rest.

    Where each command waits for those before it, the RTL must halt where the golden machine does:
    ``exact``. Else it may halt in another order, and after what was begun already.
    """

    exact = False

    def begin(self) -> None:
        super().begin()
        self.resumed_at = 0
        self.halts: list[int] = []
        self.golden_halts: list[int] = []

    def carry_out(self) -> None:
        """Let the golden machine carry out a command, and resume it where that failed."""
        self.golden.advance()
        if self.golden.read("STATUS")["halted"]:
            self.golden_halts.append(self.golden.read("COMPLETED")["commands"] - self.first)
            self.golden.write("CTRL", {"enable": 1, "halt_on_error": 1, "reset": 0, "resume": 1})

    def poll(self) -> None:
        """If the RTL is halted, see that it rests, and resume it."""
        if not self.read("STATUS")["halted"]:
            return
        before = None
        while before != (before := (self.harvest(), *self._beats())):
            self.bus.run(STILL)
        assert self.bus.counters().idle
        assert self.read("STATUS")["halted"]
        since = [bool(each["cause"]) for each in self.got[self.resumed_at :]]
        assert any(since), ("halted, and no command failed", self.state())
        behind = len(since) - 1 - since.index(True)
        assert behind <= (0 if self.exact else IN_FLIGHT * len(UNITS) + 1), behind
        self.halts.append(len(self.got))
        self.resumed_at = len(self.got)
        self.write_rtl("CTRL", enable=1, halt_on_error=1, reset=0, resume=1)
        self.tally["halts"] += 1

    def _beats(self) -> tuple[int, int]:
        counters = self.bus.counters()
        return counters.read_beats, counters.write_beats


def run_halts(name: str, seed: int, count: int) -> Counter:
    """Run commands of which some fail, until there were ``count`` halts."""
    with Halting(name, seed) as pair:
        maker, rng = Spoiler(pair), pair.rng
        pair.write("CTRL", enable=1, halt_on_error=1)
        while pair.tally["halts"] < count:
            pair.disturb()
            pair.choose_rings()
            pair.choose_interrupts()
            maker.batch()
            refuses = bool(rng.integers(2))
            fenced = bool(rng.integers(2))
            pair.exact = fenced and not refuses  # what is refused waits for no fence
            direct = not pair.params.ring or rng.random() < 0.1
            for left in reversed(range(int(rng.integers(1, MOST + 1)))):
                command = maker.work(settings=0 if refuses else 0.3)
                if fenced:
                    command["flags"] |= Flags.FENCE
                wrong = refuses and rng.random() < 0.2
                pair.command(maker.spoiled() if wrong else command, direct=direct)
                if not direct and (not left or rng.random() < 0.1):
                    pair.ring()
            pair.wait(lambda: pair.harvest() == len(pair.given), "COMPLETED")
            pair.bus.run(8)
            pair.poll()
            failed = sum(bool(each["cause"]) for each in pair.got)
            assert bool(pair.halts) == bool(failed)
            if pair.exact:
                assert pair.halts == pair.golden_halts
                pair.tally["halts where the golden machine halts"] += len(pair.halts)
            pair.finish()
    return pair.tally


@pytest.mark.parametrize("name", FEW)
def test_halts(name):
    run_halts(name, 1, 12)


@pytest.mark.full
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_many_halts(name):
    run_halts(name, 2, HALTS)
