"""The worked example of the data sheet: a small product, byte by byte, as golden carries it out."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gemmule.gen.driver.buses.golden import GoldenBus
from gemmule.gen.driver.registers import REGISTERS
from gemmule.golden.common.formats import Format
from gemmule.golden.soc.commands import (
    COMMAND,
    COMPLETION,
    SETTINGS,
    VERSION,
    Columns,
    Flags,
    Opcode,
)
from gemmule.golden.soc.hardware import Hardware
from gemmule.golden.soc.memory import Matrix, MemoryImage
from gemmule.hw.soc.register_map import register_map

__all__ = ["BASE", "SIZE", "Example", "worked_example"]

BASE, SIZE = 0x1000_0000, 0x240
"""Memory of the example."""

RING, COMPLETIONS, RECORD, A, B, C = 0, 0x80, 0xC0, 0x100, 0x140, 0x1C0
M, N, MOST_K = 2, 3, 4
STRIDE = 16
OFFSETS = (10, 0, -10)
IDLE = sum(1 << register_map()["STATUS"][each].low for each in ("idle", "reset_done", "room"))

Step = tuple[str, str, int]
"""``write``, ``read`` or ``until`` and a register with its value; or ``wait``."""


@dataclass(frozen=True)
class Example:
    """What stands in memory before and after, what is written and read, and what it all means."""

    arrays: dict[str, list]
    command: dict[str, int]
    settings: dict[str, int]
    completion: dict[str, int]
    before: bytes
    after: bytes
    ring: list[Step]
    direct: list[Step]

    def lines(self, octets: bytes) -> Iterator[str]:
        """Yield memory as text, those lines of 16 bytes that are not all 0."""
        about = {RING: "command", COMPLETIONS: "completion", RECORD: "settings, offsets behind",
                 A: "a", B: "b", C: "c"}  # fmt: skip
        for place in range(0, len(octets), 16):
            row = octets[place : place + 16]
            if any(row):
                note = f"  # {about[place]}" if place in about else ""
                yield f"{BASE + place:08x} {row.hex()}{note}"

    def steps(self, which: list[Step]) -> Iterator[str]:
        """Yield steps as text."""
        for what, name, value in which:
            at = f" {REGISTERS[name].address:03x} {value:08x}  # {name}" if name else ""
            yield f"{what}{at}"


def worked_example(hardware: Hardware) -> Example:
    """Return the example for a configuration."""
    k = min(MOST_K, hardware.max_k)
    a = _numbers(hardware.a_format, M, k, 7)
    b = _numbers(hardware.b_format, k, N, 5)
    memory = np.zeros(SIZE, np.uint8)
    image = MemoryImage(memory, BASE)
    image.write_matrix(Matrix(BASE + A, STRIDE, M, k, hardware.a_octets), a)
    image.write_matrix(Matrix(BASE + B, STRIDE, k, N, hardware.b_octets), b)
    settings = {
        "columns": Columns.OFFSETS, "rounding": 0, "shift": min(2, hardware.max_shift),
        "multiplier": min(3, (1 << hardware.multiplier_width) - 1),
        "zero_point": 1, "low": -128, "high": 127,
    }  # fmt: skip
    offsets = np.array(OFFSETS, "<i4").tobytes()
    image.write(BASE + RECORD, SETTINGS.encode(settings) + offsets)
    command = {
        "opcode": Opcode.GEMM, "version": VERSION, "flags": Flags.INTERRUPT, "c_size": 0,
        "sequence": 7, "a": BASE + A, "b": BASE + B, "c": BASE + C, "settings": BASE + RECORD,
        "a_stride": STRIDE, "b_stride": STRIDE, "c_stride": STRIDE, "m": M, "n": N, "k": k,
    }  # fmt: skip
    octets = COMMAND.encode(command)
    image.write(BASE + RING, octets)
    before = memory.tobytes()
    ring, direct = _ring_steps(hardware), _direct_steps(octets)
    after = _carried_out(hardware, memory, ring if hardware.ring else direct)
    c = MemoryImage(np.frombuffer(after, np.uint8), BASE).read_matrix(
        Matrix(BASE + C, STRIDE, M, N, 1), signed=True, width=8
    )
    completion = COMPLETION.decode(after[COMPLETIONS : COMPLETIONS + COMPLETION.size])
    arrays = {"a": a.tolist(), "b": b.tolist(), "offset": list(OFFSETS), "c": c.tolist()}
    whole = {each.name: command.get(each.name, 0) for each in COMMAND.entries}
    return Example(
        arrays, whole, settings, completion, before, after, ring if hardware.ring else [], direct
    )


def _numbers(fmt: Format, rows: int, columns: int, step: int) -> np.ndarray:
    """Return a few small numbers of a format, negative ones among them if it has some."""
    count = np.arange(rows * columns, dtype=np.int64).reshape(rows, columns)
    low, high = max(-4, fmt.low), min(6, fmt.high)
    return count * step % (high - low + 1) + low


def _begin() -> list[Step]:
    return [
        ("until", "STATUS", IDLE),
        ("write", "COMPLETION_BASE_HI", 0),
        ("write", "COMPLETION_BASE_LO", BASE + COMPLETIONS | 1),
        ("write", "IRQ_ENABLE", 1),
    ]


def _end() -> list[Step]:
    return [
        ("wait", "", 0),
        ("read", "IRQ_STATUS", 1),
        ("write", "IRQ_STATUS", 1),
        ("read", "COMPLETED", 1),
    ]


def _ring_steps(hardware: Hardware) -> list[Step]:
    return [
        *_begin(),
        ("write", "RING_BASE_LO", BASE + RING),
        ("write", "RING_BASE_HI", 0),
        ("write", "RING_SIZE", 1),
        ("write", "CTRL", 1),
        ("write", "TAIL", 1),
        *_end(),
        ("read", "HEAD", 1),
    ]


def _direct_steps(octets: bytes) -> list[Step]:
    words = np.frombuffer(octets, "<u4").tolist()
    return [
        *_begin(),
        ("write", "CTRL", 1),
        *(("write", f"COMMAND_{number}", word) for number, word in enumerate(words)),
        ("write", "PUSH", 1),
        *_end(),
        ("read", "HEAD", 0),
    ]


def _carried_out(hardware: Hardware, memory: np.ndarray, steps: list[Step]) -> bytes:
    """Return memory after the steps; what is read must be what the steps say."""
    bus = GoldenBus(hardware, base=BASE, memory=memory.copy())
    for what, name, value in steps:
        if what == "wait":
            bus.wait(1e-3, interrupt=True)
        elif what == "write":
            bus.write32(REGISTERS[name].address, value)
        elif bus.read32(REGISTERS[name].address) != value:
            raise ValueError(f"{name} of the example is not {value}")
    return bus.memory.tobytes()
