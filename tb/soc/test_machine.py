"""The golden machine against a second formula, in plain Python, and its registers one by one."""

from fractions import Fraction

import numpy as np
import pytest

from gemmule.golden.common.formats import Format
from gemmule.golden.soc.check import refusal
from gemmule.golden.soc.commands import (
    COLUMN,
    COMMAND,
    COMPLETION,
    SETTINGS,
    VERSION,
    Cause,
    Columns,
    Flags,
    Opcode,
)
from gemmule.golden.soc.hardware import Hardware
from gemmule.golden.soc.machine import Machine
from gemmule.golden.soc.memory import MemoryImage

BASE = 0x1000
SIZE = 1 << 14
RING, COMPLETIONS, SETTINGS_AT = BASE, BASE + 0x800, BASE + 0xC00
LOG2 = 3


def number(memory: np.ndarray, address: int, octets: int, signed: bool, bits: int = 0) -> int:
    """Return the integer at an address, of its low bits if so said."""
    raw = memory[address - BASE : address - BASE + octets].tobytes()
    value = int.from_bytes(raw, "little")
    bits = bits or 8 * octets
    value %= 1 << bits
    return value - (1 << bits) if signed and value >> bits - 1 else value


def rounded(quotient: Fraction, rounding: int) -> int:
    """Return the nearest integer; ties to even, up, or away from zero."""
    low = quotient.numerator // quotient.denominator
    rest = quotient - low
    if rest != Fraction(1, 2):
        return low + (rest > Fraction(1, 2))
    return [low + low % 2, low + 1, low + (quotient > 0)][rounding]


def expected(memory: np.ndarray, command: dict[str, int], hardware: Hardware) -> np.ndarray:
    """Return what memory is after a command: element by element, in Python's integers."""
    after = memory.copy()
    sizes = hardware.a_octets, hardware.b_octets, 1 << command["c_size"]
    formats = hardware.a_format, hardware.b_format
    m, n, k = (command[name] for name in ("m", "n", "k"))
    for row in range(m):
        for column in range(n):
            total = rows = 0
            for each in range(k):
                places = (
                    command["a"] + row * command["a_stride"] + each * sizes[0],
                    command["b"] + each * command["b_stride"] + column * sizes[1],
                )
                a, b = (
                    number(memory, place, size, fmt.signed, fmt.width)
                    for place, size, fmt in zip(places, sizes, formats, strict=False)
                )
                total, rows = total + a * b, rows + a
            if not command["flags"] & Flags.RAW:
                total = scaled(memory, command["settings"], column, total, rows)
            total = max(-(2**31), min(total, 2**31 - 1))
            place = command["c"] + row * command["c_stride"] + column * sizes[2] - BASE
            low = (total % (1 << 8 * sizes[2])).to_bytes(sizes[2], "little")
            after[place : place + sizes[2]] = list(low)
    return after


def scaled(memory: np.ndarray, at: int, column: int, total: int, rows: int) -> int:
    """Return a result, by the bytes of its settings."""
    kind, rounding, shift = (number(memory, at + n, 1, False) for n in range(3))
    multiplier = number(memory, at + 4, 4, False)
    offset, zero = number(memory, at + 8, 4, True), number(memory, at + 12, 2, True)
    if kind == 1:
        offset = number(memory, at + 32 + 4 * column, 4, True)
    if kind == 2:
        place = at + 32 + 16 * column
        offset, multiplier = number(memory, place, 4, True), number(memory, place + 4, 4, False)
        zero, shift = number(memory, place + 8, 2, True), number(memory, place + 10, 1, False)
    quotient = Fraction((total - zero * rows + offset) * multiplier, 1 << shift)
    bounds = [number(memory, at + 16 + 4 * n, 4, True) for n in range(3)]
    return min(max(rounded(quotient, rounding) + bounds[0], bounds[1]), bounds[2])


