"""F5, E: packets that end early or late, of commands, settings and memory; and idle readers.

As in `test_conv_faults.py`, what follows such a packet must be as if it had not been there.
"""

from dataclasses import replace

import numpy as np
import pytest

from gemmule.gen.blocks.conv.convolution import CONVOLUTIONS
from gemmule.gen.simulation.engine import build
from gemmule.golden.common.lanes import numbers_to_words
from gemmule.golden.conv.commands import Opcode
from gemmule.golden.conv.refusal import Refusal
from gemmule.hw.conv.control import program_status
from gemmule.hw.conv.counters import COUNTS
from gemmule.tb.conv.test_convolution import SMALL

from .beats import PARAMS, bits, find, plan
from .reports import EARLY, FORWARD, LATE, alone, programs, run
from .watched import WATCHED


def ended(beat: np.ndarray, last: int, width: int) -> np.ndarray:
    """Return a beat with another ``last``, its highest bit."""
    beat = beat.copy()
    at = width - 1
    beat[at // 32] = beat[at // 32] & ~np.uint32(1 << at % 32) | np.uint32(last << at % 32)
    return beat[None]


@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_packets_of_scale(stall):
    """Too short a packet ends its program; of one that is too long, the rest is dropped."""
    good, model = programs()[FORWARD], build(WATCHED, PARAMS)
    width = model.manifest.stream("scale").width
    body, final = good.scale[:-1], good.scale[-1]
    early = np.concatenate([body[:-1], ended(body[-1], 1, width)])
    late = np.concatenate([body, ended(final, 0, width), ended(final, 0, width), final[None]])
    missing = np.concatenate([body, ended(final, 0, width), good.scale])
    told = run(
        [good] * 6, [early, good.scale, late, good.scale, missing, good.scale], stall=stall, seed=6
    )
    for said in told[1::2]:
        assert said == alone(FORWARD)
    short, *long = told[::2]
    assert (short["refused"], short["scale"]) == (Refusal.PACKET, EARLY)
    for said in long:
        assert said == alone(FORWARD) | {"scale": LATE}


@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_packets_of_commands(stall):
    """End a packet of commands too early, too late, or not at all: two programs are then one."""
    good = programs()[FORWARD]
    last = good.commands[-1] - (good.commands[-1] & 7)
    open_ = (*good.commands[:-1], good.commands[-1] - last)
    early = replace(good, commands=(*good.commands[:-2], good.commands[-2] + last))
    late = replace(good, commands=(*open_, *open_[:3], good.commands[-1]))
    missing = replace(good, commands=(*open_, *good.commands))
    told = run([early, good, late, good, missing, good], stall=stall, seed=7)
    for said in told[1::2]:
        assert said == alone(FORWARD)
    assert (told[0]["refused"], told[0]["command"]) == (Refusal.END, len(good.commands) - 2)
    assert (told[2]["refused"], told[2]["scale"]) == (Refusal.PACKET, EARLY)
    assert (told[4]["refused"], told[4]["scale"]) == (Refusal.PACKET, EARLY)


def test_a_scale_packet_that_is_left_over_is_the_next_program_s():
    """Of two programs in one packet of commands the second packet of settings stays."""
    good = programs()[FORWARD]
    last = good.commands[-1] - (good.commands[-1] & 7)
    joined = replace(good, commands=(*good.commands[:-1], good.commands[-1] - last, *good.commands))
    told = run([joined, good], [good.scale, good.scale])
    assert (told[0]["refused"], told[0]["scale"]) == (Refusal.PACKET, EARLY)
    assert told[1] == alone(FORWARD)


@pytest.mark.parametrize("stall", [0.0, 0.4])
@pytest.mark.parametrize("stream", ["x", "w"])
@pytest.mark.parametrize("fault", ["early", "late", "missing"])
def test_packets_of_memory(stream, fault, stall):
    """Answer from memory with too few vectors, with too many, or without ``last``."""
    layer = {
        "channels": 12,
        "filters": 3,
        "size": (3, 3),
        "kernel": (1, 1),
        "stride": 1,
        "padding": 0,
    }
    program = plan("forward", **layer)
    for kind in (Opcode.A_LOAD, Opcode.B_LOAD):
        assert bits(program.commands[find(program, kind)], "requests") == 1
        assert [program.kind(at) for at in range(len(program.commands))].count(kind) == 1
    model = build(WATCHED, PARAMS)
    widths = {each.name: each.width for each in model.manifest.streams}
    send = {
        "command": numbers_to_words(program.commands * 2, widths["command"]),
        "scale": np.concatenate([program.scale] * 2),
    }
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
        send[name] = numbers_to_words([*bad, *good], widths[name])
        behind[name] = (f"{name}_request", np.array([1] * len(bad) + [2] * len(good)))
    outputs = ("x_request", "w_request", "c_request", "c", "status", "counters")
    received = model.run(
        send,
        dict.fromkeys(outputs),
        behind=behind,
        stall=(stall, 0.0),
        seed=8,
        quiet=6000,
        patience=10_000,
    ).received
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
        {
            "command": numbers_to_words(good.commands * 20, width),
            "scale": np.concatenate([good.scale] * 20),
        },
        {other: 20},
        untaken=(stream,),
        memory=good.memory,
    ).received
    assert len(received[other]) == 20
    assert (received[other][:, 1:] == received[other][0, 1:]).all()
    assert good.job.decode(received | {"status": np.zeros((1, 2), "<u4")})
