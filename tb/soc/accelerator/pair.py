"""The accelerator's RTL and the golden machine, with the same registers and the same memory."""

from collections.abc import Callable, Mapping

import numpy as np

from gemmule.gen.driver.registers import REGISTERS
from gemmule.gen.simulation.axi import AxiMemory, SimulatedBus
from gemmule.golden.soc.check import Window, operands
from gemmule.golden.soc.commands import COMMAND, COMPLETION, SETTINGS, Cause, Flags, Opcode
from gemmule.golden.soc.machine import Machine
from gemmule.golden.soc.memory import MemoryImage

from .configurations import CONFIGURATIONS, SIZE, base_of, hardware_of, program

__all__ = ["COMPLETIONS", "LOG2", "RING", "SETTINGS_END", "SETTINGS_START", "Pair"]

LOG2 = 5
"""Of the commands that the rings hold."""

RING, COMPLETIONS = 0x0440, 0x1080
SETTINGS_START, SETTINGS_END = 0x2000, 0xA000
"""Offsets in memory, half-open; behind it are operands and results."""

WRITTEN = (
    Cause.SETTINGS,
    Cause.READ_SLAVE,
    Cause.READ_DECODE,
    Cause.WRITE_SLAVE,
    Cause.WRITE_DECODE,
)
"""Causes of commands that may have written a part of c."""

PAUSES = ("pause_ar", "pause_r", "pause_aw", "pause_w", "pause_b")


