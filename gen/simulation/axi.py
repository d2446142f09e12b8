"""A design with AXI ports in co-simulation: its program, and the bus on which a driver meets it."""

import os
import struct
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from gemmule.gen.block import Block
from gemmule.gen.verilog.emit import Emitted
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.options import Options

from .compile import CPP, Kind, compiled
from .engine import emitted_once

__all__ = [
    "AxiMemory",
    "Counters",
    "SimulatedBus",
    "Violation",
    "build_axi",
    "open_simulation",
]

KIND = Kind(
    "Vdut",
    verilate=("-Wno-SYMRSVDWORD",),  # `interrupt`, which C++ code of Verilator's own has as well
    driver=(CPP / "axi" / "loop.cpp",),
    glue=(CPP / "axi" / "design.cpp",),
)
WITH_WAVES = replace(KIND, waves=True)

OPERATION = struct.Struct("<IIQQ")
ANSWER = struct.Struct("<IIQQ")
RENAMED = {"interrupt": "__SYM__interrupt"}
"""What Verilator calls ports in C++ whose names it has itself."""

PATIENCE = 100_000_000
"""Cycles that a job may take where nobody says how many."""

STANDSTILL = 500_000
"""Cycles without a transfer on the bus, beside the memory's latency, in which an interrupt that is
waited for must come."""

WRITE, READ, RUN, COUNT, TAKE, RESET, END = range(1, 8)


class Violation(Exception):
    """The hardware broke a rule of AXI; the sentence says which, where, and in which cycle."""


@dataclass(frozen=True, kw_only=True)
class AxiMemory:
    """The memory of a co-simulation, and how the other ends of all channels behave.

    Parameters
    ----------
    base
        Address of its first byte. What lies outside is answered by DECERR.
    latency
        Cycles from a read's address to its first beat, and from a write's last beat to its answer.
    bandwidth
        Bytes a cycle, reads and writes together; 0 is as much as the bus moves.
    outstanding
        Bursts of a direction that are taken before the first of them is answered.
    reorder
        Whether answers to different ids come in any order, with beats of reads interleaved.
    pause_ar, pause_r, pause_aw, pause_w, pause_b, pause_lite
        Probability with which our end of a channel holds back in a cycle; ``lite``: of registers.
    pause_length
        Cycles of a pause on average, so that what was held back comes in a row; 0: each cycle is
        chosen for itself.
    patience
        Cycles in which the hardware must answer an access to a register.
    """

    base: int = 0
    latency: int = 30
    bandwidth: float = 0
    outstanding: int = 64
    reorder: bool = False
    pause_ar: float = 0
    pause_r: float = 0
    pause_aw: float = 0
    pause_w: float = 0
    pause_b: float = 0
    pause_lite: float = 0
    pause_length: float = 0
    patience: int = 10_000

    def __post_init__(self) -> None:
        for each in fields(self):
            _check(each.name, getattr(self, each.name))

    def lines(self) -> list[str]:
        """Return the settings as the program takes them."""
        return [_line(each.name, getattr(self, each.name)) for each in fields(self)]


@dataclass(frozen=True)
class Counters:
    """What a co-simulation counted since its start.

    ``written_at`` is the cycle in which the data of the last register write was taken,
    ``interrupt_at`` the one in which the interrupt last rose. ``bytes_read`` are those of all
    beats, ``bytes_written`` those with a strobe; ``read_waits`` counts cycles in which a beat was
    offered and not taken, ``write_waits`` those in which data was owed and not offered;
    ``most_reads`` and ``most_writes`` are the most bursts under way at once.
    """

    cycles: int
    written_at: int
    interrupt_at: int
    interrupt: int
    register_reads: int
    register_writes: int
    bytes_read: int
    bytes_written: int
    read_bursts: int
    write_bursts: int
    read_beats: int
    write_beats: int
    read_waits: int
    write_waits: int
    most_reads: int
    most_writes: int
    idle: int


