"""What of VECTOR commands and their settings is refused, one at a time, and what just is not."""

import numpy as np
import pytest

from gemmule.golden.soc.commands import VECTOR, Cause, Combine, Flags, Opcode, VectorFunction
from gemmule.golden.soc.functions import VectorHardware
from gemmule.golden.soc.hardware import Hardware
from gemmule.golden.soc.machine import Machine
from gemmule.tb.soc.accelerator.stimuli.vectors import SPOILED, RandomVectors
from gemmule.tb.soc.test_machine import (
    BASE,
    NOP,
    SETTINGS_AT,
    SIZE,
    completions,
    machine,
    ring,
    windowed,
)

from .common import HARDWARE, RECORD, VECTOR_COMMAND, WITH_B, run

WRONG = {
    "opcode": ({"opcode": 3}, Cause.OPCODE, 0),
    "version": ({"version": 0}, Cause.VERSION, 0),
    "raw": ({"flags": Flags.RAW}, Cause.RESERVED, 0),
    "raw without settings": ({"flags": Flags.RAW, "settings": 0}, Cause.RESERVED, 0),
    "flags": ({"flags": 8}, Cause.RESERVED, 0),
    "k": ({"k": 1}, Cause.RESERVED, 0),
    "high bits of sizes": ({"sizes": 12 | 32}, Cause.RESERVED, 0),
    "two bytes to be transposed": ({"sizes": 12 | 16, "c_size": 1}, Cause.C_SIZE, 0),
    "highest bit of sizes": ({"sizes": 12 | 128}, Cause.RESERVED, 0),
    "b though there is none": ({"b": 1}, Cause.RESERVED, 0),
    "b_stride though there is no b": ({"b_stride": -1}, Cause.RESERVED, 0),
    "m": ({"m": 0}, Cause.SIZE, 0),
    "n": ({"n": 0}, Cause.SIZE, 0),
    "c_size": ({"c_size": 3}, Cause.C_SIZE, 0),
    "c_size of all bits": ({"c_size": 255}, Cause.C_SIZE, 0),
    "size of a": ({"sizes": 15}, Cause.C_SIZE, 0),
    "size of a beside b": ({"sizes": 3}, Cause.C_SIZE, 0),
    "wait": ({"wait": 9}, Cause.COUNTER, 0),
    "signal": ({"signal": 255}, Cause.COUNTER, 0),
    "a below": ({"a": BASE - 1}, Cause.WINDOW, BASE - 1),
    "a of two bytes above": (
        {"a": BASE + SIZE - 29, "sizes": 13, "a_stride": 10},
        Cause.WINDOW,
        BASE + SIZE - 29,
    ),
    "a's rows go below": ({"a": BASE + 8, "a_stride": -5}, Cause.WINDOW, BASE + 8),
    "b above": (
        {"sizes": 8, "b": BASE + SIZE - 59, "b_stride": 20},
        Cause.WINDOW,
        BASE + SIZE - 59,
    ),
    "a repeated row of b": (
        {"sizes": 4, "b": BASE + SIZE - 9, "b_stride": 0},
        Cause.WINDOW,
        BASE + SIZE - 9,
    ),
    "c is not to be written": ({"c": BASE + 0x2000}, Cause.WINDOW, BASE + 0x2000),
    "c's last byte": (
        {"c": BASE + 0x1FF6, "c_stride": 3, "c_size": 0, "m": 3},
        Cause.WINDOW,
        BASE + 0x1FF6,
    ),
    "settings": (
        {"settings": BASE + SIZE - 64 - 5 * 4 + 1},
        Cause.WINDOW,
        BASE + SIZE - 64 - 5 * 4 + 1,
    ),
    "lowest number of several": ({"k": 1, "m": 0, "wait": 9, "a": 0}, Cause.RESERVED, 0),
    "sizes before counters": ({"sizes": 15, "wait": 9, "a": 0}, Cause.C_SIZE, 0),
    "a before c": ({"a": BASE + SIZE, "c": BASE + SIZE}, Cause.WINDOW, BASE + SIZE),
    "b before c": (
        {"sizes": 0, "b": 7, "b_stride": 1, "c": BASE + SIZE},
        Cause.WINDOW,
        7,
    ),
}  # fmt: skip
"""A change of a command, and what becomes of it: its cause and address."""


def vector_machine(hardware: Hardware) -> Machine:
    """Return :func:`windowed` with other hardware: reads everywhere, writes up to 0x2000."""
    made = windowed()
    made.hardware = hardware
    return made


