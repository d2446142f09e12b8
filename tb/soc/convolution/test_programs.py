"""What is wrong with a program in memory: its code, its command, and what of memory stays."""

from collections.abc import Mapping

import numpy as np
import pytest

from gemmule.golden.common.memory import element_size
from gemmule.golden.conv.commands import Opcode
from gemmule.golden.conv.records import UNIT, beat_units, command_units, packed, unpacked
from gemmule.golden.conv.refusal import Refusal
from gemmule.golden.soc.commands import Cause
from gemmule.golden.soc.convolution import convolution, verdict
from gemmule.golden.soc.memory import MemoryImage
from gemmule.tb.conv.carried_out import fields_of, patched
from gemmule.tb.soc.test_machine import BASE, SIZE

from .common import (
    IMAGE,
    PARAMS,
    PROGRAM,
    Placed,
    command_of,
    packed_program,
    run,
    set_up,
    small_layer,
)

UNIT_OF = PARAMS.golden
X, W, COPIES = ("forward",), ("input_grad",), ("weight_grad", "explicit")


def parts(placed: Placed) -> tuple[list[int], list[int]]:
    """Return the bits of a program's commands and of its settings."""
    cut = UNIT * placed.commands
    commands = unpacked(placed.program[:cut], command_units(UNIT_OF))
    return commands, unpacked(placed.program[cut:], beat_units(UNIT_OF))


def find(commands: list[int], kind: Opcode) -> int:
    """Return the number of the first command of a kind."""
    return next(at for at, command in enumerate(commands) if command & 7 == kind)


def told(placed: Placed, **change: int) -> tuple[Refusal, int]:
    """Carry a program out; return what is told of it: why, and at which command."""
    made = set_up(placed)
    record = run(made, command_of(placed) | {"sequence": 9} | change)
    why, number = verdict(record["address"])
    assert record["cause"] == (Cause.PROGRAM if why else Cause.NONE)
    if why:
        assert made.read("ERROR") == {
            "cause": Cause.PROGRAM, "unit": 3, "sequence": 9, "address": record["address"]
        }  # fmt: skip
    return why, number


def changed(placed: Placed, at: int, fields: Mapping[str, int]) -> Placed:
    """Return the program with some fields of a command overwritten."""
    commands, settings = parts(placed)
    commands[at] = patched(UNIT_OF, commands[at], fields)
    return packed_program(UNIT_OF, commands, settings, placed.image, placed.after)


ALONE = [
    (X, Opcode.PRODUCT, {"m": 0}, Refusal.SIZE),
    (X, Opcode.PRODUCT, {"n": 4}, Refusal.SIZE),
    (X, Opcode.PRODUCT, {"low": 1, "high": 0}, Refusal.SETTINGS),
    (X, Opcode.PRODUCT, {"zero_point": 1 << 32}, Refusal.SETTINGS),
    (X, Opcode.PRODUCT, {"rounding": 3}, Refusal.SETTINGS),
    (X, Opcode.A_PASS, {"walk.axes.1.spread": 0}, Refusal.WALK),
    (X, Opcode.A_PASS, {"walk.loops.3.jump.part.0": 1}, Refusal.WALK),
    (X, Opcode.B_PASS, {"walk.origin.part.1": 1}, Refusal.WALK),
    (X, Opcode.A_LOAD, {"vectors": 0}, Refusal.LOAD),
    (X, Opcode.A_LOAD, {"vectors": 257}, Refusal.LOAD),
    (X, Opcode.A_LOAD, {"requests": 257}, Refusal.LOAD),
    (X, Opcode.B_LOAD, {"loops.2.count": 0}, Refusal.LOAD),
    (W, Opcode.B_LOAD, {"vectors": 4}, Refusal.LOAD),
    (X, Opcode.PLACES, {"length": 0}, Refusal.LENGTH),
    (X, Opcode.PLACES, {"length": 4}, Refusal.LENGTH),
    (X, Opcode.PLACES, {"size": 3}, Refusal.LENGTH),
    (COPIES, Opcode.PLACES, {"length": 5}, Refusal.LENGTH),
]
"""Commands that are wrong by themselves: what is told is exact."""

