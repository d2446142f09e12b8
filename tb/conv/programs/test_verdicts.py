"""Programs of any kind: what golden says of them and makes of memory, and what hardware does."""

from collections.abc import Iterator

import numpy as np
import pytest

from gemmule.golden.common.memory import Region
from gemmule.golden.conv.layout import command_width, lane, width
from gemmule.golden.conv.program import run
from gemmule.golden.conv.refusal import ProgramError, Refusal

from .beats import PARAMS, Program
from .reports import image, received, reports
from .test_conv_faults import changed_fields, mixed_up
from .watched import ROOM

UNIT = PARAMS.golden

ALONE = [each for each in Refusal if Refusal.NONE < each <= Refusal.LENGTH]
"""What is wrong with a command by itself, whose number is told."""


class WatchedMemory:
    """A memory that begins requests where :class:`.watched.Watched` does."""

    def __init__(self, octets: np.ndarray):
        self.octets = octets

    def read(self, address: int, count: int) -> bytes:
        """Return bytes of a request."""
        return self.octets[address & (ROOM - 1) :][:count].tobytes()

    def write(self, address: int, octets: bytes) -> None:
        """Write the bytes of a request."""
        self.octets[ROOM | address & (ROOM - 1) :][: len(octets)] = list(octets)


def verdict(program: Program, memory: WatchedMemory) -> tuple[Refusal, int]:
    """Carry a program out; return what becomes of it."""
    whole = Region(memory, 0, 1 << 33)
    widths = command_width(UNIT), PARAMS.cols * width(lane(UNIT))
    scales = (int.from_bytes(beat.tobytes(), "little") for beat in program.scale)
    commands, settings = (
        [each & (1 << bits) - 1 for each in given]
        for given, bits in zip((program.commands, scales), widths, strict=True)
    )
    try:
        run(UNIT, commands, settings, whole, whole, whole)
    except ProgramError as error:
        return error.refusal, error.command
    return Refusal.NONE, len(commands) - 1


def compare(made: Iterator[Program], stall: float) -> list[Refusal]:
    """Compare verdicts, and what the programs that are right write; return all verdicts.

    Where passes go on too long and leave their bank, either may be found first.
    """
    each = list(made)
    scratch = WatchedMemory(image().copy())
    told = [verdict(program, scratch) for program in each]
    for (why, at), found in zip(told, reports(received(each, stall=stall)), strict=True):
        beyond = why == Refusal.PASSES and found["refused"] == Refusal.ADDRESS
        assert why == found["refused"] or beyond
        assert at == found["command"] if why in ALONE else at <= found["command"]
    good = [program for program, (why, _) in zip(each, told, strict=True) if not why]
    memory = WatchedMemory(image().copy())
    assert not any(verdict(program, memory)[0] for program in good)
    written = received(good, stall=stall)["memory"].view(np.uint8)[: len(memory.octets)]
    np.testing.assert_array_equal(written, memory.octets)
    return [why for why, _ in told]


def test_fields_of_any_value():
    met = compare(changed_fields(5, 2), 0.1)
    assert len(set(met)) > 9
    assert met.count(Refusal.NONE) > 100


def test_mixed_up_and_random_commands():
    met = compare(mixed_up(6, 200), 0.0)
    assert len(set(met)) > 5


@pytest.mark.full
@pytest.mark.parametrize("seed", range(4))
def test_more_of_both(seed):
    compare(changed_fields(20 + seed, 9), 0.3 * (seed % 2))
    compare(mixed_up(30 + seed, 800), 0.2 * (seed % 2))