@pytest.mark.parametrize("case", WRONG)
def test_wrong_commands_are_refused(case):
    change, cause, address = WRONG[case]
    made = vector_machine(HARDWARE["own formats"])
    made.memory.octets[0x1000:] = 7
    before = made.memory.octets[0x1000:].copy()
    given = VECTOR_COMMAND | {"c": BASE + 0x1200, "sequence": 77, "signal": 2} | change
    record = run(made, given, VECTOR.encode(RECORD))
    wanted = {"index": 1, "sequence": 77, "cause": cause, "address": address}
    assert record == wanted | {"opcode": change.get("opcode", 2)}
    np.testing.assert_array_equal(made.memory.octets[0x1000:], before)
    error = {"cause": cause, "unit": 0, "sequence": 77, "address": address}
    assert made.read("ERROR") == error
    signals = cause not in (Cause.OPCODE, Cause.VERSION, Cause.RESERVED, Cause.COUNTER)
    assert made._dependencies[2] == signals


EDGES = {
    "a ends with the window": {"a": BASE + SIZE - 15},
    "a's rows go down to its start": {"a": BASE + 10, "a_stride": -5},
    "a of four bytes": {"a": BASE + SIZE - 60, "a_stride": 20, "sizes": 14},
    "b's repeated row": {"sizes": 0, "b": BASE + SIZE - 5, "b_stride": 0},
    "c": {"c": BASE + 0x1FFB - 6, "c_stride": 3},
    "settings": {"settings": BASE + SIZE - 64 - 20},
    "no b, wherever it would be": {"c": BASE + 0x1200},
}


@pytest.mark.parametrize("case", EDGES)
def test_operands_may_go_to_the_edges_of_windows(case):
    made = vector_machine(HARDWARE["no functions"])
    given = VECTOR_COMMAND | {"c": BASE + 0x1200} | EDGES[case]
    combine = Combine.ADD if given["sizes"] >> 2 != 3 else Combine.NONE
    octets = VECTOR.encode(RECORD, combine=combine)
    made.memory.octets[given["settings"] - BASE :][:64] = list(octets)
    assert run(made, given, octets)["cause"] == 0


def test_without_the_unit_there_is_no_such_command():
    made = machine()
    assert run(made, VECTOR_COMMAND, VECTOR.encode(RECORD))["cause"] == Cause.OPCODE


def test_nop_and_gemm_have_no_sizes_though_the_unit_is_there():
    for opcode in (Opcode.NOP, Opcode.GEMM):
        made = machine(HARDWARE["own formats"])
        assert run(made, NOP | {"opcode": opcode, "sizes": 12}, b"")["cause"] == Cause.RESERVED


SOFTMAX, LAYERNORM = VectorFunction.SOFTMAX, VectorFunction.LAYERNORM

ILLEGAL = {
    "combine": ({"combine": 4}, {}),
    "function that is none": ({"function": 13}, {}),
    "function of all bits": ({"function": 255}, {}),
    "function not built in": ({"function": VectorFunction.RSQRT}, {}),
    "rounding": ({"rounding": 3}, {}),
    "signs": ({"signs": 8}, {"function": SOFTMAX}),
    "logarithms without softmax": ({"signs": 4}, {}),
    "logarithms of a normalization": ({"signs": 4}, {"function": LAYERNORM}),
    "a_zero_point above": ({"a_zero_point": 1 << 16}, {}),
    "a_zero_point below": ({"a_zero_point": -(1 << 16) - 1}, {}),
    "b_zero_point": ({"b_zero_point": 1 << 16}, {}),
    "a_multiplier": ({"a_multiplier": -(1 << 16) - 1}, {}),
    "b_multiplier": ({"b_multiplier": -(2**31)}, {}),
    "multiplier": ({"multiplier": 1 << 16}, {}),
    "result_multiplier": ({"result_multiplier": 1 << 31}, {}),
    "shift": ({"shift": 48}, {}),
    "result_shift": ({"result_shift": 255}, {}),
    "low above high": ({"low": 1, "high": 0}, {}),
    "reserved": ({"reserved": 1}, {}),
    "reserved's last bit": ({"reserved": 1 << 63}, {}),
    "delta": ({"delta": 4097}, {"function": SOFTMAX}),
    "epsilon": ({"epsilon": 1 << 49}, {"function": LAYERNORM}),
}
"""A change of settings that are legal with another one."""