class Pair:
    """Both machines: what one is told, the other is, and afterwards they must be alike.

    Commands complete in the golden machine as they are put; the RTL gets to know of them by
    :meth:`ring`. `check` compares all of memory, so no stray write is missed.
    """

    def __init__(self, name: str, seed: int):
        params = CONFIGURATIONS[name]
        self.params, self.hardware = params, hardware_of(params)
        self.base = base_of(params)
        self.rng = np.random.default_rng([seed, *name.encode()])
        self.bus = SimulatedBus(
            program(name), SIZE, AxiMemory(base=self.base, latency=10, patience=500), seed=seed
        )
        self.bus.memory[:] = self.rng.integers(0, 256, SIZE, np.uint8)
        self.memory = self.bus.memory.copy()
        self.golden = Machine(MemoryImage(self.memory, self.base), self.hardware)
        self.commands = 0
        self.memory_is: dict[str, float] = {}
        self.until("STATUS", "reset_done", 1)
        for part, place in (("RING_BASE", RING), ("COMPLETION_BASE", COMPLETIONS)):
            address = self.base + place
            self.write(f"{part}_LO", address=(address & 0xFFFF_FFFF) >> 6)
            self.write(f"{part}_HI", address=address >> 32)
        self.write("COMPLETION_BASE_LO", address=(address & 0xFFFF_FFFF) >> 6, enable=1)
        self.write("RING_SIZE", log2=LOG2)
        self.write("CTRL", enable=1)
        self.begin()

    def __enter__(self) -> "Pair":
        return self

    def __exit__(self, *_: object) -> None:
        self.bus.close()

    # Registers

    def write(self, register: str, **given: int) -> None:
        """Write a register of both; fields that are not named are 0."""
        known = REGISTERS[register].fields
        fields = {name: given.get(name, 0) for name in known}
        self.golden.write(register, fields)
        self.write_rtl(register, **fields)

    def write_rtl(self, register: str, **fields: int) -> None:
        """Write a register of the RTL alone."""
        where = REGISTERS[register]
        word = sum(value << where.fields[name].low for name, value in fields.items())
        self.bus.write32(where.address, word)

    def read(self, register: str) -> dict[str, int]:
        """Read the fields of a register of the RTL."""
        where = REGISTERS[register]
        word = self.bus.read32(where.address)
        return {name: (word & each.mask) >> each.low for name, each in where.fields.items()}

    def until(self, register: str, field: str, value: int, patience: int = 10_000) -> None:
        """Wait until a field has a value, while something moves in so many cycles."""
        moved, beats, pause = self.bus.cycles, None, 8
        while self.read(register)[field] != value:
            counters = self.bus.counters()
            if beats != (beats := (counters.read_beats, counters.write_beats)):
                moved = self.bus.cycles
            if self.bus.cycles > moved + patience:
                raise AssertionError(f"hang: {register} {self.read(register)}, {self.state()}")
            self.bus.run(pause)
            pause = min(2 * pause, 2000)

    def state(self) -> str:
        """Say what a message of a hang should tell."""
        names = ("STATUS", "HEAD", "TAIL", "COMPLETED", "ERROR")
        registers = {name: self.read(name) for name in names}
        return f"{registers}, {self.bus.counters()}, {self.memory_is}, {self.given}"

    def set_windows(self, windows: list[Window]) -> None:
        """Let these four windows count; none is all of memory."""
        for n, each in enumerate(windows):
            for name, address in (("BASE", each.base), ("LIMIT", each.limit)):
                self.write(f"WINDOW_{n}_{name}_LO", address=address & 0xFFFF_FFFF)
                self.write(f"WINDOW_{n}_{name}_HI", address=address >> 32)
        masks = {
            name: sum(getattr(each, name) << n for n, each in enumerate(windows))
            for name in ("read", "write")
        }
        self.write("WINDOW_CTRL", everything=not windows, **masks)

    def disturb(self, hard: bool = True) -> None:
        """Choose latency, bandwidth and pauses of all channels anew."""
        rng = self.rng
        kind = int(rng.integers(5)) if hard else 0
        most = (0.0, 0.2, 0.4, 0.8, 0.0)[kind]
        pauses = {name: float(rng.random() * most) for name in PAUSES}
        if kind == 2:  # one channel alone is slow
            slow = str(rng.choice(PAUSES))
            pauses = {name: 0.9 * (name == slow) for name in PAUSES}
        latency = int(np.exp(rng.uniform(0, np.log(500 if rng.random() < 0.3 else 40))))
        self.memory_is = dict(
            latency=latency,
            outstanding=int(rng.choice([1, 2, 8, 64] if latency < 50 else [8, 64])),
            bandwidth=float(rng.choice([0, 0, self.params.bus / 2, self.params.bus])),
            pause_lite=0.5 * (kind == 3),
            **pauses,
        )
        self.bus.set(**self.memory_is)

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
        self.begin()
        assert self.bus.counters().idle
        for name in ("HEAD", "TAIL", "COMPLETED"):
            assert self.read(name) == self.golden.read(name)

    # Memory

    def put(self, place: int, octets: bytes) -> None:
        """Write bytes of both memories."""
        for memory in (self.bus.memory, self.memory):
            memory[place : place + len(octets)] = np.frombuffer(octets, np.uint8)

    # Commands

    def begin(self) -> None:
        """Begin a batch of commands."""
        self.given: list[dict[str, int]] = []
        self.wanted: dict[int, dict[str, int]] = {}
        self.first = self.golden.read("COMPLETED")["commands"]

    def command(self, command: Mapping[str, int], *, direct: bool = False) -> Cause:
        """Put a command into the ring or push it; return what the golden machine makes of it."""
        octets = COMMAND.encode(command) if isinstance(command, Mapping) else command
        golden = self.golden
        if direct:
            self.until("STATUS", "room", 1)
            for n in self.rng.permutation(16).tolist():
                self.write(
                    f"COMMAND_{n}", bytes=int.from_bytes(octets[4 * n : 4 * n + 4], "little")
                )
            self.write("PUSH", push=1)
        else:
            tail = golden.read("TAIL")["commands"]
            self.put(RING + 64 * (tail % (1 << LOG2)), octets)
            golden.write("TAIL", {"commands": tail + 1})
        golden.advance()
        index = golden.read("COMPLETED")["commands"]
        assert index == self.first + len(self.given) + 1, (command, "is not complete in golden")
        record = self._record(self.memory, index)
        assert record["sequence"] not in self.wanted
        self.wanted[record["sequence"]] = record
        self.given.append(COMMAND.decode(octets))
        return Cause(record["cause"])

    def stuck(self, command: Mapping[str, int]) -> None:
        """Hand over a command that never begins: the golden machine's watchdog runs out."""
        tail = self.golden.read("TAIL")["commands"]
        if self.params.ring:
            self.put(RING + 64 * (tail % (1 << LOG2)), COMMAND.encode(command))
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
        return COMPLETIONS + 16 * ((index - 1) % (1 << LOG2))

    def _record(self, memory, index: int) -> dict[str, int]:
        place = self.place(index)
        return COMPLETION.decode(memory[place : place + 16].tobytes())

    def forget_results(self, command: Mapping[str, int]) -> None:
        """Take the RTL's bytes of a command's c: it may have written a part of it."""
        c = operands(command, self.hardware)["c"]
        for address in c.row_addresses():
            at = address - self.base
            self.memory[at : at + c.row_octets] = self.bus.memory[at : at + c.row_octets]

    def finish(self, judge: Callable | None = None) -> list[dict[str, int]]:
        """Wait for all commands of the batch; compare completions, ERROR and memory.

        ``judge(command, golden's record, the RTL's)`` may return the record that the RTL must have
        given, where it is not the golden machine's.
        """
        self.until("COMPLETED", "commands", self.first + len(self.given))
        self.until("STATUS", "idle", 1, 5000)
        assert self.bus.counters().idle
        by_sequence = {each["sequence"]: each for each in self.given}
        records, order = [], []
        for index in range(self.first + 1, self.first + len(self.given) + 1):
            record = self._record(self.bus.memory, index)
            command = by_sequence[record["sequence"]]
            want = self.wanted.pop(record["sequence"]) | {"index": index}
            if judge:
                want = judge(command, want, record)
            assert record == want, (record, want, command)
            records.append(record)
            if record["cause"] in (Cause.NONE, *WRITTEN) and command["opcode"] == Opcode.GEMM:
                order.append(self.given.index(command))
                if record["cause"]:
                    self.forget_results(command)
        assert order == sorted(order), "products were completed out of order"
        self.check_memory()
        self._check_error(records)
        self.commands += len(records)
        self.begin()
        return records

    def check_memory(self) -> None:
        """Compare all of memory but the completions."""
        end = COMPLETIONS + (16 << LOG2)
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
            if each["opcode"] == Opcode.GEMM and each["m"]:
                low, high = operands(each, self.hardware)["c"].span
                inside = (wrong + self.base >= low) & (wrong + self.base <= high)
                if inside.any():
                    kind = None
                    if not each["flags"] & Flags.RAW:
                        at = each["settings"] - self.base
                        kind = SETTINGS.decode(self.memory[at : at + SETTINGS.size].tobytes())
                    found.append((n, int(inside.sum()), each, kind))
        return found or ["a stray write", self.given]

    def _check_error(self, records: list[dict[str, int]]) -> None:
        """Compare ERROR with the first record that has a cause, and forget it."""
        wrong = [each for each in records if each["cause"]]
        if wrong:
            got, low, high = (self.read(f"ERROR{part}") for part in ("", "_ADDR_LO", "_ADDR_HI"))
            first = wrong[0]
            address = low["address"] | high["address"] << 32
            assert (got["cause"], got["sequence"], address) == tuple(
                first[name] for name in ("cause", "sequence", "address")
            ), (got, hex(address), first)
            assert got["unit"] == int(first["cause"] in WRITTEN)
        status = self.read("IRQ_STATUS")
        assert status["error"] == bool(wrong), (status, wrong)
        assert not status["overflow"]
        assert not status["access"]
        assert status["complete"] == any(each["flags"] & Flags.INTERRUPT for each in self.given)
        self.write("IRQ_STATUS", complete=1, error=1, access=1, overflow=1)
