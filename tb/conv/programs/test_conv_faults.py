"""F5, E: programs that are wrong: what their status says, and the next program.

In each run a faulty program is followed by a good one, whose counts, and the digest of whatever it
writes, and where, must be those that it has alone. The memory refuses requests of length 0.
"""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from gemmule.gen.simulation.engine import build
from gemmule.golden.common.lanes import numbers_to_words
from gemmule.golden.conv.commands import Opcode
from gemmule.golden.conv.refusal import Refusal

from .beats import PARAMS, bits, fields_of, find, patched, plan
from .reports import CLEAN, FORWARD, INPUT_GRAD, programs, with_good_ones
from .watched import WATCHED

X, W = FORWARD, INPUT_GRAD
ILLEGAL = [
    (X, Opcode.PRODUCT, {"m": 0}, Refusal.SIZE),
    (X, Opcode.PRODUCT, {"n": 0}, Refusal.SIZE),
    (X, Opcode.PRODUCT, {"k": 0}, Refusal.SIZE),
    (X, Opcode.PRODUCT, {"n": 4}, Refusal.SIZE),
    (X, Opcode.PRODUCT, {"low": 1, "high": 0}, Refusal.SETTINGS),
    (X, Opcode.PRODUCT, {"low": 1 << 32}, Refusal.SETTINGS),
    (X, Opcode.PRODUCT, {"rounding": 3}, Refusal.SETTINGS),
    (X, Opcode.PRODUCT, {"zero_point": 1 << 32}, Refusal.SETTINGS),
    (X, Opcode.PRODUCT, {"m": 0, "rounding": 3}, Refusal.SIZE),
    (X, Opcode.A_PASS, {"walk.axes.1.spread": 0}, Refusal.WALK),
    (X, Opcode.A_PASS, {"walk.loops.3.jump.part.0": 1}, Refusal.WALK),
    (X, Opcode.B_PASS, {"walk.origin.part.1": 1}, Refusal.WALK),
    *(
        (X, kind, {name: 0}, Refusal.LOAD)
        for kind in (Opcode.A_LOAD, Opcode.B_LOAD)
        for name in ("vectors", "requests", "loops.0.count", "loops.2.count")
    ),
    (X, Opcode.A_LOAD, {"vectors": 257}, Refusal.LOAD),
    (X, Opcode.A_LOAD, {"requests": 257}, Refusal.LOAD),
    (W, Opcode.B_LOAD, {"vectors": 4}, Refusal.LOAD),
    (W, Opcode.B_LOAD, {"requests": 65}, Refusal.LOAD),
    (X, Opcode.PLACES, {"length": 0}, Refusal.LENGTH),
    (X, Opcode.PLACES, {"length": 4}, Refusal.LENGTH),
    (X, Opcode.PLACES, {"size": 3}, Refusal.LENGTH),
    ("weight_grad-explicit", Opcode.PLACES, {"length": 5}, Refusal.LENGTH),
]
"""Commands that are wrong by themselves."""

TOGETHER = [
    (X, Opcode.A_LOAD, {"requests": 2}, Refusal.REQUESTS),
    (X, Opcode.A_LOAD, {"loops.0.count": 8191}, Refusal.REQUESTS),
    (W, Opcode.B_LOAD, {"requests": 1}, Refusal.REQUESTS),
    (X, Opcode.A_LOAD, {"vectors": 256, "closes": 0}, Refusal.BANK),
    (X, Opcode.B_LOAD, {"requests": 60, "loops.0.count": 60}, Refusal.BANK),
    (X, Opcode.A_LOAD, {"vectors": 1}, Refusal.ADDRESS),
    (X, Opcode.B_PASS, {"walk.origin.step": 60}, Refusal.ADDRESS),
    (X, Opcode.A_PASS, {"walk.loops.0.turns": 0}, Refusal.PASSES),
    (X, Opcode.A_PASS, {"walk.loops.5.turns": 4095}, Refusal.PASSES),
    (X, Opcode.B_PASS, {"walk.loops.5.turns": 4095}, Refusal.PASSES),
    (X, Opcode.PRODUCT, {"k": (1 << 24) - 1}, Refusal.PASSES),
    (X, Opcode.PRODUCT, {"m": (1 << 24) - 1}, Refusal.PASSES),
    (X, Opcode.PLACES, {"walk.loops.0.turns": 0}, Refusal.PLACES),
    (X, Opcode.PLACES, {"walk.loops.3.turns": 9}, Refusal.PLACES),
    ("weight_grad-explicit", Opcode.PLACES, {"walk.loops.0.turns": 0}, Refusal.PLACES),
    (X, Opcode.B_PASS, {"release": 0}, Refusal.STUCK),
    (X, Opcode.A_LOAD, {"closes": 0}, Refusal.STUCK),
    (X, Opcode.PLACES, {"copied": 1}, Refusal.PLACES),
]
"""Commands that do not fit the others of their program."""


@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_illegal_commands(stall):
    """Refused at once, by their number; nothing behind them is carried out."""
    faulty, at = [], []
    for name, kind, fields, _ in ILLEGAL:
        program = programs()[name]
        at.append(find(program, kind))
        faulty.append(program.replaced(at[-1], patched(program.commands[at[-1]], fields)))
    told = with_good_ones(faulty, stall, seed=1)
    for said, place, row in zip(told, at, ILLEGAL, strict=True):
        assert {n: said[n] for n in CLEAN} == CLEAN | {"refused": row[-1]}, row
        assert said["command"] == place, row


