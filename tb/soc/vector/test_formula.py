"""VECTOR commands of the golden machine are those of the second formula, byte by byte."""

from fractions import Fraction

import numpy as np
import pytest

from gemmule.golden.nonlinear.elementwise import build_unit
from gemmule.golden.soc.commands import VECTOR, Opcode, VectorFunction
from gemmule.golden.soc.functions import VectorHardware
from gemmule.golden.soc.hardware import Hardware
from gemmule.tb.soc.accelerator.stimuli.vectors import RandomVectors
from gemmule.tb.soc.test_machine import BASE, SETTINGS_AT, SIZE, machine, rounded

from .common import HARDWARE, RECORD, VECTOR_COMMAND, F, run
from .formula import expected

AREAS = {"a": 0x1000, "b": 0x2000, "c": 0x3000}
"""Where the operands of the random commands are: offsets, each with 0x1000 bytes."""


def random_command(rng, vectors: RandomVectors, function: str) -> tuple[dict[str, int], bytes]:
    """Return a legal command, and its settings: strides of both signs, 0, and overlapping rows."""
    kind = vectors.kind(function)
    n = vectors.columns(kind, 48)
    m = int(rng.integers(1, 9))
    command = {
        "opcode": Opcode.VECTOR, "c_size": kind.c_size, "sizes": kind.sizes, "m": m, "n": n,
        "settings": SETTINGS_AT,
    }  # fmt: skip
    for name, octets in kind.octets.items():
        rows, row = (n, m) if name == "c" and kind.turned else (m, n * octets)
        stride = int(rng.choice([0, row, row + rng.integers(9), rng.integers(99)]))
        if name == "c" and kind.turned:  # where rows overlap, the last one is no one's
            stride = row + int(rng.integers(9))
        if rows == 1:
            stride = int(rng.integers(-(2**31), 2**31))
        first = BASE + AREAS[name] + int(rng.integers(16))
        back = rows > 1 and rng.integers(2)
        command[name] = first + (rows - 1) * stride if back else first
        command[f"{name}_stride"] = -stride if back else stride
    if kind.a_size == kind.c_size and not kind.turned and rng.random() < 0.1:  # in place
        command |= {"c": command["a"], "c_stride": command["a_stride"]}
    return command, vectors.octets(vectors.record(kind, n), kind.function, n)


@pytest.mark.parametrize("hardware", HARDWARE.values(), ids=HARDWARE)
def test_results_are_those_of_the_second_formula(hardware):
    rng = np.random.default_rng(11)
    vectors = RandomVectors(hardware, rng)
    made, seen = machine(hardware), set()
    for turn in range(120):
        memory = made.memory.octets
        if turn % 8 == 0:
            memory[0x1000:] = rng.integers(0, 256, SIZE - 0x1000)
        functions = ("none", *hardware.vector.functions)
        command, octets = random_command(rng, vectors, functions[turn % len(functions)])
        memory[SETTINGS_AT - BASE :][: len(octets)] = list(octets)
        want = expected(memory, command, hardware)
        record = run(made, command, octets)
        assert record == {
            "index": turn + 1, "sequence": 0, "cause": 0, "opcode": 2, "address": 0,
        }  # fmt: skip
        np.testing.assert_array_equal(memory[0x1000:], want[0x1000:])
        seen.add((octets[0], octets[1], octets[2], command["c_size"], command["sizes"]))
    mask = {3} if "softmax" in functions else set()
    assert {each[0] for each in seen} == {0, 1, 2, 4, 5} | mask
    assert {each[2] for each in seen} == {0, 1, 2}
    assert len(seen) > 60


@pytest.mark.parametrize("rounding", [0, 1, 2])
def test_both_quotients_are_rounded_at_ties(rounding):
    """Of the first: all of -8..7 over 4. Of the second: what gelu and none give, over 2 and 4."""
    made = machine(HARDWARE["own formats"])
    a = np.arange(-8, 8, dtype=np.int8)
    made.memory.octets[0x1000:0x1010] = a.view(np.uint8)
    command = VECTOR_COMMAND | {"m": 1, "n": 16, "c_size": 2}
    base = RECORD | {"rounding": rounding, "signs": 1, "low": -(2**31), "high": 2**31 - 1}

    def results(**change: int) -> list[int]:
        assert run(made, command, VECTOR.encode(base | change))["cause"] == 0
        return made.memory.octets[0x3000:0x3040].view("<i4").tolist()

    for multiplier in (1, 3):
        want = [rounded(Fraction(int(each) * multiplier, 4), rounding) for each in a]
        assert results(multiplier=multiplier, shift=2) == want
        assert results(result_multiplier=multiplier, result_shift=2) == want
    twice = [
        rounded(Fraction(rounded(Fraction(int(each), 2), rounding), 2), rounding) for each in a
    ]
    assert results(shift=1, result_shift=1, zero_point=5) == [each + 5 for each in twice]
    # Gelu of multiples of 1/16, in 16 bits, over 512.
    unit = build_unit("gelu", F("sq4.12"), F("sq4.12"))
    y = unit(a.astype(np.int64) << 8).tolist()
    want = [rounded(Fraction(each, 512), rounding) for each in y]
    assert results(function=VectorFunction.GELU, multiplier=256, result_shift=9) == want


@pytest.mark.parametrize("size", [0, 1, 2])
@pytest.mark.parametrize("signed", [0, 1])
def test_extremes_of_elements_and_clamps(size, signed):
    """The least and the greatest element of each size, zero points and factors."""
    made = machine(Hardware(multiplier_width=32, max_shift=63, vector=VectorHardware()))
    bits = 8 << size
    ends = [0, 1, (1 << bits) - 1, 1 << bits - 1, (1 << bits - 1) - 1]
    octets = b"".join(each.to_bytes(1 << size, "little") for each in ends)
    made.memory.octets[0x1000:][: len(octets)] = list(octets)
    made.memory.octets[0x2000:][: len(octets)] = list(octets[::-1] if size == 0 else octets)
    command = VECTOR_COMMAND | {"m": 1, "n": 5, "c_size": 2, "b": BASE + 0x2000, "b_stride": 0}
    small = (-(2**16), 2**16 - 1)
    for combine in (0, 1, 2, 4, 5) if size < 2 else (0,):
        sizes = size | (size << 2 if combine else 12)
        for zero in small:
            for factor in small:
                for multiplier, shift in ((1, 0), (2**32 - 1, 63), (2**32 - 1, 0)):
                    record = RECORD | {
                        "combine": combine, "signs": 3 * signed, "a_zero_point": zero,
                        "b_zero_point": zero, "a_multiplier": factor, "b_multiplier": -factor - 1,
                        "multiplier": multiplier, "shift": shift, "zero_point": 2**31 - 1,
                        "low": -(2**31), "high": 2**31 - 1,
                    }  # fmt: skip
                    given = command | {"sizes": sizes, "b": command["b"] if combine else 0}
                    memory = made.memory.octets
                    memory[SETTINGS_AT - BASE :][:64] = list(VECTOR.encode(record))
                    want = expected(memory, given, made.hardware)
                    assert run(made, given, VECTOR.encode(record))["cause"] == 0
                    np.testing.assert_array_equal(memory[0x3000:0x3014], want[0x3000:0x3014])