def machine(hardware: Hardware | None = None, size: int = SIZE, **fields) -> Machine:
    """Return a machine that is set up, with an image of its own."""
    made = Machine(MemoryImage(np.zeros(size, np.uint8), BASE), hardware or Hardware())
    made.write("RING_BASE_LO", {"address": RING >> 6})
    made.write("COMPLETION_BASE_LO", {"address": COMPLETIONS >> 6, "enable": 1})
    made.write("RING_SIZE", {"log2": LOG2})
    made.write("CTRL", {"enable": 1, "halt_on_error": 0, "reset": 0, "resume": 0, **fields})
    return made


def ring(made: Machine, *commands: dict[str, int]) -> None:
    """Write commands into the ring, and tell."""
    tail = made.read("TAIL")["commands"]
    for each in commands:
        place = RING - BASE + 64 * (tail % (1 << LOG2))
        octets = COMMAND.encode({"version": VERSION, **each})
        made.memory.octets[place : place + 64] = list(octets)
        tail += 1
    made.write("TAIL", {"commands": tail})


def completions(made: Machine) -> list[dict[str, int]]:
    """Return the records of completions, place by place."""
    octets = made.memory.octets[COMPLETIONS - BASE :][: 16 << LOG2].tobytes()
    return [COMPLETION.decode(octets[at : at + 16]) for at in range(0, len(octets), 16)]


NOP = {"opcode": Opcode.NOP}

GEMM = {
    "opcode": Opcode.GEMM,
    "flags": Flags.RAW,
    "c_size": 2,
    "a": BASE + 0x1000,
    "b": BASE + 0x1100,
    "c": BASE + 0x1200,
    "a_stride": 9,
    "b_stride": 16,
    "c_stride": 64,
    "m": 3,
    "n": 5,
    "k": 7,
}


HARDWARE = {
    "s8": Hardware(),
    "u8_s4": Hardware(a_format=Format(False, 8), b_format=Format(True, 4)),
    "s16_u8": Hardware(a_format=Format(True, 16), b_format=Format(False, 8), acc_width=40),
    "s16": Hardware(a_format=Format(True, 16), b_format=Format(True, 16), acc_width=40),
}


@pytest.mark.parametrize("hardware", HARDWARE.values(), ids=HARDWARE)
def test_products_are_those_of_the_second_formula(hardware):
    rng = np.random.default_rng(7)
    for turn in range(40):
        made = machine(hardware)
        memory = made.memory.octets
        memory[0x1000:] = rng.integers(0, 256, SIZE - 0x1000)
        command = random_product(rng, hardware, turn % 4)
        octets = random_settings(rng, hardware, turn % 4, command["n"])
        memory[SETTINGS_AT - BASE :][: len(octets)] = list(octets)
        want = expected(memory, command, hardware)
        ring(made, command)
        want[:0x1000] = memory[:0x1000]
        assert made.advance() == 1
        assert completions(made)[0] == {
            "index": 1, "sequence": 0, "cause": 0, "opcode": 1, "address": 0,
        }  # fmt: skip
        np.testing.assert_array_equal(memory[0x1000:], want[0x1000:])


def random_product(rng, hardware: Hardware, kind: int) -> dict[str, int]:
    """Return a command with settings of a kind, 3 for raw sums; strides of both signs."""
    m, n, k = (int(rng.integers(1, 9)) for _ in range(3))
    c_size = int(rng.integers(0, 3))
    command = {
        **GEMM,
        "flags": 0,
        "m": m,
        "n": n,
        "k": k,
        "c_size": c_size,
        "settings": SETTINGS_AT,
    }
    if kind == 3:
        command |= {"flags": Flags.RAW, "settings": 0}
    rows = {"a": (m, k * hardware.a_octets), "b": (k, n * hardware.b_octets), "c": (m, n << c_size)}
    for at, (name, (count, octets)) in enumerate(rows.items()):
        stride = octets + int(rng.integers(0, 5))
        first = BASE + 0x1000 + 0x800 * at + int(rng.integers(0, 16))
        back = bool(rng.integers(2))
        command[name] = first + (count - 1) * stride if back else first
        command[f"{name}_stride"] = -stride if back else stride
    return command