def test_the_dataflow_that_is_not_built_in():
    """As an illegal command of hardware that has one dataflow; G8: whatever its settings are."""
    params = replace(PARAMS, dataflow="ws")
    program = plan("forward", params=params)
    model = build(WATCHED, params)
    fields = {"output_stationary": 1, "rounding": 3}
    wrong = program.replaced(0, patched(program.commands[0], fields))
    width = model.manifest.stream("command").width
    send = {"command": numbers_to_words(wrong.commands, width), "scale": program.scale}
    got = model.run(send, {"status": 1, "counters": 1}, memory=program.memory, patience=10_000)
    assert got.received["status"][0, 0] & 31 == Refusal.DATAFLOW


@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_commands_that_do_not_fit_each_other(stall):
    """Each such program ends, and its status names what came first."""
    faulty = []
    for name, kind, fields, _ in TOGETHER:
        at = find(programs()[name], kind)
        faulty.append(programs()[name].replaced(at, patched(programs()[name].commands[at], fields)))
    for said, row in zip(with_good_ones(faulty, stall, seed=2), TOGETHER, strict=True):
        assert {n: said[n] for n in CLEAN} == CLEAN | {"refused": row[-1]}, row


def changed_fields(seed: int, values: int):
    """Yield programs with each field of each kind of command at its ends and at random."""
    rng = np.random.default_rng(seed)
    for kind in Opcode:
        hosts = [
            each
            for each in programs().values()
            if kind in (each.kind(at) for at in range(len(each.commands)))
        ]
        for name, (_, width) in fields_of(kind).items():
            for number in range(values):
                host = hosts[int(rng.integers(len(hosts)))]
                at = find(host, kind)
                old = bits(host.commands[at], name)
                drawn = int(rng.integers(1 << min(width, 62)))
                value = ((0, (1 << width) - 1, old + 1, old - 1, drawn)[number:] or [drawn])[0]
                yield host.replaced(at, patched(host.commands[at], {name: value}))
        for other in range(8):
            yield hosts[0].replaced(at, host.commands[at] & ~7 | other)


def mixed_up(seed: int, count: int):
    """Yield programs with a command missing, twice or misplaced, and with words that are none."""
    rng = np.random.default_rng(seed)
    width = len(next(iter(programs().values())).commands[0].to_bytes(64, "little"))
    for number in range(count):
        host = list(programs().values())[number % len(programs())]
        commands = list(host.commands)
        at, to = (int(n) for n in rng.integers(len(commands) - 1, size=2))
        if number % 4 == 0:
            del commands[at]
        elif number % 4 == 1:
            commands.insert(to, commands[at])
        elif number % 4 == 2:
            commands.insert(to, commands.pop(at))
        else:
            drawn = [int.from_bytes(rng.bytes(width), "little") for _ in range(rng.integers(1, 9))]
            edge = commands[-1] - (commands[-1] & 7)
            commands[to : to + 1] = [each % edge for each in drawn]
        yield replace(host, commands=tuple(commands))


def survives(faulty, together: int = 40, **options) -> int:
    """Run all programs, ``together`` of them at a time; count those that were refused."""
    refused = 0
    while batch := list(islice(faulty, together)):
        refused += sum(each["refused"] != 0 for each in with_good_ones(batch, **options))
    return refused


def test_every_field_of_every_command():
    """No value of any field stops the block, or harms the next program."""
    assert survives(changed_fields(0, 3), stall=0.1, seed=3) > 200


@pytest.mark.full
@pytest.mark.parametrize("seed", range(4))
def test_every_field_of_every_command_at_more_values(seed):
    survives(changed_fields(seed, 9), stall=0.3 * (seed % 2), seed=seed)


def test_mixed_up_and_random_commands():
    """Also some 200 words of random bits; fifteen times as many in the full sweep."""
    assert survives(mixed_up(1, 200), seed=4) > 100


@pytest.mark.full
def test_more_mixed_up_and_random_commands():
    survives(mixed_up(2, 3000), stall=0.2, seed=5)


def test_of_a_last_command_that_is_wrong_the_lowest_code_is_told():
    """G8: a product of no rows, and what has no kind, each where a fence should be."""
    good = programs()[X]
    last = good.commands[-1] - (good.commands[-1] & 7)
    empty = replace(good, commands=(patched(good.commands[0], {"m": 0}) | last,))
    unknown = replace(good, commands=(7 | last,))
    told = with_good_ones([empty, unknown])
    assert [each["refused"] for each in told] == [Refusal.END, Refusal.KIND]


def test_a_fence_between_places_and_their_passes_is_waited_for_in_vain():
    good = programs()[X]
    at = find(good, Opcode.PLACES) + 1
    (told,) = with_good_ones([
        replace(good, commands=(*good.commands[:at], Opcode.FENCE.value, *good.commands[at:]))
    ])
    assert (told["refused"], told["command"]) == (Refusal.STUCK, at)


@pytest.mark.parametrize("kind", [Opcode.A_PASS, Opcode.B_PASS])
@pytest.mark.parametrize("beats", [1, 2, 3])
def test_a_pass_too_many_is_no_others(kind, beats):
    """The product held the beats of a short one that no bank was wanted for; the next took them."""
    good = programs()[X]
    loops = {f"walk.loops.{level}.turns": 0 for level in range(1, 6)}
    masked = {"walk.axes.0.limit": 0, "release": 0, "final": 1}
    extra = patched(
        good.commands[find(good, kind)],
        loops | masked | {"walk.loops.0.turns": beats - 1},
    )
    wrong = replace(good, commands=(*good.commands[:-1], extra, good.commands[-1]))
    told = with_good_ones([wrong, wrong, wrong, wrong])
    assert [each["refused"] for each in told] == [Refusal.STUCK] * 4
