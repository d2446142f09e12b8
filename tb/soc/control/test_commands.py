"""Commands from the ring and from registers, on AXI, to their ends: what they say is done."""

import pytest

from gemmule.golden.soc.check import Window
from gemmule.golden.soc.commands import COMMAND, COMPLETION, Flags

from .software import ALONE, GEMM, LOGS, PAIR, PAUSES, RECORDS, Software, numbered, unawaited


def test_cycles_from_the_doorbell_to_the_unit(fresh):
    fresh.bus.set(latency=30)
    fresh.begin()
    commands = numbered([GEMM] * 8)
    fresh.carry_out(commands[:1])
    vectors = max(1, 512 // fresh.hardware.data_width)
    since = int(fresh.bus.memory[LOGS + COMMAND["sizes"].offset])
    # The DMA takes 5 beside the memory's latency and beats; what is left is control's.
    assert since - 30 - 5 - (vectors - 1) == 21
    fresh.carry_out(commands[1:])


def test_commands_that_come_one_after_the_other_are_checked_while_the_unit_works(fresh):
    fresh.bus.set(latency=30)
    fresh.begin(log2=5)
    commands = numbered([{**GEMM, "m": 40}] * 32)
    begun = fresh.bus.cycles
    fresh.carry_out(commands)
    # Each takes the unit 40 cycles, 4 for its vectors, and a write's way to memory and back.
    beats = max(4, 512 // fresh.hardware.data_width)
    assert fresh.bus.cycles - begun < 32 * (40 + 4 + beats + 52) + 300


def test_five_hundred_through_a_ring_of_four(fresh):
    """The ring wraps, and is filled again while it is emptied."""
    fresh.begin(log2=2)
    commands = numbered([GEMM, {**GEMM, "m": 9}, {**GEMM, "k": 0}, {**GEMM, "n": 2}] * 125)
    while fresh.tail < len(commands):
        room = 4 - (fresh.tail - fresh.read("HEAD"))
        fresh.place(commands[fresh.tail : fresh.tail + room])
        fresh.ring()
    fresh.until("HEAD", "commands", 500)
    assert fresh.read("COMPLETED") == 500
    for each in commands:
        written = fresh.bus.memory[each["c"] : each["c"] + 63].tobytes()
        octets = COMMAND.encode(each)[:63] if each["k"] else bytes([0xA5] * 63)
        assert written == octets, each["sequence"]


def test_units_work_side_by_side(fresh):
    """A command of one unit does not wait for those of the other, unless it says so."""
    if not fresh.hardware.vector:
        return
    fresh.begin(log2=4)
    long, short = {**GEMM, "m": 600}, {**PAIR, "m": 1}
    commands = numbered([
        long,
        {**short, "signal": 1},
        ALONE,
        {**PAIR, "m": 300, "signal": 2},
        {**GEMM, "wait": 2, "wait_value": 1},
        {**ALONE, "wait": 1, "wait_value": 1},
        {**ALONE, "flags": Flags.FENCE},
    ])
    fresh.carry_out(commands)
    order = [
        COMPLETION.decode(fresh.bus.memory[RECORDS + 16 * n :][:16].tobytes())["sequence"]
        for n in range(len(commands))
    ]
    assert order[:3] == [1, 2, 3]
    assert order.index(0) < order.index(4)
    assert order[-1] == 6


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
        fresh.carry_out(commands)
        index = fresh.index - len(chain) + 1
        order = []
        for n in range(index, index + len(chain)):
            at = RECORDS + 16 * ((n - 1) % 32)
            order.append(int(fresh.bus.memory[at + COMPLETION["sequence"].offset]) - 32 * turn)
        assert order.index(4) > order.index(3) > order.index(0)
        assert order.index(7) > order.index(6)
        assert order[-1] == 8
    late = numbered([{**GEMM, "wait": 7, "wait_value": 2}, GEMM], 200)
    fresh.place(late)
    fresh.ring()
    fresh.bus.run(500)
    assert fresh.read("COMPLETED") == fresh.index
    assert not fresh.field("STATUS", "idle")


@pytest.mark.full
def test_direct_commands_without_a_ring():
    """Control that has no ring: registers alone, and a doorbell that nobody hears."""
    with Software(ring=False, seed=1) as machine:
        machine.begin(records=True)
        for each in numbered([GEMM, {**GEMM, "m": 0}, {**GEMM, "flags": Flags.RAW, "settings": 0}]):
            machine.until("STATUS", "room", 1)
            machine.push(each)
            machine.check([each])
        machine.write("TAIL", 5)
        machine.bus.run(200)
        assert machine.field("STATUS", "idle")


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


def test_random_commands(fresh):
    """Random commands of all units, good and bad, from ring and registers, at any pauses."""
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
        for each in numbered([GEMM, PAIR, GEMM, ALONE] * 15):
            each["m"] = int(rng.integers(1, 16))
            each["flags"] = int(rng.integers(4))
            each["signal"] = int(rng.integers(9))
            octets = bytearray(COMMAND.encode(each))
            if rng.random() < 0.4:
                octets[rng.integers(6, 64)] ^= 1 << rng.integers(8)
            commands.append(unawaited(bytes(octets)))
        ring, direct = commands[:50], commands[50:]
        fresh.place(ring)
        fresh.ring()
        for each in direct:
            fresh.until("STATUS", "room", 1)
            fresh.push(each)
        fresh.check(ring + direct, ordered=False)