TOGETHER = [
    (X, Opcode.A_LOAD, {"requests": 2}, Refusal.REQUESTS),
    (W, Opcode.B_LOAD, {"requests": 1}, Refusal.REQUESTS),
    (X, Opcode.A_LOAD, {"vectors": 256, "closes": 0}, Refusal.BANK),
    (X, Opcode.A_LOAD, {"vectors": 1}, Refusal.ADDRESS),
    (X, Opcode.B_PASS, {"walk.origin.step": 60}, Refusal.ADDRESS),
    (X, Opcode.A_PASS, {"walk.loops.0.turns": 0}, Refusal.PASSES),
    (X, Opcode.A_PASS, {"walk.loops.5.turns": 4095}, Refusal.PASSES),
    (X, Opcode.PRODUCT, {"k": (1 << 24) - 1}, Refusal.PASSES),
    (X, Opcode.PLACES, {"walk.loops.0.turns": 0}, Refusal.PLACES),
    (COPIES, Opcode.PLACES, {"walk.loops.0.turns": 0}, Refusal.PLACES),
    (X, Opcode.B_PASS, {"release": 0}, Refusal.STUCK),
    (X, Opcode.A_LOAD, {"closes": 0}, Refusal.STUCK),
    (X, Opcode.A_LOAD, {"base": (1 << 32) - 1}, Refusal.REGION),
    (X, Opcode.PLACES, {"walk.origin.step": (1 << 32) - 1}, Refusal.REGION),
]
"""Commands that do not fit the others of their program, or their region."""


@pytest.mark.parametrize(("layer", "kind", "fields", "why"), ALONE, ids=str)
def test_commands_that_are_wrong_by_themselves(layer, kind, fields, why):
    placed = small_layer(*layer)
    at = find(parts(placed)[0], kind)
    assert told(changed(placed, at, fields)) == (why, at)


@pytest.mark.parametrize(("layer", "kind", "fields", "why"), TOGETHER, ids=str)
def test_commands_that_do_not_fit_each_other(layer, kind, fields, why):
    """With memory enough for a whole bank behind the layer's own."""
    placed = small_layer(*layer)
    image = np.concatenate([placed.image, np.zeros(1024, np.uint8)])
    at = find(parts(placed)[0], kind)
    found, number = told(changed(placed._replace(image=image), at, fields))
    assert found == why
    assert at < number < len(parts(placed)[0])


@pytest.mark.parametrize("layer", [X, W, COPIES], ids=" ".join)
def test_each_command_of_a_program_in_turn(layer):
    """Of no kind, and, as the last one, no fence: nothing behind it is carried out."""
    placed = small_layer(*layer)
    commands, settings = parts(placed)
    for at, command in enumerate(commands):
        wrong = [*commands[:at], command | 7, *commands[at + 1 :]]
        given = packed_program(UNIT_OF, wrong, settings, placed.image, placed.after)
        assert told(given) == (Refusal.KIND, at)
        if command & 7 != Opcode.FENCE:
            cut = commands[: at + 1]
            given = packed_program(UNIT_OF, cut, settings, placed.image, placed.after)
            assert told(given) == (Refusal.END, at)


def test_what_was_written_before_stays():
    """The first product's results are there, and the others' are not."""
    placed = small_layer()
    commands, _ = parts(placed)
    second = [at for at, each in enumerate(commands) if each & 7 == Opcode.PRODUCT][1]
    made = set_up(changed(placed, second, {"m": 0}))
    assert run(made, command_of(placed))["cause"] == Cause.PROGRAM
    memory = made.memory.octets[IMAGE - BASE :][: len(placed.image)]
    written = memory != placed.image
    assert written.any()
    np.testing.assert_array_equal(memory[written], placed.after[written])
    assert (memory != placed.after).any()


SIDES = {"a": (Opcode.A_LOAD, PARAMS.rows), "b": (Opcode.B_LOAD, PARAMS.cols)}


@pytest.mark.parametrize("layer", [X, W], ids=" ".join)
@pytest.mark.parametrize("name", ["a", "b", "c"])
def test_regions_that_just_reach_and_that_do_not(layer, name):
    placed = small_layer(*layer)
    if name == "c":
        end = int(np.nonzero(placed.after != placed.image)[0].max()) + 1
    else:
        kind, lanes = SIDES[name]
        loads = [fields_of(UNIT_OF, each) for each in parts(placed)[0] if each & 7 == kind]
        end = max(
            fields["base"]
            + sum((loop["count"] - 1) * loop["stride"] for loop in fields["loops"])
            + (fields["vectors"] * lanes << element_size(UNIT_OF.a_format.width))
            for fields in loads
        )
    assert end <= len(placed.image)
    assert told(placed, **{f"{name}_stride": end}) == (Refusal.NONE, 0)
    assert told(placed, **{f"{name}_stride": end - 1})[0] == Refusal.REGION


