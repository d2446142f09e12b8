"""Errors of the bus, halts, resets and the watchdog: what fails is told, and all goes on."""

import pytest

from gemmule.golden.soc.commands import Cause

from .plane import FAILS, HANGS
from .software import ALONE, CONVOLUTION, GEMM, LOGS, PAIR, PAUSES, RECORDS, RING, numbered


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


def test_a_failure_of_convolutions_tells_their_unit(fresh):
    """Units have the same numbers whatever is built in beside them."""
    fresh.begin()
    fresh.carry_out(numbered([GEMM, {**CONVOLUTION, "b_stride": FAILS}, GEMM]))
    known = (Cause.SETTINGS, 3) if fresh.hardware.convolution else (Cause.OPCODE, 0)
    assert fresh.read("ERROR") == known[0] | known[1] << 8 | 1 << 16


def test_a_failure_tells_its_unit(fresh):
    """What the vector unit meets is of unit 2; where there is none, the check refuses."""
    fresh.begin()
    commands = numbered([GEMM, {**PAIR, "b_stride": FAILS}, GEMM])
    fresh.carry_out(commands)
    if not fresh.hardware.vector:
        assert fresh.read("ERROR") == Cause.OPCODE | 0 << 8 | 1 << 16
        assert fresh.read("ERROR_ADDR_LO") == 0
        return
    assert fresh.read("ERROR") == Cause.SETTINGS | 2 << 8 | 1 << 16
    assert fresh.read("ERROR_ADDR_LO") == 77
    fresh.write("IRQ_STATUS", 2)
    at = LOGS + 64 * 3
    fresh.bus.fault(write=True, decode=True, span=(at, at + 4))
    fresh.place(numbered([ALONE], 3))
    fresh.ring()
    fresh.until("COMPLETED", "commands", 4)
    assert fresh.read("LAST") == 3 | Cause.WRITE_DECODE << 16 | 2 << 24
    assert fresh.read("ERROR") == Cause.WRITE_DECODE | 2 << 8 | 3 << 16
    assert fresh.read("ERROR_ADDR_LO") == at


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


def test_resets_at_any_time(fresh):
    """Soft resets in the middle of everything, each followed by commands that are right."""
    rng = fresh.rng
    fresh.begin()
    for turn in range(60):
        fresh.bus.set(
            latency=int(rng.integers(1, 60)), **dict.fromkeys(PAUSES, (0, 0.4, 0.8)[turn % 3])
        )
        work = numbered([{**GEMM, "m": int(rng.integers(1, 60))}, PAIR] * 8)
        work[5] |= {"wait": 1, "wait_value": 1}
        fresh.place(work)
        fresh.ring()
        fresh.bus.run(int(rng.integers(1, 700)))
        fresh.write("CTRL", enable=1, reset=1)
        fresh.until("STATUS", "reset_done", 1)
        assert fresh.bus.counters().idle
        assert [fresh.read(name) for name in ("HEAD", "TAIL", "COMPLETED")] == [0, 0, 0]
        fresh.begin()
        commands = numbered([GEMM, ALONE, {**GEMM, "wait": 1, "wait_value": 0}], 16 * turn)
        fresh.place(commands)
        fresh.ring()
        fresh.check(commands)


def test_the_watchdog(fresh):
    """A unit that hangs, and a signal that never comes: all is reset, and goes on."""
    fresh.begin()
    fresh.write("WATCHDOG", 1000)
    stops = [{**GEMM, "m": HANGS}, {**GEMM, "wait": 4, "wait_value": 9}]
    stops += [{**PAIR, "m": HANGS}] if fresh.hardware.vector else []
    stops += [{**CONVOLUTION, "m": HANGS}] if fresh.hardware.convolution else []
    for stop in stops:
        fresh.place(numbered([GEMM, stop, GEMM], 20))
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


def test_the_watchdog_watches_what_the_ring_reads(fresh):
    """Between its request and its answer, a command of the ring was nowhere: nothing was to do."""
    fresh.begin()
    fresh.write("WATCHDOG", 1000)
    fresh.bus.set(latency=4000)
    fresh.place(numbered([GEMM]))
    fresh.ring()
    fresh.bus.run(1500)
    assert fresh.read("ERROR") == Cause.TIMEOUT | 253 << 8
    fresh.until("STATUS", "reset_done", 1)
    fresh.bus.set(latency=3)
    fresh.begin()
    commands = numbered([GEMM] * 4, 4)
    fresh.place(commands)
    fresh.ring()
    fresh.check(commands)
    fresh.write("WATCHDOG", 0)


def test_a_watchdog_that_is_set_late_runs_from_then_on(fresh):
    """Where nothing moved already, it went on from 0 downwards: to 2**32 cycles."""
    fresh.begin()
    fresh.place(numbered([{**GEMM, "wait": 4, "wait_value": 9}], 5))
    fresh.ring()
    fresh.bus.run(500)
    fresh.write("WATCHDOG", 1000)
    fresh.bus.run(900)
    assert not fresh.field("IRQ_STATUS", "error")
    fresh.bus.run(300)
    assert fresh.read("ERROR") == Cause.TIMEOUT | 253 << 8 | 5 << 16
    fresh.until("STATUS", "reset_done", 1)
    fresh.write("WATCHDOG", 0)


@pytest.mark.parametrize("control", [{"enable": 0}, {"enable": 1, "halt_on_error": 1}], ids=str)
def test_the_watchdog_watches_what_was_begun(fresh, control):
    """A command that hung was not seen where no other one could begin."""
    fresh.begin(halt_on_error=1)
    hangs, refused = {**GEMM, "m": HANGS}, {**GEMM, "k": 0}
    fresh.place(numbered([hangs, refused] if control["enable"] else [hangs], 7))
    fresh.ring()
    fresh.bus.run(500)
    fresh.write("CTRL", **control)
    assert fresh.field("STATUS", "halted") == control["enable"]
    fresh.write("IRQ_STATUS", 2)
    fresh.write("WATCHDOG", 1000)
    fresh.bus.run(1200)
    assert fresh.read("ERROR") == Cause.TIMEOUT | 253 << 8 | 7 << 16
    fresh.until("STATUS", "reset_done", 1)
    fresh.write("WATCHDOG", 0)
