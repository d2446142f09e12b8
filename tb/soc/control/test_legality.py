"""Commands that are not legal, in any byte and at any edge of a window: no unit gets them."""

import numpy as np
import pytest

from gemmule.golden.soc.check import Window
from gemmule.golden.soc.commands import COMMAND, NO_B, TRANSPOSED, Cause

from .software import ALONE, CONVOLUTION, GEMM, LOGS, PAIR, PAUSES, TURNED, numbered, unawaited

KINDS = {
    "gemm": GEMM,
    "pair": PAIR,
    "alone": ALONE,
    "turned": TURNED,
    "convolution": CONVOLUTION,
}


def is_built(machine, kind):
    """Return whether there is a unit for such commands: without it all have one cause."""
    return KINDS[kind]["opcode"] in machine.hardware.opcodes


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stall", [0, 0.5])
def test_every_byte_of_a_command_spoilt(fresh, stall, kind):
    """Malformed commands: each byte takes other values, alone and with another byte."""
    fresh.bus.set(**dict.fromkeys(PAUSES, stall))
    fresh.set_windows([Window(0, 0xFFFFF, True, False), Window(LOGS, LOGS + 0x1FFFF, False, True)])
    fresh.begin(log2=8)
    commands, places = [], [n for n in range(64) if n not in (4, 5)]
    values = (1, 2, 3, 8, 9, 0x80, 0xFF) if not stall else (0x41,)
    for n, place in enumerate((p, v) for p in places for v in values):
        at, value = place
        spoilt = bytearray(COMMAND.encode(numbered([KINDS[kind]], n)[0]))
        spoilt[at] ^= value
        if n % 5 == 4:
            spoilt[fresh.rng.integers(6, 64)] ^= 1 << fresh.rng.integers(8)
        commands.append(unawaited(bytes(spoilt)))
    fresh.carry_out(commands)
    if is_built(fresh, kind):
        assert 0 < fresh.errors < len(commands)
    else:
        assert fresh.errors > len(commands) - 20


STRIDES = {"a_stride": 11, "b_stride": 13, "c_stride": 17}

ROWS = {
    "gemm": {"a": (5, 7), "b": (7, 2 * 3), "c": (5, 4 * 3)},
    "pair": {"a": (5, 2 * 3), "b": (5, 3), "c": (5, 4 * 3)},
    "alone": {"a": (5, 2 * 3), "c": (5, 4 * 3)},
    "turned": {"a": (5, 2 * 3), "c": (3, 5)},
    "convolution": {"a": (1, 11), "b": (1, 13), "c": (1, 17)},
}
"""Rows of each operand, and bytes of a row."""


def edges(machine, kind):
    """Yield commands, each of which has one operand at, or one byte beyond, an edge."""
    top = 1 << machine.hardware.address_width
    shape = {"m": 5, "n": 3, "k": 0, "c_size": 2, **STRIDES}
    shape |= {"k": 7} if kind == "gemm" else {}
    shape |= {"b_stride": 0} if "b" not in ROWS[kind] else {}
    shape |= {"c_size": 0} if kind in ("turned", "convolution") else {}
    settings = {"gemm": 32 + 16 * 3, "convolution": 16 * 5}.get(kind, 64 + 4 * 3)
    lengths = {
        name: (rows - 1) * STRIDES[f"{name}_stride"] + octets
        for name, (rows, octets) in ROWS[kind].items()
    }
    for name, length in {**lengths, "settings": settings}.items():
        for low, high in ((0, top - 1), (0x5000, 0x5FFF), (0x7_0000, 0x7_0FFF)):
            for beyond in (0, 1):
                for first in (low - beyond, high - length + 1 + beyond):
                    yield {**KINDS[kind], **shape, name: first % 2**64}
                    if name != "settings" and kind != "convolution":
                        stride = shape[f"{name}_stride"]
                        last = first + stride * (ROWS[kind][name][0] - 1)
                        back = {name: last % 2**64, f"{name}_stride": -stride}
                        yield {**KINDS[kind], **shape, **back}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("windows", [0, 1, 4])
def test_windows_hold_to_the_byte(fresh, windows, kind):
    """Windows: each operand inside and a byte outside, at either end, strides of both signs."""
    if not is_built(fresh, kind):
        return
    spare = [Window(0x1000, 0x4FFF, True, True), Window(LOGS, LOGS + 0xFFFF, True, True)]
    tight = [Window(0x5000, 0x5FFF, True, True), Window(0x7_0000, 0x7_0FFF, True, True)]
    if windows == 1:
        fresh.set_windows([Window(0x1000, 0x7_0FFF, True, True)])
    elif windows:
        fresh.set_windows([spare[0], tight[0], tight[1], spare[1]])
    fresh.begin(log2=8)
    commands = []
    for n, each in enumerate(edges(fresh, kind)):
        made = {**each, "sequence": n}
        legal = fresh.verdict(COMMAND.encode(made))[0] is Cause.NONE
        where = made["c"] if made["c"] != LOGS else None
        if where is None or legal:
            # The unit writes 64 bytes, wherever c is; only those within memory can be compared.
            made["c"] = LOGS + 64 * n if where is None else where
        if legal and not 0x5000 <= made["c"] <= 0x8_0000 - 64:
            continue
        commands.append(made)
    for each in commands:
        fresh.carry_out([each])
    assert fresh.errors >= 8
    assert fresh.errors < len(commands) - 8


