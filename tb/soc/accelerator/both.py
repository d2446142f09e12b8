"""The accelerator's RTL and the golden machine, with the same registers and the same memory."""

from collections import Counter
from collections.abc import Callable

import numpy as np

from gemmule.gen.driver.registers import REGISTERS
from gemmule.gen.simulation.axi import AxiMemory, SimulatedBus
from gemmule.golden.soc.check import Window
from gemmule.golden.soc.machine import Machine
from gemmule.golden.soc.memory import MemoryImage

from .configurations import CONFIGURATIONS, base_of, program
from .interrupts import Coalescing
from .stimuli.places import COMPLETIONS, RING, SIZE

__all__ = ["Both"]

PAUSES = ("pause_ar", "pause_r", "pause_aw", "pause_w", "pause_b")

SMALLEST_LOG2 = 5


class Both:
    """Both machines: what one is told, the other is.

    ``tally`` counts what was done, under names that a campaign prints.
    """

    def __init__(self, name: str, seed: int):
        params = CONFIGURATIONS[name]
        self.params, self.hardware = params, params.hardware
        self.rng = np.random.default_rng([seed, *name.encode()])
        self.base = base_of(params, self.rng)
        self.bus = SimulatedBus(
            program(name), SIZE, AxiMemory(base=self.base, latency=10, patience=500), seed=seed
        )
        self.bus.memory[:] = self.rng.integers(0, 256, SIZE, np.uint8)
        self.memory = self.bus.memory.copy()
        self.golden = Machine(MemoryImage(self.memory, self.base), self.hardware)
        self.tally: Counter[str] = Counter()
        self.memory_is: dict[str, float] = {}
        self.coalescing = Coalescing()
        self.until("STATUS", "reset_done", 1)
        for part, place in (("RING_BASE", RING), ("COMPLETION_BASE", COMPLETIONS)):
            address = self.base + place
            self.write(f"{part}_LO", address=(address & 0xFFFF_FFFF) >> 6)
            self.write(f"{part}_HI", address=address >> 32)
        self.write("COMPLETION_BASE_LO", address=(address & 0xFFFF_FFFF) >> 6, enable=1)
        self.set_rings(SMALLEST_LOG2)
        self.write("CTRL", enable=1)

    def __enter__(self):
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

    def read_golden(self, register: str) -> dict[str, int]:
        """Read the fields of a register of the golden machine, those that it does not know as 0."""
        found = self.golden.read(register)
        return {name: int(found.get(name, 0)) for name in REGISTERS[register].fields}

    def alike(self, *registers: str) -> None:
        """Compare registers."""
        for each in registers:
            got, want = self.read(each), self.read_golden(each)
            assert got == want, (each, got, want)

    def error(self) -> dict[str, int]:
        """Read ERROR and its address of the RTL."""
        got, low, high = (self.read(f"ERROR{part}") for part in ("", "_ADDR_LO", "_ADDR_HI"))
        return got | {"address": low["address"] | high["address"] << 32}

    def until(self, register: str, field: str, value: int, patience: int = 10_000) -> None:
        """Wait until a field has a value, while something moves in so many cycles."""
        self.wait(lambda: self.read(register)[field] == value, register, patience)

    def wait(self, met: Callable[[], bool], what: str, patience: int = 10_000) -> None:
        """Wait until something is met, while something moves in so many cycles."""
        moved, beats, pause = self.bus.cycles, None, 8
        while not met():
            self.poll()
            counters = self.bus.counters()
            if beats != (beats := (counters.read_beats, counters.write_beats)):
                moved = self.bus.cycles
            if self.bus.cycles > moved + patience:
                raise AssertionError(f"hang: {what}, {self.state()}")
            self.bus.run(pause)
            pause = min(2 * pause, 2000)

    def poll(self) -> None:
        """Do what is to be done again and again while the RTL works."""

    def state(self) -> str:
        """Say what a message of a hang should tell."""
        names = ("STATUS", "HEAD", "TAIL", "COMPLETED", "ERROR")
        registers = {name: self.read(name) for name in names}
        return f"{registers}, {self.bus.counters()}, {self.memory_is}"

    def set_rings(self, log2: int) -> None:
        """Let both rings have so many places; only while idle."""
        self.log2 = log2
        self.write("RING_SIZE", log2=log2)

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

    # The rest of the system

    def disturb(self) -> None:
        """Choose latency, bandwidth, order of answers and pauses of all channels anew."""
        rng = self.rng
        kind = int(rng.integers(5))
        most = (0.0, 0.2, 0.4, 0.8, 0.0)[kind]
        pauses = {name: float(rng.random() * most) for name in PAUSES}
        if kind == 2:  # one channel alone is slow
            slow = str(rng.choice(PAUSES))
            pauses = {name: 0.9 * (name == slow) for name in PAUSES}
        latency = round(np.exp(rng.uniform(0, np.log(500 if rng.random() < 0.3 else 40))))
        if rng.random() < 0.02:
            latency = int(rng.choice([1, 500]))
        self.memory_is = dict(
            latency=latency,
            outstanding=int(rng.choice([1, 2, 8, 64] if latency < 50 else [8, 64])),
            bandwidth=float(rng.choice([0, 0, self.params.bus / 2, self.params.bus])),
            reorder=bool(rng.random() < 0.3),
            pause_lite=0.5 * (kind == 3),
            pause_length=float(rng.choice([0, 0, 4, 32])),
            **pauses,
        )
        self.bus.set(**self.memory_is)
        kind = next(most for most in (1, 50, 499, 500) if latency <= most)
        self.tally[f"batches with a latency of up to {kind}"] += 1
        self.tally["batches"] += 1
        self.tally["batches with pauses"] += any(pauses.values())
        long = any(pauses.values()) and self.memory_is["pause_length"] > 0
        self.tally["batches with pauses of many cycles"] += long
        self.tally["batches with answers out of order"] += self.memory_is["reorder"]

    def put(self, place: int, octets: bytes) -> None:
        """Write bytes of both memories."""
        for memory in (self.bus.memory, self.memory):
            memory[place : place + len(octets)] = np.frombuffer(octets, np.uint8)
