"""Programs of any kind: what golden says of them and makes of memory, and what hardware does."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from gemmule.golden.common.formats import Format
from gemmule.golden.common.lanes import last_of, to_words
from gemmule.golden.common.memory import Region
from gemmule.golden.common.requantize import STEP
from gemmule.golden.conv.commands import Opcode
from gemmule.golden.conv.layout import Lanes, command_width, flat, lane, width
from gemmule.golden.conv.program import run
from gemmule.golden.conv.refusal import ProgramError, Refusal
from gemmule.tb.conv.carried_out import agree

from .beats import PARAMS, Program, bits, patched
from .reports import image, programs, received, reports
from .test_conv_faults import changed_fields, mixed_up
from .watched import ROOM

UNIT = PARAMS.golden


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
        [each & (1 << size) - 1 for each in given]
        for given, size in zip((program.commands, scales), widths, strict=True)
    )
    try:
        run(UNIT, commands, settings, whole, whole, whole)
    except ProgramError as error:
        return error.refusal, error.command
    return Refusal.NONE, len(commands) - 1


def compare(made: Iterator[Program], stall: float) -> list[Refusal]:
    """Compare verdicts, and what the programs that are right write; return all verdicts.

    Hardware finds another thing first in few of them.
    """
    each = list(made)
    scratch = WatchedMemory(image().copy())
    told = [verdict(program, scratch) for program in each]
    words = reports(received(each, stall=stall))
    found = [(Refusal.of(word["refused"]), word["command"]) for word in words]
    assert all(map(agree, told, found))
    same = [wanted[0] == other[0] for wanted, other in zip(told, found, strict=True)]
    assert np.mean(same) > 0.95
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


HALVES = {"multiplier": 1 << STEP - 1, "drop": 0}
"""Settings that halve: every other result is a tie."""


def of_any_size(rng: np.random.Generator, fmt: Format, count: int) -> np.ndarray:
    """Draw numbers of a format, small ones as often as large ones."""
    drawn = rng.integers(fmt.low, fmt.high, size=count, endpoint=True)
    return drawn >> rng.integers(fmt.width, size=count)


def scaled_anew(seed: int) -> Iterator[Program]:
    """Yield programs whose products are requantized by any numbers, of one format each.

    Every other product has ties. Results are written with all their bits, or with half of them.
    """
    rng = np.random.default_rng(seed)
    for number, program in enumerate(programs().values()):
        result = Format(signed=bool((seed + number) % 2), width=PARAMS.out_width)
        commands = list(program.commands)
        for at, command in enumerate(commands):
            if command & 7 == Opcode.PRODUCT:
                drawn = np.sort(of_any_size(rng, result, 3)).tolist()
                fields = dict(zip(("low", "zero_point", "high"), drawn, strict=True))
                commands[at] = patched(command, fields | {"rounding": int(rng.integers(3))})
            elif command & 7 == Opcode.PLACES and not bits(command, "copied"):
                commands[at] = patched(command, {"size": UNIT.largest_size - at % 2})
        scale = []
        for name, each in flat(Lanes(lane(UNIT), PARAMS.cols)):
            drawn = of_any_size(rng, Format(each.signed, each.width), len(program.scale))
            most = PARAMS.max_shift // STEP if name.endswith("drop") else 1 << each.width
            drawn = np.minimum(drawn, most)
            drawn[::2] = HALVES.get(name.rpartition(".")[2], drawn[::2])
            scale.append((drawn, each.width))
        words = to_words(*scale, (last_of(len(program.scale)), 1))
        yield replace(program, commands=tuple(commands), scale=words)


@pytest.mark.parametrize("seed", range(8))
def test_settings_of_any_value(seed):
    assert set(compare(scaled_anew(seed), 0.0)) == {Refusal.NONE}


@pytest.mark.full
@pytest.mark.parametrize("seed", range(4))
def test_more_of_both(seed):
    compare(changed_fields(20 + seed, 9), 0.3 * (seed % 2))
    compare(mixed_up(30 + seed, 800), 0.2 * (seed % 2))
