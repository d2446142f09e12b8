"""Commands for both machines, and what they made of them compared."""

from collections.abc import Callable, Mapping

import numpy as np

from gemmule.golden.soc.check import operands
from gemmule.golden.soc.commands import (
    COMMAND,
    COMPLETION,
    SETTINGS,
    VECTOR,
    Cause,
    Flags,
    Opcode,
)
from gemmule.golden.soc.convolution import verdict
from gemmule.golden.soc.machine import UNITS, WORK
from gemmule.tb.conv.carried_out import agree

from .both import Both
from .stimuli.places import COMPLETIONS, LARGEST_LOG2, RING

__all__ = ["Pair"]

WRITTEN = (
    *(Cause.SETTINGS, Cause.PROGRAM, Cause.READ_SLAVE, Cause.READ_DECODE),
    *(Cause.WRITE_SLAVE, Cause.WRITE_DECODE),
)
"""Causes of commands that may have written a part of c."""

OPCODES = {each: each.name for each in Opcode}

RECORDS = {Opcode.GEMM: SETTINGS, Opcode.VECTOR: VECTOR}

MOST_TIME = 20
"""Of IRQ_COALESCE.time, where it is waited for."""


class Pair(Both):
    """Both machines, which must be alike after each batch of commands.

    Commands complete in the golden machine as they are put; the RTL gets to know of them by
    :meth:`ring`, and before where a ring would overflow. `check_memory` compares all of memory, so
    no stray write is missed.
    """

    def __init__(self, name: str, seed: int):
        super().__init__(name, seed)
        self.begin()

    def begin(self) -> None:
        """Begin a batch of commands."""
        self.given: list[dict[str, int]] = []
        self.wanted: dict[int, dict[str, int]] = {}
        self.got: list[dict[str, int]] = []
        self.first = self.golden.read("COMPLETED")["commands"]
        self.begun_at = self.bus.cycles

    def choose_rings(self, smallest: int = 0) -> None:
        """Let the rings be of any size, often of a small one."""
        sizes = (0, 1, 2, 3, 5, 7, LARGEST_LOG2)
        self.set_rings(int(self.rng.choice([each for each in sizes if each >= smallest])))
        self.tally[f"batches with rings of {1 << self.log2}"] += 1

    def choose_interrupts(self) -> None:
        """Coalesce by count, time, both or neither; let the interrupt follow any of the flags."""
        rng = self.rng
        count = int(rng.choice([0, 1, 2, 3, rng.integers(1, 40)]))
        time = int(rng.choice([0, 0, 0, 1, rng.integers(1, MOST_TIME)]))
        self.write("IRQ_COALESCE", count=count, time=time)
        self.write("IRQ_ENABLE", complete=int(rng.integers(2)), error=int(rng.integers(2)))
        self.coalescing.set(count, time)

    # Commands

    def command(self, command: Mapping[str, int] | bytes, *, direct: bool = False) -> Cause:
        """Put a command into the ring or push it; return what the golden machine makes of it."""
        octets = COMMAND.encode(command) if isinstance(command, Mapping) else command
        golden = self.golden
        while len(self.given) - len(self.got) >= 1 << self.log2:
            self._make_room()
        if direct:
            self.until("STATUS", "room", 1)
            for n in self.rng.permutation(16).tolist():
                self.write(
                    f"COMMAND_{n}", bytes=int.from_bytes(octets[4 * n : 4 * n + 4], "little")
                )
            self.write("PUSH", push=1)
        else:
            tail = golden.read("TAIL")["commands"]
            self.put(RING + 64 * (tail % (1 << self.log2)), octets)
            golden.write("TAIL", {"commands": tail + 1})
            self.tally["ends of a ring passed"] += bool(tail) and not tail % (1 << self.log2)
        self.carry_out()
        index = golden.read("COMPLETED")["commands"]
        assert index == self.first + len(self.given) + 1, (command, "is not complete in golden")
        record = self._record(self.memory, index)
        assert record["sequence"] not in self.wanted
        self.wanted[record["sequence"]] = record
        self.given.append(COMMAND.decode(octets))
        return Cause(record["cause"])

    def carry_out(self) -> None:
        """Let the golden machine carry out what it has."""
        self.golden.advance()

    def _make_room(self) -> None:
        """Wait until one of the commands that the rings are full of is complete."""
        self.ring()
        before = len(self.got)
        self.wait(lambda: self.harvest() > before, "COMPLETED")

    def harvest(self) -> int:
        """Keep the records of all commands that are complete; return how many there are."""
        done = self.read("COMPLETED")["commands"] - self.first
        for n in range(len(self.got), done):
            self.got.append(self._record(self.bus.memory, self.first + n + 1))
        return done

    def stuck(self, command: Mapping[str, int]) -> None:
        """Hand over a command that never begins: the golden machine's watchdog runs out."""
        tail = self.golden.read("TAIL")["commands"]
        if self.params.ring:
            self.put(RING + 64 * (tail % (1 << self.log2)), COMMAND.encode(command))
            self.write("TAIL", commands=tail + 1)
        else:
            for n, word in enumerate(np.frombuffer(COMMAND.encode(command), "<u4").tolist()):
                self.write(f"COMMAND_{n}", bytes=word)
            self.write("PUSH", push=1)
        for _ in range(3):
            self.golden.advance()

    def ring(self) -> None:
        """Tell the RTL how many commands are in the ring."""
        self.write_rtl("TAIL", commands=self.golden.read("TAIL")["commands"])

    def place(self, index: int) -> int:
        """Return the offset of the completion with this index."""
        return COMPLETIONS + 16 * ((index - 1) % (1 << self.log2))

    def _record(self, memory, index: int) -> dict[str, int]:
        place = self.place(index)
        return COMPLETION.decode(memory[place : place + 16].tobytes())

    # The end of a batch

    def settle(self) -> bool:
        """Wait until the batch is complete; or return False: the machine is halted, and at rest."""
        target = self.first + len(self.given)
        still, beats = 0, None
        while self.read("COMPLETED")["commands"] != target:
            self.bus.run(200)
            counters = self.bus.counters()
            if beats != (beats := (counters.read_beats, counters.write_beats)):
                still = 0
            still += 1
            if still > 10 and counters.idle and self.read("STATUS")["halted"]:
                return False
            assert still < 100, f"hang: {self.state()}"
        return True

    def reset(self) -> None:
        """Drop all commands, by CTRL."""
        self.write("CTRL", enable=1, reset=1)
        self.until("STATUS", "reset_done", 1)
        self.was_reset()
        self.alike("HEAD", "TAIL", "COMPLETED", "LAST", "STATUS")

    def was_reset(self) -> None:
        """Begin anew after a reset: the bus is at rest, and no completion is left to be told of."""
        assert self.bus.counters().idle
        self.coalescing.reset()
        self.begin()

    def forget_flags(self) -> None:
        """Clear all of IRQ_STATUS: what it told of is gone."""
        self.write("IRQ_STATUS", complete=1, error=1, access=1, overflow=1)
        self.coalescing.told = False
        self.alike("IRQ_STATUS", "ERROR", "ERROR_ADDR_LO", "ERROR_ADDR_HI", "ACCESS")

    def forget_results(self, command: Mapping[str, int]) -> None:
        """Take the RTL's bytes of a command's c: it may have written a part of it."""
        c = operands(command, self.hardware)["c"]
        for address in c.row_addresses():
            at = address - self.base
            self.memory[at : at + c.row_octets] = self.bus.memory[at : at + c.row_octets]

    def finish(self, judge: Callable | None = None) -> list[dict[str, int]]:
        """Wait for all commands of the batch; compare completions, registers and memory.

        ``judge(command, golden's record, the RTL's)`` may return the record that the RTL must have
        given, where it is not the golden machine's.
        """
        self.wait(lambda: self.harvest() == len(self.given), "COMPLETED")
        done_at = self.bus.cycles
        self.until("STATUS", "idle", 1, 5000)
        assert self.bus.counters().idle
        by_sequence = {each["sequence"]: each for each in self.given}
        order: dict[int, list[int]] = {opcode: [] for opcode in WORK}
        for n, record in enumerate(self.got):
            command = by_sequence[record["sequence"]]
            want = self.wanted.pop(record["sequence"]) | {"index": self.first + n + 1}
            want |= self._verdict(want, record)
            if judge:
                want = judge(command, want, record)
            assert record == want, (record, want, command)
            if record["cause"] in (Cause.NONE, *WRITTEN) and command["opcode"] in WORK:
                order[command["opcode"]].append(self.given.index(command))
                if record["cause"]:
                    self.forget_results(command)
            self.coalescing.complete(command)
        for each in order.values():
            assert each == sorted(each), "commands of a unit were completed out of order"
        self.check_memory()
        self._check_registers(self.got)
        self._check_interrupt(done_at)
        self.forget_flags()
        names = (OPCODES.get(each["opcode"], "of no opcode") for each in self.got)
        self.tally.update(f"commands {name}" for name in names)
        self.tally["commands"] += len(self.got)
        records = self.got
        self.begin()
        return records

    def _verdict(self, want: Mapping[str, int], record: Mapping[str, int]) -> dict[str, int]:
        """Return the RTL's address of a program that both refuse, where what it says may be so."""
        if not want["cause"] == record["cause"] == Cause.PROGRAM:
            return {}
        golden, rtl = (verdict(each["address"]) for each in (want, record))
        self.tally[f"programs refused: {golden[0].name}"] += 1
        self.tally["programs refused otherwise than by golden"] += golden != rtl
        return {"address": record["address"]} if agree(golden, rtl) else {}

    def check_memory(self) -> None:
        """Compare all of memory but the completions."""
        end = COMPLETIONS + (16 << self.log2)
        self.memory[COMPLETIONS:end] = self.bus.memory[COMPLETIONS:end]
        if not np.array_equal(self.memory, self.bus.memory):
            wrong = np.flatnonzero(self.memory != self.bus.memory)
            raise AssertionError(
                f"{wrong.size} bytes differ from {self.base + int(wrong[0]):#x} to"
                f" {self.base + int(wrong[-1]):#x}, of commands {self._around(wrong)}"
            )

    def _around(self, wrong) -> list[object]:
        found: list[object] = []
        for n, each in enumerate(self.given):
            if each["opcode"] in WORK and each["m"]:
                low, high = operands(each, self.hardware)["c"].span
                inside = (wrong >= low - self.base) & (wrong <= high - self.base)
                if inside.any():
                    kind, record = None, RECORDS.get(each["opcode"])
                    if record and not each["flags"] & Flags.RAW:
                        at = each["settings"] - self.base
                        kind = record.decode(self.memory[at : at + record.size].tobytes())
                    found.append((n, int(inside.sum()), each, kind))
        return found or ["a stray write", self.given]

    def _check_registers(self, records: list[dict[str, int]]) -> None:
        """Compare what registers tell of the last command, and of the first that has a cause."""
        self.alike("HEAD", "TAIL", "COMPLETED")
        if records:
            assert self.read("LAST") == {n: records[-1][n] for n in ("sequence", "cause", "opcode")}
        wrong = [each for each in records if each["cause"]]
        want = dict.fromkeys(("cause", "unit", "sequence", "address"), 0)
        if wrong:
            want = {name: wrong[0].get(name, 0) for name in want}
            met = wrong[0]["cause"] in WRITTEN
            want["unit"] = UNITS[Opcode.of(wrong[0]["opcode"])] if met else 0
        assert self.error() == want
        same = self.read_golden("ERROR")["cause"] == want["cause"] != Cause.PROGRAM
        if same and len(wrong) <= 1:
            self.alike("ERROR", "ERROR_ADDR_LO", "ERROR_ADDR_HI")
        status = self.read("IRQ_STATUS")
        assert status["error"] == bool(wrong), (status, wrong)
        assert not status["overflow"]
        assert not status["access"]

    def _check_interrupt(self, done_at: int) -> None:
        """Compare IRQ_STATUS.complete with the rule; where time must pass, let it pass."""
        coalescing, enable = self.coalescing, self.golden.fields.get("IRQ_ENABLE", {})
        waits, early = 64 * coalescing.time, coalescing.told
        if coalescing.time and self.got:
            self.bus.run(max(0, done_at + waits + 16 - self.bus.cycles))
            if not early and enable.get("complete") and not self.read("IRQ_STATUS")["error"]:
                # Told by time alone, so not before it was up since the batch began.
                raised = self.bus.counters().interrupt_at
                assert self.begun_at + 64 * coalescing.time <= raised <= done_at + waits + 16
                self.tally["interrupts by time"] += 1
            coalescing.tell()
        status, flags = self.read("IRQ_STATUS"), ("complete", "error")
        assert status["complete"] == coalescing.told, (status, vars(coalescing))
        high = any(status[name] and enable.get(name, 0) for name in flags)
        assert self.bus.interrupt == high
        self.tally["interrupts"] += high
        self.tally["batches coalesced by count"] += bool(coalescing.count)
        self.tally["batches coalesced by time"] += bool(coalescing.time)