@pytest.mark.parametrize("kind", KINDS)
def test_extents_of_any_size(fresh, kind):
    """Random sizes, strides and bases, most of them near an edge of one of four windows."""
    if not is_built(fresh, kind):
        return
    rng, top = fresh.rng, 1 << fresh.hardware.address_width
    bounds = np.sort(rng.integers(0, top, 8, dtype=np.uint64)).tolist()
    fresh.set_windows([
        Window(low, high, bool(n & 1 or n == 2), bool(n & 2))
        for n, (low, high) in enumerate(zip(bounds[::2], bounds[1::2], strict=True))
    ])
    fresh.begin(log2=7)
    commands = []
    while len(commands) < 120:
        made = {**KINDS[kind], "sequence": len(commands), "c_size": int(rng.integers(3))}
        made |= {"c_size": 0} if kind in ("turned", "convolution") else {}
        for name, most in (("m", 24), ("n", 24), ("k", 9)):
            made[name] = int(rng.integers(1, 1 << rng.integers(1, most + 1)))
        made["k"] = min(made["k"], 511) if kind == "gemm" else 0
        made["n"] = min(made["n"], made["m"]) if kind == "convolution" else made["n"]
        if kind not in ("gemm", "convolution"):
            a_size, b_size = (int(size) for size in rng.integers(3, size=2))
            made["sizes"] = a_size | (b_size if kind == "pair" else NO_B) << 2
            made["sizes"] |= KINDS[kind]["sizes"] & TRANSPOSED
        for name in ("a", "b", "c"):
            made[f"{name}_stride"] = int(rng.integers(-(2**31), 2**31)) >> int(rng.integers(32))
        for name in ("a", "b", "c", "settings"):
            edge = bounds[rng.integers(8)]
            made[name] = (edge + int(rng.integers(-(1 << 20), 1 << 20))) % 2**64
        if kind in ("alone", "turned"):
            made |= {"b": 0, "b_stride": 0}
        if fresh.verdict(COMMAND.encode(made))[0] is not Cause.NONE:
            commands.append(made)
    fresh.carry_out(commands)


def test_random_fields_of_vectors(fresh):
    """Every rule of a VECTOR's fields, broken alone and with others: the lowest cause is told."""
    rng = fresh.rng
    fresh.begin(log2=7)
    spoilers = (
        {"sizes": 0x10},
        {"sizes": 0x1D, "c_size": 1},
        {"sizes": 0x20},
        {"sizes": 0x81},
        {"sizes": 3},
        {"sizes": 7},
        {"sizes": 15},
        {"sizes": 0},
        {"sizes": 8},
        {"k": 1},
        {"k": 1 << 23},
        {"flags": 4},
        {"b": 1 << 63},
        {"b_stride": -(2**31)},
        {"m": 0},
        {"n": 0},
        {"c_size": 3},
        {"c_size": 128},
        {"signal": 9},
        {"version": 2},
    )
    commands = []
    for kind in (PAIR, ALONE, TURNED):
        for first in spoilers:
            for second in (first, *rng.choice(spoilers, 2)):
                commands.append({**kind, **first, **second, "sequence": len(commands)})
    for each in commands:
        each["c"] = LOGS + 64 * each["sequence"]
    fresh.carry_out(commands)
    assert fresh.errors > 50


def test_random_fields_of_convolutions(fresh):
    """Every rule of a CONVOLUTION's fields, broken alone and with others."""
    fresh.begin(log2=7)
    spoilers = (
        {"sizes": 1},
        {"sizes": 0x80},
        {"k": 1},
        {"k": 1 << 23},
        {"flags": 4},
        {"flags": 8},
        {"m": 0},
        {"n": 0},
        {"m": 3},
        {"n": 1 << 23},
        {"a_stride": 0},
        {"b_stride": 0},
        {"c_stride": 0},
        {"b_stride": -1},
        {"c_size": 1},
        {"c_size": 128},
        {"signal": 9},
        {"version": 2},
    )
    commands = []
    for first in spoilers:
        for second in (first, *fresh.rng.choice(spoilers, 3)):
            commands.append({**CONVOLUTION, **first, **second, "sequence": len(commands)})
    for each in commands:
        each["c"] = LOGS + 64 * each["sequence"]
    fresh.carry_out(commands)
    assert fresh.errors > 50