def test_nothing_of_a_request_beyond_its_region_is_written():
    """The first vector of results has two lanes inside, and a third one that is not."""
    placed = small_layer()
    made, commands = set_up(placed), parts(placed)[0]
    places = fields_of(UNIT_OF, commands[find(commands, Opcode.PLACES)])
    assert (places["length"], places["size"]) == (3, 0)
    inside = places["walk"]["origin"]["step"] + 2
    assert run(made, command_of(placed) | {"c_stride": inside})["cause"] == Cause.PROGRAM
    memory = made.memory.octets[IMAGE - BASE :][: len(placed.image)]
    np.testing.assert_array_equal(memory, placed.image)


def test_settings_that_are_cut():
    """Without any, there is one beat of zeros; with too few, a product finds none."""
    placed = small_layer()
    commands, settings = parts(placed)
    assert len(settings) > 1
    assert told(placed, m=placed.commands)[0] == Refusal.PACKET
    few = packed_program(UNIT_OF, commands, settings[:-1], placed.image, placed.after)
    assert told(few)[0] == Refusal.PACKET
    more = packed_program(UNIT_OF, commands, [*settings, 0], placed.image, placed.after)
    assert told(more) == (Refusal.NONE, 0)


def test_no_settings_are_a_beat_of_zeros():
    placed = small_layer(filters=3)
    assert len(parts(placed)[1]) == 1
    without, zeros = (set_up(placed) for _ in range(2))
    assert run(without, command_of(placed) | {"m": placed.commands})["cause"] == Cause.NONE
    zeros.memory.write(PROGRAM + UNIT * placed.commands, bytes(UNIT * beat_units(UNIT_OF)))
    assert run(zeros, command_of(placed))["cause"] == Cause.NONE
    images = [each.memory.octets[IMAGE - BASE :][: len(placed.image)] for each in (without, zeros)]
    np.testing.assert_array_equal(*images)
    assert (images[0] != placed.image).any()
    assert (images[0] != placed.after).any()


def test_bits_that_are_cut_off_are_zero():
    """The last unit of a fence says nothing; that of a beat of settings does."""
    placed = small_layer()
    commands, settings = parts(placed)
    assert command_units(UNIT_OF) > 1
    fence = set_up(placed)
    first = packed(commands, command_units(UNIT_OF))[:-UNIT]
    fence.memory.write(PROGRAM, first + packed(settings, beat_units(UNIT_OF)))
    record = run(fence, command_of(placed) | {"m": placed.units - 1, "n": placed.commands - 1})
    assert record["cause"] == Cause.NONE
    memory = fence.memory.octets[IMAGE - BASE :][: len(placed.image)]
    np.testing.assert_array_equal(memory, placed.after)
    cut = placed.commands - command_units(UNIT_OF)
    assert told(placed, n=cut)[0] == Refusal.END


BUS = {
    "program": ({"settings": BASE + SIZE - 40}, Cause.READ_DECODE, BASE + SIZE),
    "a": ({"a": BASE + SIZE - 5}, Cause.READ_DECODE, BASE + SIZE),
    "b": ({"b": BASE - 0x800}, Cause.READ_DECODE, None),
    "c": ({"c": BASE + SIZE - 5}, Cause.WRITE_DECODE, None),
}


@pytest.mark.parametrize("case", BUS)
def test_what_is_not_there_is_an_error_of_the_bus(case):
    change, cause, address = BUS[case]
    placed = small_layer()
    made = set_up(placed)
    record = run(made, command_of(placed) | change)
    assert record["cause"] == cause
    assert address is None or record["address"] == address
    assert made.read("ERROR")["unit"] == 3


def test_a_region_may_be_longer_than_what_is_there():
    """What no program asks for is not read."""
    placed = small_layer()
    lengths = {f"{name}_stride": -1 for name in "abc"}
    assert told(placed, **lengths) == (Refusal.NONE, 0)


def test_regions_beyond_the_reach_of_a_programs_addresses():
    """These have 32 bits, and count from where their region begins."""
    placed, high = small_layer(), 0x12_FFFF_FF00
    octets = np.concatenate([placed.image, np.frombuffer(placed.program, np.uint8)])
    memory = MemoryImage(octets, high)
    given = command_of(placed, image=high, program=high + len(placed.image))
    convolution(given, memory, set_up(placed).hardware)
    np.testing.assert_array_equal(memory.octets[: len(placed.image)], placed.after)
