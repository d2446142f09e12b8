"""Control behind its registers and on AXI: commands to their ends, whatever they say."""

import numpy as np
import pytest

from gemmule.golden.soc.check import Window
from gemmule.golden.soc.commands import COMMAND, Cause, Flags

from .plane import FAILS, HANGS
from .software import GEMM, LOGS, RECORDS, RING, Software

WIDTHS = [(40, 128), pytest.param((32, 32), marks=pytest.mark.full), (64, 64)]
PAUSES = ("pause_ar", "pause_r", "pause_aw", "pause_w", "pause_b", "pause_lite")


@pytest.fixture(scope="module", params=WIDTHS, ids=str)
def machine(request):
    width, bus = request.param
    with Software(address_width=width, data_width=bus, seed=7) as made:
        yield made


@pytest.fixture
def fresh(machine):
    """Return the machine after a reset of the whole."""
    machine.bus.set(latency=3, **dict.fromkeys(PAUSES, 0))
    machine.bus.no_faults()
    machine.bus.reset()
    machine.windows = [Window(0, (1 << machine.hardware.address_width) - 1, True, True)]
    return machine


def numbered(commands, first=0):
    """Give commands sequences, and each a place of its own for what the unit writes."""
    return [
        {**each, "sequence": first + n, "c": LOGS + 64 * (first + n)}
        for n, each in enumerate(commands)
    ]


def carry_out(machine, commands):
    """Let the machine carry out commands of the ring, in as many turns as it has places for."""
    size = 1 << machine.log2
    for first in range(0, len(commands), size):
        part = commands[first : first + size]
        machine.place(part)
        machine.ring()
        machine.check(part)


