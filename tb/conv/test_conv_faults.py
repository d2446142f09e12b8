"""F5, E: programs, packets and memories that are wrong: what status says, and the next program.

In each run a faulty program is followed by a good one, whose counts, and the digest of whatever it
writes, and where, must be those that it has alone. The memory refuses requests of length 0.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import islice

import numpy as np
import pytest

from gemmule.gen.block import Memory
from gemmule.gen.blocks.conv.convolution import CONVOLUTIONS
from gemmule.gen.simulation.engine import build
from gemmule.golden.conv.commands import Opcode
from gemmule.golden.conv.refusal import Refusal
from gemmule.hw.conv.control import program_status
from gemmule.hw.conv.counters import COUNTS

from .programs import PARAMS, Program, beats, bits, fields_of, find, image_of, patched, plan
from .test_convolution import SMALL
from .watched import WATCHED

CLEAN = dict.fromkeys((name for name, _ in program_status() if name != "command"), 0)
CLEAN |= {"x": 0, "w": 0, "scale": 0}
EARLY, LATE = 1, 2


@cache
def programs() -> dict[str, Program]:
    """Plan a program of each kind, side by side in memory."""
    made = {}
    for op, method in (("forward", "zero_free"), ("input_grad", "zero_free"),
                       ("weight_grad", "zero_free"), ("weight_grad", "explicit")):  # fmt: skip
        made[f"{op}-{method}"] = plan(op, method, 1024 * len(made))
    return made


def run(sequence: Sequence[Program], scales: Sequence[np.ndarray] | None = None, *,
        stall: float = 0.0, seed: int = 0, **options: object) -> list[dict]:  # fmt: skip
    """Run programs one after another; return the status and counts of each, busy cycles aside."""
    model = build(WATCHED, PARAMS)
    first = next(iter(programs().values()))
    memory = Memory(
        image_of({1024 * n: each for n, each in enumerate(programs().values())}),
        first.memory.channels, 16, 8,
    )  # fmt: skip
    width = model.manifest.stream("command").width
    scales = [each.scale for each in sequence] if scales is None else scales
    send = {
        "command": beats((number for each in sequence for number in each.commands), width),
        "scale": np.concatenate(scales),
    }
    received = model.run(
        send, {"status": len(sequence), "counters": len(sequence)}, memory=memory,
        stall=(stall, 0.0), seed=seed, patience=10_000, **options,
    ).received  # fmt: skip
    reports = []
    for status, counts in zip(received["status"], received["counters"], strict=True):
        number = int.from_bytes(status.tobytes(), "little")
        word = {
            name: number >> field.offset & (1 << field.width) - 1
            for name, field in program_status()
        }  # fmt: skip
        reports.append(word | {"counts": counts[1:].tolist()})
    return reports


@cache
def alone(name: str) -> dict:
    """Return what a good program reports."""
    (told,) = run([programs()[name]])
    assert {each: told[each] for each in CLEAN} == CLEAN
    assert told["command"] == len(programs()[name].commands) - 1
    return told


def with_good_ones(faulty: Sequence[Program], stall: float = 0.0, seed: int = 0) -> list[dict]:
    """Run a good program, which must pass, behind each faulty one; return the words of these."""
    names = list(programs())
    goods = [names[number % len(names)] for number in range(len(faulty))]
    both = [each for bad, good in zip(faulty, goods, strict=True)
            for each in (bad, programs()[good])]  # fmt: skip
    told = run(both, stall=stall, seed=seed)
    for number, good in enumerate(goods):
        assert told[2 * number + 1] == alone(good), (number, told[2 * number])
    return told[::2]


X, W = "forward-zero_free", "input_grad-zero_free"
ILLEGAL = [
    (X, Opcode.PRODUCT, {"m": 0}, Refusal.SIZE), (X, Opcode.PRODUCT, {"n": 0}, Refusal.SIZE),
    (X, Opcode.PRODUCT, {"k": 0}, Refusal.SIZE), (X, Opcode.PRODUCT, {"n": 4}, Refusal.SIZE),
    (X, Opcode.PRODUCT, {"low": 1, "high": 0}, Refusal.SETTINGS),
    (X, Opcode.PRODUCT, {"low": 1 << 32}, Refusal.SETTINGS),
    (X, Opcode.PRODUCT, {"rounding": 3}, Refusal.SETTINGS),
    (X, Opcode.PRODUCT, {"zero_point": 1 << 32}, Refusal.SETTINGS),
    (X, Opcode.PRODUCT, {"m": 0, "rounding": 3}, Refusal.SIZE),
    (X, Opcode.A_PASS, {"walk.axes.1.spread": 0}, Refusal.WALK),
    (X, Opcode.A_PASS, {"walk.loops.3.jump.part.0": 1}, Refusal.WALK),
    (X, Opcode.B_PASS, {"walk.origin.part.1": 1}, Refusal.WALK),
    *((X, kind, {name: 0}, Refusal.LOAD) for kind in (Opcode.A_LOAD, Opcode.B_LOAD)
      for name in ("vectors", "requests", "loops.0.count", "loops.2.count")),
    (X, Opcode.A_LOAD, {"vectors": 257}, Refusal.LOAD),
    (X, Opcode.A_LOAD, {"requests": 257}, Refusal.LOAD),
    (W, Opcode.B_LOAD, {"vectors": 4}, Refusal.LOAD),
    (W, Opcode.B_LOAD, {"requests": 65}, Refusal.LOAD),
    (X, Opcode.PLACES, {"length": 0}, Refusal.LENGTH),
    (X, Opcode.PLACES, {"length": 4}, Refusal.LENGTH),
    ("weight_grad-explicit", Opcode.PLACES, {"length": 5}, Refusal.LENGTH),
]  # fmt: skip
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
]  # fmt: skip
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
    send = {"command": beats(wrong.commands, width), "scale": program.scale}
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
        hosts = [each for each in programs().values()
                 if kind in (each.kind(at) for at in range(len(each.commands)))]  # fmt: skip
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


def ended(beat: np.ndarray, last: int, width: int) -> np.ndarray:
    """Return a beat with another ``last``, its highest bit."""
    beat = beat.copy()
    at = width - 1
    beat[at // 32] = beat[at // 32] & ~np.uint32(1 << at % 32) | np.uint32(last << at % 32)
    return beat[None]


@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_packets_of_scale(stall):
    """Too short a packet ends its program; of one that is too long, the rest is dropped."""
    good, model = programs()[X], build(WATCHED, PARAMS)
    width = model.manifest.stream("scale").width
    body, final = good.scale[:-1], good.scale[-1]
    early = np.concatenate([body[:-1], ended(body[-1], 1, width)])
    late = np.concatenate([body, ended(final, 0, width), ended(final, 0, width), final[None]])
    missing = np.concatenate([body, ended(final, 0, width), good.scale])
    told = run([good] * 6, [early, good.scale, late, good.scale, missing, good.scale],
               stall=stall, seed=6)  # fmt: skip
    for said in told[1::2]:
        assert said == alone(X)
    short, *long = told[::2]
    assert (short["refused"], short["scale"]) == (Refusal.PACKET, EARLY)
    for said in long:
        assert said == alone(X) | {"scale": LATE}


@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_packets_of_commands(stall):
    """End a packet of commands too early, too late, or not at all: two programs are then one."""
    good = programs()[X]
    last = good.commands[-1] - (good.commands[-1] & 7)
    open_ = (*good.commands[:-1], good.commands[-1] - last)
    early = replace(good, commands=(*good.commands[:-2], good.commands[-2] + last))
    late = replace(good, commands=(*open_, *open_[:3], good.commands[-1]))
    missing = replace(good, commands=(*open_, *good.commands))
    told = run([early, good, late, good, missing, good], stall=stall, seed=7)
    for said in told[1::2]:
        assert said == alone(X)
    assert (told[0]["refused"], told[0]["command"]) == (Refusal.END, len(good.commands) - 2)
    assert (told[2]["refused"], told[2]["scale"]) == (Refusal.PACKET, EARLY)
    assert (told[4]["refused"], told[4]["scale"]) == (Refusal.PACKET, EARLY)


def test_of_a_last_command_that_is_wrong_the_lowest_code_is_told():
    """G8: a product of no rows, and what has no kind, each where a fence should be."""
    good = programs()[X]
    last = good.commands[-1] - (good.commands[-1] & 7)
    empty = replace(good, commands=(patched(good.commands[0], {"m": 0}) | last,))
    unknown = replace(good, commands=(7 | last,))
    told = with_good_ones([empty, unknown])
    assert [each["refused"] for each in told] == [Refusal.END, Refusal.KIND]


def test_a_scale_packet_that_is_left_over_is_the_next_program_s():
    """Of two programs in one packet of commands the second packet of settings stays."""
    good = programs()[X]
    last = good.commands[-1] - (good.commands[-1] & 7)
    joined = replace(good, commands=(*good.commands[:-1], good.commands[-1] - last, *good.commands))
    told = run([joined, good], [good.scale, good.scale])
    assert (told[0]["refused"], told[0]["scale"]) == (Refusal.PACKET, EARLY)
    assert told[1] == alone(X)


def test_a_fence_between_places_and_their_passes_is_waited_for_in_vain():
    good = programs()[X]
    at = find(good, Opcode.PLACES) + 1
    (told,) = with_good_ones([
        replace(good, commands=(*good.commands[:at], Opcode.FENCE.value, *good.commands[at:]))
    ])
    assert (told["refused"], told["command"]) == (Refusal.STUCK, at)


@pytest.mark.parametrize("stall", [0.0, 0.4])
@pytest.mark.parametrize("stream", ["x", "w"])
@pytest.mark.parametrize("fault", ["early", "late", "missing"])
def test_packets_of_memory(stream, fault, stall):
    """Answer from memory with too few vectors, with too many, or without ``last``."""
    layer = {"channels": 12, "filters": 3, "size": (3, 3), "kernel": (1, 1), "stride": 1,
             "padding": 0}  # fmt: skip
    program = plan("forward", **layer)
    for kind in (Opcode.A_LOAD, Opcode.B_LOAD):
        assert bits(program.commands[find(program, kind)], "requests") == 1
        assert [program.kind(at) for at in range(len(program.commands))].count(kind) == 1
    model = build(WATCHED, PARAMS)
    widths = {each.name: each.width for each in model.manifest.streams}
    send = {"command": beats(program.commands * 2, widths["command"]),
            "scale": np.concatenate([program.scale] * 2)}  # fmt: skip
    behind = {}
    for name, kind, lanes in (("x", Opcode.A_LOAD, PARAMS.rows), ("w", Opcode.B_LOAD, PARAMS.cols)):
        load = program.commands[find(program, kind)]
        base, size = bits(load, "base"), bits(load, "vectors") * bits(load, "requests")
        taken = program.memory.image[base : base + size * lanes].reshape(size, lanes)
        good = [int.from_bytes(vector.tobytes(), "little") for vector in taken]
        good[-1] |= 1 << widths[name] - 1
        bad = list(good)
        if name == stream:
            short = [*good[:-2], good[-2] | 1 << widths[name] - 1]
            long = [*good[:-1], good[-1] ^ 1 << widths[name] - 1]
            bad = {"early": short, "late": [*long, 5, 5, good[-1]], "missing": long}[fault]
        send[name] = beats([*bad, *good], widths[name])
        behind[name] = (f"{name}_request", np.array([1] * len(bad) + [2] * len(good)))
    outputs = ("x_request", "w_request", "c_request", "c", "status", "counters")
    received = model.run(
        send, dict.fromkeys(outputs), behind=behind, stall=(stall, 0.0), seed=8, quiet=6000,
        patience=10_000,
    ).received  # fmt: skip
    first, second = ([int(n) for n in beat] for beat in received["status"])
    fields = dict(program_status())
    at = fields[stream].offset
    assert first[0] & 31 == Refusal.PACKET
    assert first[0] >> at & 3 == (EARLY if fault == "early" else LATE)
    assert second[0] & (1 << fields["command"].offset) - 1 == 0
    results = len(received["c"])
    image = np.concatenate([program.memory.image, np.zeros(1 << 16, np.uint8)])
    clean = model.run(
        {name: send[name][: len(send[name]) // 2] for name in ("command", "scale")},
        {"status": 1, "counters": 1},
        memory=replace(program.memory, image=np.concatenate([image, image])),
    ).received
    counts = received["counters"][1][1 : len(COUNTS) + 2].tolist()
    assert counts == clean["counters"][0][1 : len(COUNTS) + 2].tolist()
    assert results == sum(int(word[len(COUNTS) - 1]) for word in received["counters"])


@pytest.mark.parametrize("stream", ["status", "counters"])
def test_side_streams_stop_nothing(stream):
    """Row E: twenty programs whose reports nobody takes, the other stream's in full."""
    good = plan("forward", params=SMALL)
    model = build(CONVOLUTIONS[0], SMALL)
    width = model.manifest.stream("command").width
    (other,) = {"status", "counters"} - {stream}
    received = model.run(
        {"command": beats(good.commands * 20, width), "scale": np.concatenate([good.scale] * 20)},
        {other: 20}, untaken=(stream,), memory=good.memory,
    ).received  # fmt: skip
    assert len(received[other]) == 20
    assert (received[other][:, 1:] == received[other][0, 1:]).all()
    assert good.job.decode(received | {"status": np.zeros((1, 2), "<u4")})