def build_axi(emitted: Emitted, *, waves: bool = False) -> Path:
    """Return the co-simulation's program for a design whose ports are named as AXI's are.

    They are ``aclk aresetn interrupt``, ``s_axi_*`` of AXI4-Lite with 32 bits of data, and
    ``m_axi_*`` of AXI4.
    """
    pins = "".join(
        f'PIN("{port.name}", {RENAMED.get(port.name, port.name)}, {port.width})\n'
        for port in emitted.manifest.ports
    )
    return compiled(
        WITH_WAVES if waves else KIND, emitted.verilog, emitted.top, {"pins.inc": pins}, "axi"
    )


def open_simulation(
    params: Options,
    memory: AxiMemory | None = None,
    *,
    block: Block | str = "accelerator",
    size: int = 1 << 24,
    seed: int = 0,
    timeline: Path | None = None,
    waves: Path | None = None,
) -> "SimulatedBus":
    """Return the bus to a block with AXI ports, in co-simulation; it is built if it must be.

    All else is as of :class:`SimulatedBus`.
    """
    program = build_axi(emitted_once(block, params), waves=waves is not None)
    return SimulatedBus(program, size, memory, seed=seed, timeline=timeline, waves=waves)


class SimulatedBus:
    """A design in co-simulation, as :class:`gen.driver.buses.bus.Bus` describes it.

    Time passes only in accesses to registers, in :meth:`wait` and :meth:`run`; the clock is
    ``frequency``. Memory is coherent. A rule that the hardware breaks ends the run:
    :class:`Violation`.

    Parameters
    ----------
    program : of :func:`build_axi`
    size : bytes of the memory
    memory
    seed : of all pauses and orders
    timeline : file to write bursts, accesses and edges of the interrupt to, a line each:
        ``read|write,id,address,beats,asked,first,last``, ``write32|read32,offset,value,cycle``,
        ``interrupt,level,0,cycle``
    waves : FST file to write; the program must be built for it
    """

    def __init__(
        self,
        program: Path,
        size: int = 1 << 22,
        memory: AxiMemory | None = None,
        *,
        seed: int = 0,
        timeline: Path | None = None,
        waves: Path | None = None,
        frequency: float = 100e6,
    ):
        memory = memory or AxiMemory()
        self._latency = memory.latency
        self._folder = TemporaryDirectory(prefix="gemmule-")
        image = Path(self._folder.name, "image")
        with image.open("wb") as file:
            file.truncate(size)
        self.image = image
        self.memory = np.memmap(image, np.uint8, "r+")
        self.base = memory.base
        self.frequency = frequency
        self.timeout = PATIENCE / frequency
        self.cycles = 0
        self._ended: str | None = None
        lines = memory.lines()
        lines += [f"timeline {Path(timeline).absolute()}"] if timeline else []
        lines += [f"waves {Path(waves).absolute()}"] if waves else []
        self._process = subprocess.Popen(
            [str(program), str(image), str(size), str(seed % 2**63), *lines],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"LC_ALL": "C"},
        )

    def __enter__(self) -> "SimulatedBus":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read32(self, offset: int) -> int:
        """Return the register at ``offset`` bytes."""
        return self.access(offset)[0]

    def write32(self, offset: int, value: int) -> None:
        """Write the register at ``offset`` bytes."""
        self.access(offset, value)

    def access(self, offset: int, value: int | None = None, strobes: int = 15) -> tuple[int, int]:
        """Read a register, or write it; return the data and the response, 0 for OKAY."""
        if value is None:
            return self._ask(READ, offset)
        return self._ask(WRITE, offset, value, strobes)

    def run(self, cycles: int, *, until_interrupt: bool = False, patience: int = 0) -> int:
        """Let ``cycles`` pass, fewer where the interrupt is high; return the cycle it is then.

        Where nothing moves on the bus for ``patience`` cycles, if not 0, the run ends.
        """
        self._ask(RUN, int(until_interrupt), cycles, patience)
        return self.cycles

    def wait(self, seconds: float, interrupt: bool) -> None:
        """Let ``seconds`` of the hardware's time pass, or less where the interrupt is raised.

        An interrupt that is waited for while nothing moves on the bus for long will never come:
        :class:`Violation`.
        """
        patience = STANDSTILL + 4 * self._latency if interrupt else 0
        cycles = max(1, round(seconds * self.frequency))
        self.run(cycles, until_interrupt=interrupt, patience=patience)

    def now(self) -> float:
        """Return the hardware's time in seconds."""
        return self.cycles / self.frequency

    @property
    def interrupt(self) -> bool:
        """Whether the interrupt is high."""
        return bool(self.counters().interrupt)

    def for_device(self, offset: int, length: int) -> None:
        """Do nothing: memory is coherent."""

    def for_host(self, offset: int, length: int) -> None:
        """Do nothing: memory is coherent."""

    def counters(self) -> Counters:
        """Return what was counted."""
        _, count = self._ask(COUNT)
        return Counters(*struct.unpack(f"<{count}Q", self._receive(8 * count)))

    def set(self, **settings: Any) -> None:
        """Change settings of :class:`AxiMemory` from the next cycle on."""
        known = {each.name for each in fields(AxiMemory)} - {"base"}
        for name, value in settings.items():
            if name not in known:
                raise UsageError(f"a memory has no setting {name!r}; it has {sorted(known)}")
            _check(name, value)
            self._take(_line(name, value))
        self._latency = settings.get("latency", self._latency)

    def fault(
        self,
        *,
        write: bool = False,
        decode: bool = False,
        beat: int | None = None,
        span: tuple[int, int] | None = None,
    ) -> None:
        """Answer by SLVERR or DECERR: the ``beat``-th beat from now on, 0 is the next, and only it;
        or all beats with a byte in the half-open ``span`` of addresses.
        """
        if (beat is None) == (span is None):
            raise UsageError("a fault is at a beat or in a span of addresses")
        place = f"beat {beat}" if span is None else f"span {span[0]} {span[1] - 1}"
        self._take(f"fault {int(write)} {3 if decode else 2} {place}")

    def no_faults(self) -> None:
        """Forget all faults that were asked for."""
        self._take("no_faults")

    def reset(self, cycles: int = 4) -> None:
        """Hold ``aresetn`` low; the memory keeps its bytes and forgets its bursts."""
        self._ask(RESET, 0, cycles)

    def close(self) -> None:
        """End the program."""
        if self._process.poll() is None and not self._ended:
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._process.wait(timeout=60)
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                stream.close()
        self._folder.cleanup()

    def _take(self, line: str) -> None:
        self._ask(TAKE, 0, len(line.encode()), text=line)

    def _ask(
        self, what: int, a: int = 0, b: int = 0, c: int = 0, text: str = ""
    ) -> tuple[int, int]:
        if self._ended:
            raise Violation(self._ended)
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it says why in its last answer
            self._process.stdin.write(OPERATION.pack(what, a, b, c) + text.encode())
            self._process.stdin.flush()
        status, value, self.cycles, more = ANSWER.unpack(self._receive(ANSWER.size))
        if status:
            self._ended = self._receive(value).decode()
            raise Violation(self._ended)
        return value, more

    def _receive(self, count: int) -> bytes:
        assert self._process.stdout is not None
        octets = self._process.stdout.read(count)
        if len(octets) < count:
            raise RuntimeError("the co-simulation ended early")
        return octets


RANGES: Mapping[str, tuple[float, float]] = {
    "base": (0, 2**64 - 1),
    "latency": (1, 2**32),
    "bandwidth": (0, 2**32),
    "outstanding": (1, 4096),
    "reorder": (0, 1),
    "patience": (1, 2**32),
    "pause_length": (0, 2**32),
}


WHOLE = {each.name for each in fields(AxiMemory) if each.type in (int, bool)}
"""Settings that are whole numbers."""


def _check(name: str, value: float) -> None:
    low, high = RANGES.get(name, (0, 0.999))
    if not low <= value <= high:
        raise UsageError(f"{name} of a memory must be in {low}..{high}, not {value}")


def _line(name: str, value: float) -> str:
    return f"{name} {int(value) if name in WHOLE else float(value)}"