def test_cycles_from_the_doorbell_to_the_unit(fresh):
    fresh.bus.set(latency=30)
    fresh.begin()
    commands = numbered([GEMM] * 8)
    carry_out(fresh, commands[:1])
    vectors = max(1, 512 // fresh.hardware.data_width)
    since = int(fresh.bus.memory[LOGS + COMMAND["reserved"].offset])
    # The DMA takes 5 beside the memory's latency and beats; what is left is control's.
    assert since - 30 - 5 - (vectors - 1) == 21
    carry_out(fresh, commands[1:])


def test_commands_that_come_one_after_the_other_are_checked_while_the_unit_works(fresh):
    fresh.bus.set(latency=30)
    fresh.begin(log2=5)
    commands = numbered([{**GEMM, "m": 40}] * 32)
    begun = fresh.bus.cycles
    carry_out(fresh, commands)
    # Each takes the unit 40 cycles, 4 for its vectors, and a write's way to memory and back.
    beats = max(4, 512 // fresh.hardware.data_width)
    assert fresh.bus.cycles - begun < 32 * (40 + 4 + beats + 52) + 300


def test_the_ring_wraps(fresh):
    fresh.begin(log2=2)
    commands = numbered([GEMM, {**GEMM, "m": 1, "version": 3}, {**GEMM, "opcode": 0}] * 160)
    for first in range(0, len(commands), 4):
        carry_out(
            fresh,
            commands[first : first + 4][: 1 + first // 4 % 4]
            + commands[first : first + 4][1 + first // 4 % 4 :],
        )
    assert fresh.read("HEAD") == len(commands)


@pytest.mark.parametrize("stall", [0, 0.5])
def test_every_byte_of_a_command_spoilt(fresh, stall):
    """Malformed commands: each byte takes other values, alone and with another byte."""
    fresh.bus.set(**dict.fromkeys(PAUSES, stall))
    fresh.set_windows([Window(0, 0xFFFFF, True, False), Window(LOGS, LOGS + 0x1FFFF, False, True)])
    fresh.begin(log2=8)
    commands, places = [], [n for n in range(64) if n not in (4, 5)]
    values = (1, 2, 3, 8, 9, 0x80, 0xFF) if not stall else (0x41,)
    for n, place in enumerate((p, v) for p in places for v in values):
        at, value = place
        spoilt = bytearray(COMMAND.encode(numbered([GEMM], n)[0]))
        spoilt[at] ^= value
        if n % 5 == 4:
            spoilt[fresh.rng.integers(6, 64)] ^= 1 << fresh.rng.integers(8)
        commands.append(_unawaited(bytes(spoilt)))
    carry_out(fresh, commands)
    assert 0 < fresh.errors < len(commands)


def _unawaited(octets: bytes) -> bytes:
    """Let a command wait for nothing that may not come, and write where nothing else is."""
    fields = COMMAND.decode(octets)
    if 1 <= fields["wait"] <= 8:
        fields["wait_value"] = 0xFFFF  # just behind
    reserved = fields.pop("reserved")
    return COMMAND.encode(fields)[:-1] + bytes([reserved])


def edges(machine):
    """Yield commands, each of which has one operand at, or one byte beyond, an edge."""
    top = 1 << machine.hardware.address_width
    shape = {"m": 5, "n": 3, "k": 7, "a_stride": 11, "b_stride": 13, "c_stride": 17, "c_size": 2}
    bytes_of = {
        "a": 4 * 11 + 7,
        "b": 6 * 13 + 6,
        "c": 4 * 17 + 12,
        "settings": 32 + 3 * 16,
    }
    for name, length in bytes_of.items():
        for low, high in ((0, top - 1), (0x5000, 0x5FFF), (0x7_0000, 0x7_0FFF)):
            for beyond in (0, 1):
                for first in (low - beyond, high - length + 1 + beyond):
                    yield {**GEMM, **shape, name: first % 2**64}
                    if name != "settings":
                        stride = shape[f"{name}_stride"]
                        last = first + stride * (length // stride if name != "c" else 4)
                        rows = {"a": 5, "b": 7, "c": 5}[name]
                        last = first + stride * (rows - 1)
                        yield {**GEMM, **shape, name: last % 2**64, f"{name}_stride": -stride}


@pytest.mark.parametrize("windows", [0, 1, 4])
def test_windows_hold_to_the_byte(fresh, windows):
    """Windows: each operand inside and a byte outside, at either end, strides of both signs."""
    spare = [Window(0x1000, 0x4FFF, True, True), Window(LOGS, LOGS + 0xFFFF, True, True)]
    tight = [Window(0x5000, 0x5FFF, True, True), Window(0x7_0000, 0x7_0FFF, True, True)]
    if windows == 1:
        fresh.set_windows([Window(0x1000, 0x7_0FFF, True, True)])
    elif windows:
        fresh.set_windows([spare[0], tight[0], tight[1], spare[1]])
    fresh.begin(log2=8)
    commands = []
    for n, each in enumerate(edges(fresh)):
        made = {**each, "sequence": n}
        legal = fresh.verdict(COMMAND.encode(made))[0] is Cause.NONE
        where = made["c"] if made["c"] != LOGS else None
        if where is None or legal:
            # The unit writes 64 bytes, wherever c is; only those within memory can be compared.
            made["c"] = LOGS + 64 * n if where is None else where
        if legal and not 0x5000 <= made["c"] <= 0x8_0000 - 64:
            continue
        commands.append(made)
    _one_by_one(fresh, commands)
    assert fresh.errors > 10


def _one_by_one(machine, commands):
    """Carry commands out, and forget after each what the unit wrote."""
    for each in commands:
        carry_out(machine, [each])


def test_extents_of_any_size(fresh):
    """Random sizes, strides and bases, most of them near an edge of one of four windows."""
    rng, top = fresh.rng, 1 << fresh.hardware.address_width
    bounds = np.sort(rng.integers(0, top, 8, dtype=np.uint64)).tolist()
    fresh.set_windows([
        Window(low, high, bool(n & 1 or n == 2), bool(n & 2))
        for n, (low, high) in enumerate(zip(bounds[::2], bounds[1::2], strict=True))
    ])
    fresh.begin(log2=7)
    commands = []
    while len(commands) < 120:
        made = {**GEMM, "sequence": len(commands), "c_size": int(rng.integers(3))}
        for name, most in (("m", 24), ("n", 24), ("k", 9)):
            made[name] = int(rng.integers(1, 1 << rng.integers(1, most + 1)))
        made["k"] = min(made["k"], 511)
        for name in ("a", "b", "c"):
            made[f"{name}_stride"] = int(rng.integers(-(2**31), 2**31)) >> int(rng.integers(32))
        for name in ("a", "b", "c", "settings"):
            edge = bounds[rng.integers(8)]
            made[name] = (edge + int(rng.integers(-(1 << 20), 1 << 20))) % 2**64
        if fresh.verdict(COMMAND.encode(made))[0] is not Cause.NONE:
            commands.append(made)
    carry_out(fresh, commands)


def test_dependencies_and_fences(fresh):
    """A command waits for signals of others, in its turn; with a fence it is alone."""
    fresh.begin(log2=5)
    for turn in range(3):
        chain = [
            {**GEMM, "m": 30, "signal": 1},
            {**GEMM, "version": 9, "signal": 2},  # lawless: it does not count
            {**GEMM, "n": 0, "signal": 2},
            {**GEMM, "wait": 1, "wait_value": turn + 1, "signal": 8},
            {**GEMM, "opcode": 0, "wait": 8, "wait_value": turn + 1, "signal": 3},
            {**GEMM, "wait": 2, "wait_value": turn + 1},
            {**GEMM, "m": 100},
            {**GEMM, "opcode": 0, "flags": Flags.FENCE},
            {**GEMM, "opcode": 0, "wait": 3, "wait_value": turn + 1},
        ]
        commands = numbered(chain, 32 * turn)
        carry_out(fresh, commands)
        index = fresh.index - len(chain) + 1
        order = []
        for n in range(index, index + len(chain)):
            at = RECORDS + 16 * ((n - 1) % 32)
            order.append(int(fresh.bus.memory[at + 4]) - 32 * turn % 256)
        assert order.index(4) > order.index(3) > order.index(0)
        assert order.index(7) > order.index(6)
        assert order[-1] == 8
    late = numbered([{**GEMM, "wait": 7, "wait_value": 2}, GEMM], 200)
    fresh.place(late)
    fresh.ring()
    fresh.bus.run(500)
    assert fresh.read("COMPLETED") == fresh.index
    assert not fresh.field("STATUS", "idle")


def test_direct_commands(fresh):
    """The port through registers: alone, beside a ring, and written while it has no room."""
    fresh.begin()
    commands = numbered([GEMM, {**GEMM, "c_size": 3}, {**GEMM, "m": 200}, GEMM, GEMM])
    for each in commands[:3]:
        fresh.until("STATUS", "room", 1)
        fresh.push(each)
        fresh.check([each])
    assert fresh.read("HEAD") == 0
    assert not fresh.field("IRQ_STATUS", "overflow")
    waits = numbered([{**GEMM, "wait": 5, "wait_value": 1}], 10)
    fresh.place(waits)
    fresh.ring()
    fresh.bus.run(100)
    fresh.push(commands[3])  # stays: the one before it waits
    assert not fresh.field("STATUS", "room")
    assert not fresh.field("IRQ_STATUS", "overflow")
    fresh.write("COMMAND_0", 0)
    assert fresh.field("IRQ_STATUS", "overflow")
    fresh.write("IRQ_STATUS", 8)
    fresh.write("PUSH", 1)
    assert fresh.field("IRQ_STATUS", "overflow")
    assert fresh.read("COMPLETED") == 3
    fresh.write("CTRL", enable=1, reset=1)
    fresh.begin()
    fresh.push(commands[4])
    fresh.check([commands[4]])
    assert fresh.read("COMMAND_3") == 0


def test_bytes_of_a_direct_command(fresh):
    """Strobes: a command that is written byte by byte."""
    fresh.begin()
    command = numbered([{**GEMM, "settings": 0x123456789A, "flags": 1}])[0]
    for n, octet in fresh.rng.permutation(list(enumerate(COMMAND.encode(command)))).tolist():
        fresh.bus.access(0x80 + n // 4 * 4, octet << 8 * (n % 4), 1 << n % 4)
    fresh.write("PUSH", 1)
    fresh.check([command])


def test_halt_on_error_and_resume(fresh):
    fresh.begin(halt_on_error=1)
    commands = numbered([GEMM, {**GEMM, "k": 512}, GEMM, GEMM])
    fresh.place(commands)
    fresh.ring()
    fresh.until("STATUS", "halted", 1)
    fresh.bus.run(300)
    assert fresh.read("COMPLETED") == 2
    assert fresh.field("ERROR", "cause") == Cause.K_TOO_LARGE
    assert fresh.field("ERROR", "sequence") == 1
    fresh.write("CTRL", enable=1, halt_on_error=1, resume=1)
    fresh.check(commands)
    assert not fresh.field("STATUS", "halted")


def test_enable_holds_commands_back(fresh):
    fresh.begin()
    fresh.write("CTRL", enable=0)
    commands = numbered([GEMM])
    fresh.place(commands)
    fresh.ring()
    fresh.bus.run(300)
    assert fresh.read("COMPLETED") == 0
    fresh.write("CTRL", enable=1)
    fresh.check(commands)


def test_the_first_failure_is_kept(fresh):
    fresh.begin()
    commands = numbered([GEMM, {**GEMM, "b_stride": FAILS, "m": 900}, {**GEMM, "k": 0}])
    fresh.place(commands)
    fresh.ring()
    fresh.check(commands)
    # The refused one completes before the one that fails in the unit.
    assert fresh.read("ERROR") == Cause.SIZE | 0 << 8 | 2 << 16
    assert fresh.field("IRQ_STATUS", "error")
    fresh.write("IRQ_STATUS", 2)
    assert not fresh.field("IRQ_STATUS", "error")
    commands = numbered([{**GEMM, "b_stride": FAILS}], 3)
    fresh.place(commands)
    fresh.ring()
    fresh.check(commands)
    assert fresh.read("ERROR") == Cause.SETTINGS | 1 << 8 | 3 << 16
    assert fresh.read("ERROR_ADDR_LO") == 77


@pytest.mark.parametrize("decode", [False, True], ids=["slave", "decode"])
def test_errors_of_the_bus(fresh, decode):
    """Errors answer each beat of the ring, a record, and a write of the unit."""
    vectors = max(1, 512 // fresh.hardware.data_width)
    for beat in range(2 * vectors):
        fresh.begin()
        fresh.bus.fault(decode=decode, beat=beat)
        commands = numbered([GEMM] * 4)
        fresh.place(commands)
        fresh.ring()
        fresh.until("STATUS", "halted", 1)
        fresh.bus.run(300)
        assert fresh.read("COMPLETED") == beat // vectors
        assert fresh.read("ERROR") == (Cause.READ_DECODE if decode else Cause.READ_SLAVE) | 254 << 8
        assert fresh.read("ERROR_ADDR_LO") == RING + beat * fresh.hardware.data_width // 8
        fresh.write("CTRL", enable=1, resume=1)
        assert fresh.field("STATUS", "halted")
        fresh.write("CTRL", enable=1, reset=1)
    fresh.begin()
    fresh.bus.fault(write=True, decode=decode, span=(RECORDS, RECORDS + 16))
    commands = numbered([GEMM] * 2)
    fresh.place(commands)
    fresh.ring()
    fresh.until("COMPLETED", "commands", 2)
    cause = Cause.WRITE_DECODE if decode else Cause.WRITE_SLAVE
    assert fresh.read("ERROR") == cause | 255 << 8
    assert fresh.read("ERROR_ADDR_LO") == RECORDS
    fresh.write("IRQ_STATUS", 2)
    fresh.bus.no_faults()
    at = LOGS + 64 * 2
    fresh.bus.fault(write=True, decode=decode, span=(at, at + 4))
    fresh.place(numbered([GEMM], 2))
    fresh.ring()
    fresh.until("COMPLETED", "commands", 3)
    assert fresh.read("LAST") == 2 | cause << 16 | 1 << 24
    assert fresh.read("ERROR") == cause | 1 << 8 | 2 << 16
    assert fresh.read("ERROR_ADDR_LO") == at


def told(machine, cycles):
    """Return the cycles until the interrupt, and clear it; ``None`` where it does not come."""
    begun = machine.bus.cycles
    if not machine.bus.interrupt:
        machine.bus.run(cycles, until_interrupt=True)
    if not machine.bus.interrupt:
        return None
    taken = machine.bus.cycles - begun
    machine.write("IRQ_STATUS", complete=1)
    machine.bus.run(2)
    return taken


def test_interrupts_are_coalesced(fresh):
    fresh.begin()
    fresh.write("IRQ_ENABLE", complete=1)
    nop = {**GEMM, "opcode": 0}
    one, urgent = numbered([nop]), numbered([{**nop, "flags": Flags.INTERRUPT}])
    carry_out(fresh, one)
    assert told(fresh, 500) is None
    carry_out(fresh, urgent)
    assert told(fresh, 10) is not None
    fresh.write("IRQ_COALESCE", count=3)
    for _ in range(3):
        for n in range(3):
            assert told(fresh, 100) is None, n
            carry_out(fresh, one)
        assert told(fresh, 10) is not None
    carry_out(fresh, one)
    carry_out(fresh, urgent)
    assert told(fresh, 10) is not None
    for _ in range(2):
        carry_out(fresh, one)
    assert told(fresh, 100) is None  # the urgent one told of all before it
    carry_out(fresh, one)
    assert told(fresh, 10) is not None
    fresh.write("IRQ_COALESCE", time=20)
    for count in (1, 2):
        for _ in range(count):
            carry_out(fresh, one)
        assert 700 < told(fresh, 5000) <= 64 * 20 + 3
    fresh.write("IRQ_ENABLE", 0)
    carry_out(fresh, urgent)
    assert told(fresh, 100) is None
    assert fresh.field("IRQ_STATUS", "complete")


def test_resets_at_any_time(fresh):
    """Soft resets in the middle of everything, each followed by commands that are right."""
    rng = fresh.rng
    fresh.begin()
    for turn in range(60):
        fresh.bus.set(
            latency=int(rng.integers(1, 60)), **dict.fromkeys(PAUSES, (0, 0.4, 0.8)[turn % 3])
        )
        work = numbered([{**GEMM, "m": int(rng.integers(1, 60))}] * 16)
        work[5] |= {"wait": 1, "wait_value": 1}
        fresh.place(work)
        fresh.ring()
        fresh.bus.run(int(rng.integers(1, 700)))
        fresh.write("CTRL", enable=1, reset=1)
        fresh.until("STATUS", "reset_done", 1)
        assert fresh.bus.counters().idle
        assert [fresh.read(name) for name in ("HEAD", "TAIL", "COMPLETED")] == [0, 0, 0]
        fresh.begin()
        commands = numbered([GEMM, {**GEMM, "wait": 1, "wait_value": 0}], 16 * turn)
        fresh.place(commands)
        fresh.ring()
        fresh.check(commands)


def test_the_watchdog(fresh):
    """A unit that hangs, and a signal that never comes: all is reset, and goes on."""
    fresh.begin()
    fresh.write("WATCHDOG", 1000)
    for first in ({"m": HANGS}, {"wait": 4, "wait_value": 9}):
        fresh.place(numbered([GEMM, {**GEMM, **first}, GEMM], 20))
        fresh.ring()
        fresh.bus.run(900)
        assert not fresh.field("IRQ_STATUS", "error")
        fresh.bus.run(400)
        fresh.until("STATUS", "reset_done", 1)
        assert fresh.read("ERROR") == Cause.TIMEOUT | 253 << 8 | 21 << 16
        fresh.begin()
        fresh.bus.run(3000)  # nothing to do is no lack of progress
        commands = numbered([{**GEMM, "m": 500}] * 4)
        fresh.place(commands)
        fresh.ring()
        fresh.check(commands)
        assert not fresh.field("IRQ_STATUS", "error")
    fresh.write("WATCHDOG", 0)


def counter(machine, name):
    """Return a counter as it was latched."""
    return machine.read(f"COUNTER_{name}_LO") | machine.read(f"COUNTER_{name}_HI") << 32


def test_counters_are_latched_together(fresh):
    fresh.begin()
    fresh.write("COUNTER_CTRL", clear=1)
    assert counter(fresh, "CYCLES") == 0  # it waits for the clear
    carry_out(fresh, numbered([GEMM, {**GEMM, "k": 0}] * 4))
    fresh.write("COUNTER_CTRL", latch=1)
    cycles, busy = counter(fresh, "CYCLES"), counter(fresh, "BUSY")
    assert 0 < busy < cycles < fresh.bus.cycles
    assert (counter(fresh, "COMMANDS"), counter(fresh, "ERRORS")) == (8, 4)
    assert counter(fresh, "BYTES_READ") == 8 * 64
    fresh.bus.run(1000)
    assert counter(fresh, "CYCLES") == cycles
    before = fresh.bus.cycles
    fresh.write("COUNTER_CTRL", latch=1, clear=1)
    later = counter(fresh, "CYCLES")
    assert 1000 <= later - cycles <= 1000 + fresh.bus.cycles - before + 100
    fresh.write("COUNTER_CTRL", latch=1)
    assert counter(fresh, "CYCLES") < 300
    assert counter(fresh, "COMMANDS") == 0


def test_random_commands(fresh):
    """Random commands, good and bad, from ring and registers, at any pauses."""
    rng = fresh.rng
    windows = [Window(0, 0xFFFFF, True, False), Window(LOGS, LOGS + 0x1FFFF, False, True)]
    for _turn in range(12):
        fresh.bus.set(
            latency=int(rng.integers(1, 100)), **dict.fromkeys(PAUSES, rng.choice([0, 0.3, 0.7]))
        )
        fresh.bus.reset()
        fresh.set_windows(windows)
        fresh.begin(log2=6)
        commands = []
        for each in numbered([GEMM] * 60):
            each["m"] = int(rng.integers(1, 16))
            each["flags"] = int(rng.integers(4))
            each["signal"] = int(rng.integers(9))
            octets = bytearray(COMMAND.encode(each))
            if rng.random() < 0.4:
                octets[rng.integers(6, 64)] ^= 1 << rng.integers(8)
            commands.append(_unawaited(bytes(octets)))
        ring, direct = commands[:50], commands[50:]
        fresh.place(ring)
        fresh.ring()
        for each in direct:
            fresh.until("STATUS", "room", 1)
            fresh.push(each)
        _check_any_order(fresh, ring + direct)


def _check_any_order(machine, commands):
    machine.check(commands, ordered=False)