@pytest.mark.parametrize("case", ILLEGAL)
def test_illegal_settings(case):
    change, legal = ILLEGAL[case]
    functions = ("gelu", "softmax", "layernorm")
    hardware = Hardware(vector=VectorHardware(functions=functions, max_length=40))
    for settings, cause in ((legal, Cause.NONE), (legal | change, Cause.SETTINGS)):
        made = machine(hardware)
        made.memory.octets[0x1000:] = 3
        before = made.memory.octets[0x1000:].copy()
        record = RandomVectors(hardware, np.random.default_rng(0)).octets(
            RECORD | settings, "none", 5
        )
        assert run(made, VECTOR_COMMAND, record)["cause"] == cause
        if cause:
            assert made.read("ERROR") == {"cause": cause, "unit": 2, "sequence": 0, "address": 0}
            np.testing.assert_array_equal(made.memory.octets[0x1000:], before)


UNFIT = {
    "add without b": (Combine.ADD, "none", 12, 5),
    "multiply without b": (Combine.MULTIPLY, "none", 12, 5),
    "mask without b": (Combine.MASK, "softmax", 12, 5),
    "b and nothing to do with it": (Combine.NONE, "none", 0, 5),
    "mask of nothing": (Combine.MASK, "none", 0, 5),
    "mask of a function": (Combine.MASK, "gelu", 0, 5),
    "mask of a normalization": (Combine.MASK, "layernorm", 0, 5),
    "four bytes of a to add": (Combine.ADD, "none", 2, 5),
    "four bytes of b to add": (Combine.ADD, "none", 8, 5),
    "four bytes to multiply": (Combine.MULTIPLY, "none", 10, 5),
    "four bytes of the greater": (Combine.MAXIMUM, "none", 2, 5),
    "lesser without b": (Combine.MINIMUM, "none", 12, 5),
    "mask of four bytes": (Combine.MASK, "softmax", 8, 1),
    "a row too long for softmax": (Combine.NONE, "softmax", 12, 41),
    "a row too long for layernorm": (Combine.NONE, "layernorm", 12, 41),
    "a row too long for rmsnorm": (Combine.ADD, "rmsnorm", 5, 64),
}

FIT = {
    "add": (Combine.ADD, "layernorm", 5, 40),
    "multiply": (Combine.MULTIPLY, "gelu", 1, 5),
    "four bytes": (Combine.NONE, "gelu", 14, 5),
    "mask": (Combine.MASK, "softmax", 1, 40),
    "four bytes and a mask": (Combine.MASK, "softmax", 6, 1),
    "softmax of a sum": (Combine.ADD, "softmax", 0, 40),
    "long rows element by element": (Combine.ADD, "gelu", 0, 200),
}


@pytest.mark.parametrize("case", UNFIT | FIT)
def test_settings_fit_the_operands_or_are_refused(case):
    combine, function, sizes, n = (UNFIT | FIT)[case]
    made = machine(HARDWARE["own formats"])
    given = VECTOR_COMMAND | {"sizes": sizes, "n": n, "m": 1, "b": BASE + 0x2000}
    given["b"] *= sizes >> 2 != 3
    record = RECORD | {"combine": combine, "function": VectorFunction[function.upper()]}
    cause = Cause.SETTINGS if case in UNFIT else Cause.NONE
    assert run(made, given, VECTOR.encode(record))["cause"] == cause


LARGEST = {
    "a_zero_point": (2**16 - 1, -(2**16)),
    "b_zero_point": (2**16 - 1, -(2**16)),
    "a_multiplier": (2**16 - 1, -(2**16)),
    "b_multiplier": (2**16 - 1, -(2**16)),
    "multiplier": (2**16 - 1,),
    "result_multiplier": (2**16 - 1,),
    "shift": (47,),
    "result_shift": (47,),
    "low": (127, -(2**31)),
    "zero_point": (2**31 - 1, -(2**31)),
}


@pytest.mark.parametrize("name", LARGEST)
def test_the_largest_settings_are_legal(name):
    made = machine(HARDWARE["own formats"])
    for value in LARGEST[name]:
        assert run(made, VECTOR_COMMAND, VECTOR.encode(RECORD | {name: value}))["cause"] == 0
    for function, given in (
        ("softmax", {"delta": 4096}),
        ("layernorm", {"epsilon": (1 << 49) - 1}),
    ):
        given = given | {"function": VectorFunction[function.upper()]}
        assert run(made, VECTOR_COMMAND, VECTOR.encode(RECORD | given))["cause"] == 0


def test_what_a_function_does_not_take_is_ignored():
    """Delta and epsilon of other functions, zero points of b and factors where nothing is added."""
    made = machine(HARDWARE["own formats"])
    made.memory.octets[0x1000:0x1010] = np.arange(16)
    noise = {"delta": 0xFFFF, "epsilon": (1 << 64) - 1, "b_zero_point": 9, "a_multiplier": 5}
    noise |= {"b_multiplier": -9}
    found = []
    for more in ({}, noise):
        run(made, VECTOR_COMMAND, VECTOR.encode(RECORD | more))
        found.append(made.memory.octets[0x3000:0x3040].tobytes())
    assert found[0] == found[1]
    assert any(found[0])