def random_settings(rng, hardware: Hardware, kind: int, columns: int) -> bytes:
    """Return a legal settings record with what stands behind it."""

    def column() -> dict[str, int]:
        limit = min(1 << hardware.b_format.width, 2**15)
        return {
            "offset": int(rng.integers(-(2**20), 2**20)),
            "multiplier": int(rng.integers(0, 1 << hardware.multiplier_width)),
            "b_zero_point": int(rng.integers(-limit, limit)),
            "shift": int(rng.integers(0, 30)),
        }

    low, high = sorted(int(each) for each in rng.integers(-(2**15), 2**15, 2))
    record = SETTINGS.encode(
        column(),
        columns=kind % 3,
        rounding=int(rng.integers(0, 3)),
        zero_point=int(rng.integers(-128, 128)),
        low=low,
        high=high,
    )
    if kind == Columns.ALL:
        return record + b"".join(COLUMN.encode(column()) for _ in range(columns))
    return record + rng.integers(-(2**20), 2**20, columns).astype("<i4").tobytes()


WRONG = {
    "opcode": ({"opcode": 9}, Cause.OPCODE, 0),
    "version": ({"version": 2}, Cause.VERSION, 0),
    "flags": ({"flags": 8}, Cause.RESERVED, 0),
    "raw with settings": ({"settings": SETTINGS_AT}, Cause.RESERVED, 0),
    "m": ({"m": 0}, Cause.SIZE, 0),
    "n": ({"n": 0}, Cause.SIZE, 0),
    "k": ({"k": 0}, Cause.SIZE, 0),
    "k too large": ({"k": 131072}, Cause.K_TOO_LARGE, 0),
    "c_size": ({"c_size": 3}, Cause.C_SIZE, 0),
    "wait": ({"wait": 9}, Cause.COUNTER, 0),
    "signal": ({"signal": 9}, Cause.COUNTER, 0),
    "a below": ({"a": BASE - 1}, Cause.WINDOW, BASE - 1),
    "a wraps": ({"a": 8, "a_stride": -8}, Cause.WINDOW, 8),
    "b above": ({"b": BASE + SIZE - 90}, Cause.WINDOW, BASE + SIZE - 90),
    "c is not to be written": ({"c": BASE + 0x2000}, Cause.WINDOW, BASE + 0x2000),
    "settings": (
        {"flags": 0, "settings": BASE + SIZE - 32 - 5 * 16 + 1},
        Cause.WINDOW,
        BASE + SIZE - 32 - 5 * 16 + 1,
    ),
    "lowest number of several": ({"m": 0, "c_size": 3, "wait": 9, "a": 0}, Cause.SIZE, 0),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_commands_are_refused(case):
    change, cause, address = WRONG[case]
    made = windowed()
    made.memory.octets[0x1000:] = 7
    before = made.memory.octets[0x1000:].copy()
    ring(made, {**GEMM, "sequence": 77, **change})
    made.advance()
    assert completions(made)[0] == {
        "index": 1,
        "sequence": 77,
        "cause": cause,
        "opcode": change.get("opcode", 1),
        "address": address,
    }
    np.testing.assert_array_equal(made.memory.octets[0x1000:], before)
    error = {"cause": cause, "unit": 0, "sequence": 77, "address": address}
    assert made.read("ERROR") == error
    assert made.read("IRQ_STATUS")["error"]


def windowed() -> Machine:
    """Return a machine whose last 0x1E00 bytes may be read, and few of them not written."""
    made = machine()
    for n, (low, high) in enumerate([(BASE, BASE + SIZE - 1), (BASE, BASE + 0x1FFF)]):
        made.write(f"WINDOW_{n}_BASE_LO", {"address": low})
        made.write(f"WINDOW_{n}_LIMIT_LO", {"address": high})
    made.write("WINDOW_CTRL", {"read": 1, "write": 2, "everything": 0})
    return made


def test_a_product_has_no_sizes():
    made = windowed()
    ring(made, GEMM)
    made.memory.octets[63] = 1
    made.advance()
    assert completions(made)[0]["cause"] == Cause.RESERVED


@pytest.mark.parametrize(
    "change",
    [
        {"columns": 3},
        {"rounding": 3},
        {"shift": 48},
        {"multiplier": 1 << 16},
        {"b_zero_point": 256},
        {"low": 2, "high": 1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_wrong_settings_are_refused(change):
    made = machine()
    octets = SETTINGS.encode({"multiplier": 1, **change})
    made.memory.octets[SETTINGS_AT - BASE :][: len(octets)] = list(octets)
    ring(made, {**GEMM, "flags": 0, "settings": SETTINGS_AT})
    made.advance()
    assert completions(made)[0]["cause"] == Cause.SETTINGS
    assert made.read("ERROR")["unit"] == 1


@pytest.mark.parametrize(("name", "cause"), [("a", 11), ("c", 13)])
def test_what_is_not_there_is_an_error_of_the_bus(name, cause):
    made = machine()
    ring(made, {**GEMM, name: BASE + SIZE - 18})
    made.advance()
    record = completions(made)[0]
    assert (record["cause"], record["address"]) == (cause, BASE + SIZE)


def test_nop_ignores_sizes_and_addresses():
    made = windowed()
    ring(made, {**GEMM, "opcode": Opcode.NOP, "m": 0, "c_size": 9, "a": 3, "settings": 5})
    made.advance()
    assert completions(made)[0]["cause"] == 0


def test_the_ring_goes_round_and_indices_go_on():
    made = machine()
    for turn in range(5):
        ring(made, *({**NOP, "sequence": 10 * turn + n} for n in range(5)))
        assert made.read("STATUS")["idle"] == 0
        assert made.advance(2) == 2
        assert made.read("HEAD")["commands"] == 5 * turn + 2
        assert made.advance() == 3
    assert made.read("STATUS") == {"idle": 1, "halted": 0, "reset_done": 1, "room": 1}
    found = sorted((each["index"], each["sequence"]) for each in completions(made))
    assert found == [(index + 1, 10 * (index // 5) + index % 5) for index in range(17, 25)]


def test_dependency_counters():
    made = machine()
    ring(made, {**NOP, "signal": 3}, {**NOP, "wait": 3, "wait_value": 2}, {**NOP, "signal": 3})
    assert made.advance() == 1
    made.write("WATCHDOG", {"cycles": 100})
    made.advance()
    assert made.read("ERROR")["cause"] == Cause.TIMEOUT
    assert (made.read("HEAD"), made.read("TAIL")) == ({"commands": 0}, {"commands": 0})
    ring(made, *[{**NOP, "signal": 3}] * 2, {**NOP, "wait": 3, "wait_value": 2})
    assert made.advance() == 3


def test_a_counter_is_at_least_a_value_modulo_2_to_the_16():
    made = machine()
    ring(made, {**NOP, "wait": 1, "wait_value": 0x8001}, {**NOP, "wait": 1, "wait_value": 1})
    assert made.advance() == 1


def test_halt_and_resume():
    made = machine(halt_on_error=1)
    ring(made, {**NOP, "version": 7}, NOP)
    assert made.advance() == 1
    assert made.read("STATUS")["halted"] == 1
    made.write("CTRL", {"enable": 1, "halt_on_error": 1, "reset": 0, "resume": 1})
    assert made.advance() == 1


def test_direct_commands_go_first_and_are_not_in_head():
    made = machine()
    ring(made, {**NOP, "sequence": 1})
    words = np.frombuffer(COMMAND.encode({**NOP, "version": VERSION, "sequence": 2}), "<u4")
    for n, word in enumerate(words.tolist()):
        made.write(f"COMMAND_{n}", {"bytes": word})
    made.write("PUSH", {"push": 1})
    assert made.read("STATUS")["room"] == 0
    made.write("PUSH", {"push": 1})
    assert made.read("IRQ_STATUS")["overflow"] == 1
    assert made.advance() == 2
    assert [each["sequence"] for each in completions(made)[:2]] == [2, 1]
    assert made.read("HEAD") == {"commands": 1}
    assert made.read("COMPLETED") == {"commands": 2}


def test_interrupts_are_coalesced_unless_asked_for():
    made = machine()
    made.write("IRQ_ENABLE", {"complete": 1, "error": 0, "access": 0, "overflow": 0})
    made.write("IRQ_COALESCE", {"count": 3, "time": 0})
    clear = {"complete": 1, "error": 0, "access": 0, "overflow": 0}
    seen = []
    ring(made, *[NOP] * 4, {**NOP, "flags": Flags.INTERRUPT}, NOP, NOP)
    while made.advance(1):
        seen.append(made.interrupt)
        made.write("IRQ_STATUS", clear)
    assert seen == [False, False, True, False, True, False, False]
    # Two wait to be told; what is written now holds for those after them.
    made.write("IRQ_COALESCE", {"count": 0, "time": 1})
    made.advance()
    assert not made.interrupt
    for _ in ("by count", "by time"):
        made.write("IRQ_STATUS", clear)
        ring(made, NOP)
        made.advance()
        assert made.interrupt
    # Where neither is set, none waits.
    for count in (0, 1):
        made.write("IRQ_COALESCE", {"count": count, "time": 0})
        made.write("IRQ_STATUS", clear)
        ring(made, NOP)
        made.advance()
        assert made.interrupt == bool(count)


def test_the_first_error_stays_until_it_is_cleared():
    made = machine()
    ring(made, {**NOP, "version": 7, "sequence": 1}, {**NOP, "opcode": 9, "sequence": 2})
    made.advance()
    assert made.read("ERROR")["sequence"] == 1
    made.write("IRQ_STATUS", {"complete": 0, "error": 1, "access": 0, "overflow": 0})
    assert made.read("ERROR") == {}
    ring(made, {**NOP, "opcode": 9, "sequence": 3})
    made.advance()
    assert made.read("ERROR")["sequence"] == 3
    made.write("COUNTER_CTRL", {"latch": 1, "clear": 1})
    assert made.read("COUNTER_ERRORS_LO") == {"count": 3}
    made.write("COUNTER_CTRL", {"latch": 1, "clear": 0})
    assert made.read("COUNTER_COMMANDS_LO") == {"count": 0}


def test_a_ring_that_is_not_there_halts():
    made = machine()
    made.write("RING_BASE_LO", {"address": 0x40 >> 6})
    made.write("TAIL", {"commands": 1})
    assert made.advance() == 0
    error = made.read("ERROR")
    assert (error["unit"], error["cause"]) == (254, Cause.READ_DECODE)
    made.write("CTRL", {"enable": 1, "halt_on_error": 0, "reset": 0, "resume": 1})
    assert made.read("STATUS")["halted"] == 1
    made.write("CTRL", {"enable": 1, "halt_on_error": 0, "reset": 1, "resume": 0})
    assert made.read("STATUS") == {"idle": 1, "halted": 0, "reset_done": 1, "room": 1}


def test_nothing_leaves_the_address_width():
    command = COMMAND.decode(COMMAND.encode({**GEMM, "version": VERSION, "a": 1 << 40 | 9}))
    made = machine()
    assert refusal(command, made.hardware, made._windows()) == (Cause.WINDOW, 9)
