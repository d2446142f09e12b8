"""What software does with a control plane in co-simulation, and what it must then find."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from gemmule.gen.driver.registers import REGISTERS
from gemmule.gen.simulation.axi import AxiMemory, SimulatedBus
from gemmule.golden.soc.check import Window, refusal
from gemmule.golden.soc.commands import COMMAND, COMPLETION, NO_B, TRANSPOSED, Cause, Opcode
from gemmule.hw.soc.control.layouts import UNITS

from .plane import FAILS, HARDWARE, OPTIONAL, program

__all__ = [
    "ALONE",
    "CONVOLUTION",
    "GEMM",
    "LOGS",
    "PAIR",
    "PAUSES",
    "RECORDS",
    "RING",
    "TURNED",
    "Software",
    "numbered",
    "unawaited",
    "word",
]

RING, RECORDS, LOGS = 0x1_0000, 0x2_0000, 0x4_0000
"""Where the rings are, and what the unit writes."""

SIZE = 1 << 20

GEMM = {
    "opcode": 1,
    "version": 1,
    "m": 4,
    "n": 4,
    "k": 4,
    "a": 0x1000,
    "b": 0x2000,
    "c": LOGS,
    "settings": 0x4000,
    "a_stride": 4,
    "b_stride": 8,
    "c_stride": 4,
}

PAIR = {**GEMM, "opcode": 2, "k": 0, "sizes": 1}
"""A VECTOR of two operands, of two bytes and of one."""

ALONE = {**PAIR, "b": 0, "b_stride": 0, "sizes": NO_B << 2 | 1}
"""A VECTOR of one operand."""

TURNED = {**ALONE, "sizes": ALONE["sizes"] | TRANSPOSED}
"""A VECTOR of one operand, whose result is transposed."""

CONVOLUTION = {
    **{name: value for name, value in GEMM.items() if name != "k"},
    "opcode": Opcode.CONVOLUTION,
    "m": 9,
    "a_stride": 1 << 16,
    "b_stride": 77,
    "c_stride": 5,
}
"""A CONVOLUTION: the strides are bytes of its regions."""

PAUSES = ("pause_ar", "pause_r", "pause_aw", "pause_w", "pause_b", "pause_lite")


def numbered(commands, first=0):
    """Give commands sequences, and each a place of its own for what the unit writes."""
    return [
        {**each, "sequence": first + n, "c": LOGS + 64 * (first + n)}
        for n, each in enumerate(commands)
    ]


def unawaited(octets: bytes) -> bytes:
    """Let a command wait for nothing that may not come, and write where nothing else is."""
    fields = COMMAND.decode(octets)
    if 1 <= fields["wait"] <= 8:
        fields["wait_value"] = 0xFFFF  # just behind
    return COMMAND.encode(fields)


def word(register: str, **fields: int) -> int:
    """Return the word of a register."""
    return sum(value << REGISTERS[register].fields[name].low for name, value in fields.items())


class Software:
    """Hands commands over, and compares what comes of them with the golden check.

    Everything that the hardware writes is compared: the records, and the logs of the units, which
    have each legal command as it was. All other bytes stay.
    """

    def __init__(
        self,
        *,
        address_width: int = 40,
        data_width: int = 128,
        ring: bool = True,
        units: tuple[str, ...] = tuple(UNITS),
        seed: int = 0,
        **memory: float,
    ):
        settings = AxiMemory(**{"latency": 3, "patience": 200, **memory})
        built = program(address_width, data_width, ring, units)
        self.bus = SimulatedBus(built, SIZE, settings, seed=seed)
        self.hardware = replace(
            HARDWARE,
            address_width=address_width,
            data_width=data_width,
            **{name: unit for name, unit in OPTIONAL.items() if name in units},
        )
        self.windows = [Window(0, (1 << address_width) - 1, True, True)]
        self.rng = np.random.default_rng(seed)
        self.begun = False

    def __enter__(self) -> "Software":
        return self

    def __exit__(self, *_: object) -> None:
        self.bus.close()

    # Registers

    def write(self, register: str, value: int = 0, /, **fields: int) -> None:
        """Write a register, its word or its fields."""
        self.bus.write32(REGISTERS[register].address, value | word(register, **fields))

    def read(self, register: str) -> int:
        """Read a register."""
        return self.bus.read32(REGISTERS[register].address)

    def field(self, register: str, name: str) -> int:
        """Read a field of a register."""
        where = REGISTERS[register].fields[name]
        return (self.read(register) & where.mask) >> where.low

    def until(self, register: str, name: str, value: int, cycles: int = 20_000) -> None:
        """Wait until a field has a value, at most so many cycles."""
        end = self.bus.cycles + cycles
        while self.field(register, name) != value:
            assert self.bus.cycles < end, (register, name, self.field(register, name))

    def set_windows(self, windows: list[Window]) -> None:
        """Write windows, and let them count."""
        self.windows = windows
        for n, each in enumerate(windows):
            for name, address in (("BASE", each.base), ("LIMIT", each.limit)):
                self.write(f"WINDOW_{n}_{name}_LO", address & 0xFFFFFFFF)
                self.write(f"WINDOW_{n}_{name}_HI", address >> 32)
        masks = {
            name: sum(getattr(each, name) << n for n, each in enumerate(windows))
            for name in ("read", "write")
        }
        self.write("WINDOW_CTRL", **masks)

    # Commands

    def begin(self, *, log2: int = 4, records: bool = True, **control: int) -> None:
        """Wait for the end of a reset, empty memory, lay the rings out, and enable."""
        self.until("STATUS", "reset_done", 1)
        self.bus.memory[:] = 0xA5
        self.expected = self.bus.memory.copy()
        self.log2, self.tail, self.head, self.index = log2, 0, 0, 0
        self.logged, self.signals = 0, {}
        self.errors = 0
        self.write("RING_BASE_LO", RING)
        self.write("COMPLETION_BASE_LO", RECORDS | records)
        self.write("RING_SIZE", log2)
        self.write("IRQ_STATUS", 15)
        self.write("CTRL", enable=1, **control)

    def place(self, commands: Iterable[Mapping[str, int] | bytes]) -> None:
        """Write commands into the ring."""
        for each in commands:
            octets = each if isinstance(each, bytes) else COMMAND.encode(each)
            at = RING + 64 * (self.tail % (1 << self.log2))
            for memory in (self.bus.memory, self.expected):
                memory[at : at + 64] = np.frombuffer(octets, np.uint8)
            self.tail += 1

    def ring(self) -> None:
        """Ring the doorbell."""
        self.write("TAIL", self.tail)

    def carry_out(self, commands: list[Mapping[str, int] | bytes]) -> None:
        """Let the machine carry out commands, in as many turns as the ring needs for them."""
        size = 1 << self.log2
        for first in range(0, len(commands), size):
            part = commands[first : first + size]
            self.place(part)
            self.ring()
            self.check(part)

    def push(self, command: Mapping[str, int] | bytes) -> None:
        """Hand a command over through registers."""
        octets = command if isinstance(command, bytes) else COMMAND.encode(command)
        for n in self.rng.permutation(16).tolist():
            value = int.from_bytes(octets[4 * n : 4 * n + 4], "little")
            self.write(f"COMMAND_{n}", value)
        self.write("PUSH", 1)

    # What must come of them

    def verdict(self, octets: bytes) -> tuple[Cause, int]:
        """Return what must become of a command in check and unit."""
        fields = COMMAND.decode(octets)
        cause, address = refusal(fields, self.hardware, self.windows)
        mask = (1 << self.hardware.address_width) - 1
        if (
            cause is Cause.NONE
            and fields["opcode"] in UNITS.values()
            and fields["b_stride"] == FAILS
        ):
            return Cause.SETTINGS, 77
        return cause, address & mask

    def check(
        self,
        commands: Iterable[Mapping[str, int] | bytes],
        cycles: int = 50_000,
        *,
        ordered: bool = True,
    ) -> None:
        """Wait until all of these are complete, and compare records and logs.

        Commands complete in any order, but those of a unit in theirs if they are ``ordered``. No
        two have one sequence.
        """
        given = [each if isinstance(each, bytes) else COMMAND.encode(each) for each in commands]
        self.index += len(given)
        self.until("COMPLETED", "commands", self.index, cycles)
        size, left = 1 << self.log2, {}
        assert len(given) <= size, "records would be overwritten"
        for octets in given:
            left[COMMAND.decode(octets)["sequence"]] = octets
        assert len(left) == len(given)
        order: dict[int, list[int]] = {each: [] for each in UNITS.values()}
        for index in range(self.index - len(given) + 1, self.index + 1):
            at = RECORDS + 16 * ((index - 1) % size)
            record = COMPLETION.decode(self.bus.memory[at : at + 16].tobytes())
            octets = left.pop(record["sequence"])
            cause, address = self.verdict(octets)
            fields = COMMAND.decode(octets)
            must = {
                "index": index,
                "sequence": fields["sequence"],
                "cause": cause,
                "opcode": fields["opcode"],
                "address": address,
            }
            assert record == must, (Cause(record["cause"]), cause, fields)
            self.expected[at : at + 16] = np.frombuffer(COMPLETION.encode(must), np.uint8)
            self.errors += cause is not Cause.NONE
            if cause in (Cause.NONE, Cause.SETTINGS) and fields["opcode"] in UNITS.values():
                order[fields["opcode"]].append(given.index(octets))
                self._log(octets, fields["c"], timed=fields["opcode"] == Opcode.GEMM)
        for each in order.values():
            assert not ordered or each == sorted(each), "a unit's commands went out of order"
        np.testing.assert_array_equal(self.bus.memory, self.expected)

    def _log(self, octets: bytes, at: int, *, timed: bool) -> None:
        """Expect what a unit wrote, but for the byte that has a time."""
        at -= self.bus.base
        last = COMMAND["sizes"].offset
        self.expected[at : at + 64] = np.frombuffer(octets, np.uint8)
        if timed:
            self.expected[at + last] = self.bus.memory[at + last]