def test_random_illegal_settings_are_of_every_kind():
    """The campaign's: each is refused, by the unit, and every field has its turn."""
    hardware = HARDWARE["own formats"]
    vectors, made = RandomVectors(hardware, np.random.default_rng(5)), machine(hardware)
    seen = set()
    for turn in range(600):
        kind = vectors.kind(("softmax", "layernorm", None)[turn % 3])
        n = vectors.columns(kind, 48)
        record = vectors.record(kind, n)
        seen.add(vectors.spoil(record, kind, n))
        given = VECTOR_COMMAND | {"n": n, "m": 1, "sizes": kind.sizes}
        given |= {"b": BASE + 0x2000} if "b" in kind.octets else {}
        found = run(made, given, vectors.octets(record, kind.function, n))
        assert (found["index"], found["cause"]) == (turn + 1, Cause.SETTINGS), record
    assert seen == set(SPOILED)


@pytest.mark.parametrize(
    ("change", "cause", "address"),
    [
        ({"settings": BASE + SIZE - 32}, Cause.READ_DECODE, BASE + SIZE),
        ({"a": BASE + SIZE - 12}, Cause.READ_DECODE, BASE + SIZE),
        ({"b": BASE - 3}, Cause.READ_DECODE, BASE - 3),
        ({"c": BASE + SIZE - 13}, Cause.WRITE_DECODE, BASE + SIZE),
    ],
    ids=["settings", "a", "b", "c"],
)
def test_what_is_not_there_is_an_error_of_the_bus(change, cause, address):
    made = machine(HARDWARE["own formats"])
    given = WITH_B | {"c_stride": 5} | change
    record = run(made, given, VECTOR.encode(RECORD, combine=Combine.ADD))
    assert (record["cause"], record["address"]) == (cause, address)
    assert made.read("ERROR")["unit"] == 2


def test_affine_records_that_are_not_there_hurt_normalizations_alone():
    """They are inside of windows whatever the function, and read where they count."""
    for function, cause in (("gelu", 0), ("layernorm", Cause.READ_DECODE)):
        made = machine(HARDWARE["own formats"])
        at = BASE + SIZE - VECTOR.size - 8
        octets = VECTOR.encode(RECORD, function=VectorFunction[function.upper()])
        made.memory.octets[at - BASE :][: len(octets)] = list(octets)
        ring(made, VECTOR_COMMAND | {"settings": at})
        made.advance()
        assert completions(made)[0]["cause"] == cause


def test_chains_over_both_units_and_counters():
    """A product's sums, a function of them in place, and a product of that."""
    made = machine(HARDWARE["own formats"])
    rng = np.random.default_rng(3)
    a, b = (rng.integers(-128, 128, (6, 6)).astype(np.int8) for _ in range(2))
    memory = made.memory.octets
    memory[0x1000:0x1024], memory[0x1100:0x1124] = (x.view(np.uint8).ravel() for x in (a, b))
    record = {"signs": 1, "multiplier": 1, "result_multiplier": 1, "shift": 8}
    memory[SETTINGS_AT - BASE :][:64] = list(VECTOR.encode(record, low=-128, high=127))
    sums = {
        "opcode": Opcode.GEMM, "flags": Flags.RAW, "c_size": 2, "m": 6, "n": 6, "k": 6,
        "a": BASE + 0x1000, "b": BASE + 0x1100, "c": BASE + 0x2000,
        "a_stride": 6, "b_stride": 6, "c_stride": 24, "signal": 4,
    }  # fmt: skip
    cut = {
        "opcode": Opcode.VECTOR, "c_size": 0, "sizes": 14, "m": 6, "n": 6, "settings": SETTINGS_AT,
        "a": sums["c"], "a_stride": 24, "c": sums["c"], "c_stride": 24, "wait": 4, "wait_value": 1,
        "signal": 4,
    }  # fmt: skip
    again = sums | {"a": cut["c"], "a_stride": 24, "c": BASE + 0x3000, "wait": 4, "wait_value": 2}
    ring(made, sums, cut, again)
    assert made.advance() == 3
    assert [each["cause"] for each in completions(made)[:3]] == [0, 0, 0]
    wide = np.clip(np.rint(a.astype(int) @ b / 256), -128, 127).astype(int) @ b
    got = memory[0x3000 : 0x3000 + 6 * 24].view("<i4").reshape(6, 6)
    np.testing.assert_array_equal(got, wide)
