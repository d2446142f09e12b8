"""Commands with something wrong in any field, and operands that miss a window by a byte."""

import pytest

from gemmule.golden.soc.commands import COMMAND, VERSION, Cause, Opcode

from .configurations import CONFIGURATIONS, FEW
from .pair import Pair
from .wrong import Spoiler


def run_refused(name: str, seed: int, count: int) -> dict[str, int]:
    """Run commands of which at least ``count`` are refused; return how many there were a cause."""
    found: dict[str, int] = {}
    with Pair(name, seed) as pair:
        maker, rng = Spoiler(pair), pair.rng
        while sum(found.values()) < count:
            pair.disturb()
            maker.batch()
            windows = maker.windows() if rng.random() < 0.5 else []
            pair.set_windows(windows)
            direct = not pair.params.ring or rng.random() < 0.1
            for left in reversed(range(int(rng.integers(1, maker.room + 1)))):
                command = maker.next()
                if windows:
                    if command["opcode"] == Opcode.GEMM:
                        maker.at_an_edge(command, windows)
                    octets = COMMAND.encode(command)
                elif rng.random() < 0.7:
                    octets = maker.spoiled()
                else:
                    octets = COMMAND.encode(command)
                cause = pair.command(octets, direct=direct)
                if cause not in (Cause.NONE, Cause.SETTINGS):
                    found[cause.name] = found.get(cause.name, 0) + 1
                if not direct and (not left or rng.random() < 0.1):
                    pair.ring()
            pair.finish()
        pair.set_windows([])
    return found


@pytest.mark.parametrize("name", FEW)
def test_wrong_commands_are_refused(name):
    run_refused(name, 1, 75)


@pytest.mark.full
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_many_wrong_commands_are_refused(name):
    run_refused(name, 2, 155)


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
